/**
 * Keeps cache and queue in step with the API: what the informers tell becomes counted pods, waiting pods and wake-ups.
 * Invariant: a pod that is being bound stays counted on its assumed node until the API says where it is, or that it is gone.
 */
import { type Node, NodeKind } from '../../shared/api/node.ts';
import { type NodeSensors, NodeSensorsKind } from '../../shared/api/node-sensors.ts';
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import type { Client } from '../../shared/client/client.ts';
import { Informer } from '../../shared/client/informer.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { Cache } from './cache.ts';
import { computePodInfo, isAssigned, isPending } from './pod-info.ts';
import type { SchedulingQueue } from './queue.ts';
import { mayFitBetter, mayTakeMore } from './wake-up.ts';

export interface ClusterFeedOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  cache: Cache;
  queue: SchedulingQueue;
  /** There may be something to decide. */
  onWork(): void;
  /** The node may take more pods than before. */
  onRoom(nodeName: string): void;
  /** The pod does not wait for a place any more. */
  onSettled(key: string): void;
}

export class ClusterFeed implements Component {
  readonly #options: ClusterFeedOptions;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #sensors: Informer<NodeSensors>;

  constructor(options: ClusterFeedOptions) {
    this.#options = options;
    const { client, clock, random, logger, cache } = options;
    this.#nodes = new Informer({ client, clock, random, logger, kind: NodeKind });
    this.#pods = new Informer({ client, clock, random, logger, kind: PodKind });
    this.#sensors = new Informer({ client, clock, random, logger, kind: NodeSensorsKind });
    this.#nodes.onChange((key, current, previous) => this.#onNode(key, current, previous));
    this.#pods.onChange((key, current) => this.#onPod(key, current));
    this.#sensors.onChange((key, current) => cache.setSensors(key, current, clock.monotonicMs()));
  }

  start(): Promise<void> {
    return startAll([this.#sensors, this.#nodes, this.#pods]);
  }

  stop(): Promise<void> {
    return stopAll([this.#sensors, this.#nodes, this.#pods]);
  }

  get hasSynced(): boolean {
    return this.#nodes.hasSynced && this.#pods.hasSynced;
  }

  /** Nodes and pods are known; before that a decision would not know what is taken. */
  async whenSynced(): Promise<void> {
    await Promise.all([this.#nodes.whenSynced(), this.#pods.whenSynced()]);
  }

  #onNode(key: string, current: Node | undefined, previous: Node | undefined): void {
    const { cache, onRoom } = this.#options;
    if (current === undefined) {
      cache.removeNode(key);
      return;
    }
    cache.setNode(current);
    if (mayTakeMore(current, previous)) onRoom(key);
  }

  #onPod(key: string, current: Pod | undefined): void {
    if (current !== undefined && isPending(current)) {
      this.#onPending(key, current);
      return;
    }
    this.#options.queue.remove(key);
    this.#options.onSettled(key);
    if (current !== undefined && isAssigned(current)) this.#onAssigned(key, current);
    else this.#noteLeft(this.#options.cache.removePod(key));
  }

  #onPending(key: string, current: Pod): void {
    const { cache, queue, onWork } = this.#options;
    const known = queue.get(key);
    if (known?.pod.uid !== current.metadata.uid) {
      this.#noteLeft(cache.removePod(key));
      queue.set(computePodInfo(current));
    } else if (mayFitBetter(current, known.pod.pod)) queue.set(computePodInfo(current));
    else known.pod = { ...known.pod, pod: current };
    onWork();
  }

  #onAssigned(key: string, pod: Pod): void {
    const { cache } = this.#options;
    const nodeName = pod.spec.nodeName ?? '';
    // Requests of a placed pod do not change, so most updates end here.
    if (cache.confirm(key, pod.metadata.uid, nodeName)) return;
    this.#noteLeft(cache.setPod(computePodInfo(pod), nodeName));
  }

  #noteLeft(nodeName: string | undefined): void {
    if (nodeName !== undefined) this.#options.onRoom(nodeName);
  }
}
