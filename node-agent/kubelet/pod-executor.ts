/** Carries out the steps of a plan: one function an action, and a new kind of action does not compile without one. */

import type { Container } from '../../shared/api/container.ts';
import type { Pod } from '../../shared/api/pod.ts';
import { parseImageReference } from '../../shared/machinery/image-reference.ts';
import { findCredentials, type PullCredentials, parsePullSecret } from '../../shared/machinery/pull-credentials.ts';
import { defined } from '../../shared/platform/assert.ts';
import type { ContainerRuntime } from '../container-runtime/runtime.ts';
import type { ContainerMaker } from './container-maker.ts';
import type { ContainerStops } from './container-stops.ts';
import type { DeletionWriter } from './deletion-writer.ts';
import { isEngineProblem } from './engine-problem.ts';
import type { ContainerHooks } from './hooks/container-hooks.ts';
import type { ImageManager } from './images/image-manager.ts';
import type { PodAction } from './pod/pod-actions.ts';
import { findContainer } from './pod/pod-containers.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodTarget } from './pod-target.ts';
import type { SandboxMaker } from './sandbox-maker.ts';
import { ConfigError, type ConfigReader } from './spec/config-reader.ts';
import { imageOf } from './spec/container-config.ts';
import { ignoredFields } from './spec/unserved.ts';
import type { StartProblems } from './start-problems.ts';
import { HostFilesError } from './volumes/host-files.ts';
import type { VolumeManager } from './volumes/volume-manager.ts';

export interface PodExecutorOptions {
  runtime: ContainerRuntime;
  deletions: DeletionWriter;
  volumes: VolumeManager;
  images: ImageManager;
  stops: ContainerStops;
  hooks: ContainerHooks;
  sandboxes: SandboxMaker;
  maker: ContainerMaker;
  problems: StartProblems;
  /** Why amounts of containers could not be changed. */
  resizeProblems: StartProblems;
  reader: ConfigReader;
  events: PodEvents;
  /** Look at the pod again. */
  enqueue(uid: string): void;
}

type ActionOf<Type extends PodAction['type']> = Extract<PodAction, { type: Type }>;

type Executors = {
  [Type in PodAction['type']]: (action: ActionOf<Type>, target: PodTarget) => Promise<void>;
};

export class PodExecutor {
  readonly #options: PodExecutorOptions;
  readonly #executors: Executors;

  constructor(options: PodExecutorOptions) {
    this.#options = options;
    const { runtime, volumes, deletions, sandboxes } = options;
    this.#executors = {
      'run-sandbox': ({ attempt }, target) => sandboxes.run(podOf(target), attempt),
      'remove-sandbox': ({ id }) => runtime.removeSandbox(id),
      'ensure-image': (action, target) => this.#ensureImage(action, target),
      'create-container': (action, target) => this.#createContainer(action, target),
      'start-container': (action, target) => this.#startContainer(action, target),
      'update-container': (action, target) => this.#updateContainer(action, target),
      'stop-container': (action, target) => this.#stopContainer(action, target),
      'remove-container': ({ id }) => runtime.removeContainer(id),
      'remove-files': (_action, { uid }) => volumes.remove(uid),
      'finish-deletion': async (_action, target) => deletions.finish(podOf(target)),
    };
  }

  /** Rejects with RuntimeError or StatusError when the step could not be taken; the next plan makes up for it. */
  execute<Type extends PodAction['type']>(action: ActionOf<Type> & { type: Type }, target: PodTarget): Promise<void> {
    const executor: (action: ActionOf<Type>, target: PodTarget) => Promise<void> = this.#executors[action.type];
    return executor(action, target);
  }

  async #ensureImage({ container: name, attempt }: ActionOf<'ensure-image'>, target: PodTarget): Promise<void> {
    const { images, events, problems, enqueue } = this.#options;
    const pod = podOf(target);
    const container = containerOf(pod, name);
    const reference = imageOf(container);
    if (parseImageReference(reference) === undefined) {
      this.#noteMisnamed(target, name, reference);
      return;
    }
    if (problems.get(target.uid, name)?.reason === 'InvalidImageName') problems.clear(target.uid, name);
    await images.ensure({
      ...{ uid: target.uid, container: name, attempt, reference },
      policy: container.imagePullPolicy ?? 'IfNotPresent',
      credentials: this.#credentialsFor(pod, reference),
      report: (type, reason, message) => events.container(pod, name, { type, reason, message }),
      onVerdict: () => enqueue(target.uid),
    });
  }

  /** A Secret that is not there is told; the registry may not ask for it. */
  #credentialsFor(pod: Pod, reference: string): PullCredentials[] {
    const { reader, events } = this.#options;
    const image = parseImageReference(reference);
    const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => name ?? []);
    const found = names.map((name) => ({ name, secret: reader.secret(pod.metadata.namespace ?? '', name) }));
    const missing = found.filter(({ secret }) => secret.state === 'absent').map(({ name }) => name);
    if (missing.length > 0) {
      const why = 'attempting to pull the image may not succeed.';
      const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); ${why}`;
      events.pod(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
    }
    const entries = found.flatMap(({ secret }) => (secret.state === 'present' ? parsePullSecret(secret.object) : []));
    return image === undefined ? [] : findCredentials(entries, image);
  }

  async #createContainer(action: ActionOf<'create-container'>, target: PodTarget): Promise<void> {
    const { runtime, problems, images, events, maker } = this.#options;
    const { uid } = target;
    const pod = podOf(target);
    const { container: name, attempt } = action;
    const use = { uid, container: name, attempt };
    try {
      const id = await runtime.createContainer(action.sandboxId, await maker.render(action, target));
      problems.clear(uid, name);
      events.container(pod, name, { type: 'Normal', reason: 'Created', message: `Created container: ${name}` });
      this.#tellIgnored(pod, name);
      await this.#start(target, name, id);
      images.release(use);
    } catch (error) {
      if (error instanceof ConfigError || error instanceof HostFilesError) {
        this.#noteProblem(target, name, 'CreateContainerConfigError', error.message);
      } else if (!isEngineProblem(error)) throw error;
      else if (error.reason === 'image-not-found') images.invalidate(use);
      else this.#noteProblem(target, name, 'CreateContainerError', error.message);
    }
  }

  async #startContainer({ container, id }: ActionOf<'start-container'>, target: PodTarget): Promise<void> {
    await this.#start(target, container, id);
  }

  /** A program that cannot be started is an ended run like others: its container shows it. */
  async #start(target: PodTarget, name: string, id: string): Promise<void> {
    const { runtime, events, hooks } = this.#options;
    const pod = podOf(target);
    try {
      await runtime.startContainer(id);
      events.container(pod, name, { type: 'Normal', reason: 'Started', message: `Started container ${name}` });
      hooks.beginPostStart({ pod, container: containerOf(pod, name), containerId: id, podIp: target.facts.podIp });
    } catch (error) {
      if (!isEngineProblem(error) || error.reason !== 'start-failed') throw error;
      events.container(pod, name, { type: 'Warning', reason: 'Failed', message: `Error: ${error.message}` });
    }
  }

  async #updateContainer(action: ActionOf<'update-container'>, target: PodTarget): Promise<void> {
    const { runtime, resizeProblems, events } = this.#options;
    const { container: name, id, amounts } = action;
    const pod = podOf(target);
    try {
      await runtime.updateContainer(id, amounts);
      resizeProblems.clear(target.uid, name);
      const message = `Container ${name} resized`;
      events.container(pod, name, { type: 'Normal', reason: 'ResizeCompleted', message });
    } catch (error) {
      if (!isEngineProblem(error)) throw error;
      resizeProblems.set(target.uid, name, { reason: 'Error', message: error.message });
      events.container(pod, name, { type: 'Warning', reason: 'ResizeError', message: error.message });
    }
  }

  async #stopContainer(action: ActionOf<'stop-container'>, { uid, pod, facts }: PodTarget): Promise<void> {
    const { hooks, stops, events } = this.#options;
    const { container: name, id, graceSeconds, message } = action;
    if (pod) events.container(pod, name, { type: 'Normal', reason: 'Killing', message });
    const container = pod && findContainer(pod.spec, name)?.container;
    const stop = { uid, containerId: id, graceSeconds };
    if (pod === undefined || container?.lifecycle?.preStop === undefined) {
      stops.begin(stop);
      return;
    }
    const subject = { pod, container, containerId: id, podIp: facts.podIp };
    stops.begin({ ...stop, before: (signal) => hooks.preStop(subject, signal) });
  }

  #tellIgnored(pod: Pod, name: string): void {
    const ignored = ignoredFields(pod, containerOf(pod, name));
    if (ignored.length === 0) return;
    const message = `This node gives no effect to: ${ignored.join(', ')}`;
    this.#options.events.container(pod, name, { type: 'Warning', reason: 'FieldIgnored', message });
  }

  #noteMisnamed(target: PodTarget, name: string, reference: string): void {
    const { problems, events } = this.#options;
    const why = `couldn't parse image name "${reference}": invalid reference format`;
    const message = `Failed to apply default image tag "${reference}": ${why}`;
    problems.set(target.uid, name, { reason: 'InvalidImageName', message });
    events.container(podOf(target), name, { type: 'Warning', reason: 'InspectFailed', message });
    events.container(podOf(target), name, { type: 'Warning', reason: 'Failed', message: 'Error: InvalidImageName' });
  }

  #noteProblem(target: PodTarget, name: string, reason: string, message: string): void {
    const { problems, events } = this.#options;
    problems.set(target.uid, name, { reason, message });
    events.container(podOf(target), name, { type: 'Warning', reason: 'Failed', message: `Error: ${message}` });
  }
}

function podOf({ pod }: PodTarget): Pod {
  return defined(pod, 'the pod of a step that starts something');
}

function containerOf({ spec }: Pod, name: string): Container {
  return defined(findContainer(spec, name), `container ${name}`).container;
}
