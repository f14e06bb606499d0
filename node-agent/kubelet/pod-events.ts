/** Tells users what happens to a pod and its containers, in Kubernetes' words. Repeats of one back-off are told once. */
import { PodRef } from '../../shared/api/kind-refs.ts';
import type { Pod } from '../../shared/api/pod.ts';
import { type EventRecorder, type EventType, subjectOf } from '../../shared/client/event-recorder.ts';
import { computeContainerIntent } from './pod/container-intent.ts';
import { type ContainerRole, containersOf, findContainer } from './pod/pod-containers.ts';
import type { PodView } from './pod/pod-view.ts';

const FIELDS: Record<ContainerRole, string> = {
  init: 'initContainers',
  main: 'containers',
  ephemeral: 'ephemeralContainers',
};

export class PodEvents {
  readonly #recorder: EventRecorder;
  /** Last back-off told of by pod and container. */
  readonly #told = new Map<string, string>();

  constructor(recorder: EventRecorder) {
    this.#recorder = recorder;
  }

  pod(pod: Pod, type: EventType, reason: string, message: string): void {
    this.#recorder.event(subjectOf(PodRef, pod), type, reason, message);
  }

  container(pod: Pod, container: string, event: { type: EventType; reason: string; message: string }): void {
    const fieldPath = `spec.${FIELDS[findContainer(pod.spec, container)?.role ?? 'main']}{${container}}`;
    this.#recorder.event({ ...subjectOf(PodRef, pod), fieldPath }, event.type, event.reason, event.message);
  }

  /** Tells of containers that wait before their next start, once a wait. */
  tellBackOffs(view: PodView): void {
    const { pod } = view;
    const { name, namespace, uid } = pod.metadata;
    for (const placed of containersOf(pod.spec)) {
      const { container } = placed;
      const intent = computeContainerIntent(view, placed);
      if (intent.type === 'back-off') {
        const message = `Back-off restarting failed container ${container.name} in pod ${name}_${namespace}(${uid})`;
        this.#tellOnce(pod, container.name, `restart ${intent.delayMs}`, message);
      } else if (intent.type === 'create') {
        const verdict = view.image(container.name, intent.attempt);
        if (verdict?.type !== 'failed' || verdict.reason !== 'ImagePullBackOff') continue;
        this.#tellOnce(pod, container.name, 'pull', `Back-off pulling image "${container.image}"`);
      } else {
        this.#told.delete(`${uid}/${container.name}`);
      }
    }
  }

  forget(uid: string): void {
    for (const key of [...this.#told.keys()]) if (key.startsWith(`${uid}/`)) this.#told.delete(key);
  }

  #tellOnce(pod: Pod, container: string, what: string, message: string): void {
    const key = `${pod.metadata.uid}/${container}`;
    if (this.#told.get(key) === what) return;
    this.#told.set(key, what);
    this.container(pod, container, { type: 'Warning', reason: 'BackOff', message });
  }
}
