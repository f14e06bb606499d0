/**
 * The binding cycle of one pod: volumes first where it has claims that wait, then the bind itself, then the event. It runs
 * beside the decisions; what failed is undone and the pod comes back after its back-off.
 */
import { PodKind } from '../../shared/api/pod.ts';
import type { Client } from '../../shared/client/client.ts';
import { type EventRecorder, subjectOf } from '../../shared/client/event-recorder.ts';
import { parseKey } from '../../shared/client/informer.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Cache } from './cache.ts';
import type { PodInfo } from './pod-info.ts';
import type { VolumeBinder, VolumePlan } from './volumes/volume-binder.ts';

export interface BinderOptions {
  client: Client;
  logger: Logger;
  cache: Cache;
  events: EventRecorder;
  volumes: VolumeBinder;
  /** Something ended: there is room for more. */
  onDone(): void;
  /** The pod is not on the node after all. */
  onFailed(pod: PodInfo, nodeName: string): void;
}

/** Binds under way at the same time; they share the store's commits. */
const MAX_IN_FLIGHT = 256;

/** Pods that wait for their volumes: they cost nothing but the room that they hold. */
const MAX_WAITING_FOR_VOLUMES = 1_000;

export class Binder {
  readonly #options: BinderOptions;
  readonly #binds = new Set<Promise<void>>();
  readonly #waiting = new Set<Promise<void>>();

  constructor(options: BinderOptions) {
    this.#options = options;
  }

  get hasRoom(): boolean {
    return this.#binds.size < MAX_IN_FLIGHT && this.#waiting.size < MAX_WAITING_FOR_VOLUMES;
  }

  async stop(): Promise<void> {
    this.#options.volumes.stop();
    await Promise.all([...this.#waiting, ...this.#binds]);
  }

  /** The pod is assumed on the node. */
  start(pod: PodInfo, nodeName: string): void {
    const node = this.#options.cache.node(nodeName);
    const plan = node && this.#options.volumes.reserve(pod, node);
    if (plan === undefined) this.#track(this.#binds, this.#bind(pod, nodeName));
    else this.#track(this.#waiting, this.#bindVolumes(pod, plan));
  }

  #track(set: Set<Promise<void>>, work: Promise<void>): void {
    const tracked = work.finally(() => {
      set.delete(tracked);
      this.#options.onDone();
    });
    set.add(tracked);
  }

  /** Never rejects. */
  async #bindVolumes(pod: PodInfo, plan: VolumePlan): Promise<void> {
    const { volumes } = this.#options;
    try {
      await volumes.bind(plan);
    } catch (error) {
      volumes.release(plan);
      this.#fail(pod, plan.nodeName, error);
      return;
    }
    await this.#bind(pod, plan.nodeName);
    volumes.release(plan);
  }

  /** Never rejects. */
  async #bind(pod: PodInfo, nodeName: string): Promise<void> {
    const { client, events } = this.#options;
    try {
      await client.post(PodKind, parseKey(pod.key), 'binding', renderBinding(pod, nodeName));
      const message = `Successfully assigned ${pod.key} to ${nodeName}`;
      events.event(subjectOf(PodKind, pod.pod), 'Normal', 'Scheduled', message);
    } catch (error) {
      this.#fail(pod, nodeName, error);
    }
  }

  #fail(pod: PodInfo, nodeName: string, error: unknown): void {
    const { logger, events, onFailed } = this.#options;
    onFailed(pod, nodeName);
    // A pod that is gone or that somebody else placed: the informer will say so.
    const isOvertaken = isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict');
    logger[isOvertaken ? 'debug' : 'warn']('bind failed', { pod: pod.key, node: nodeName, error });
    if (isOvertaken) return;
    const message = `binding to ${nodeName} failed: ${error instanceof Error ? error.message : String(error)}`;
    events.event(subjectOf(PodKind, pod.pod), 'Warning', 'FailedScheduling', message);
  }
}

function renderBinding(pod: PodInfo, nodeName: string) {
  const { name, namespace, uid } = pod.pod.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid },
    target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
  };
}
