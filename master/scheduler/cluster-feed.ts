/**
 * Keeps cache and queue in step with the API: what the informers tell becomes counted pods, waiting pods and events that wake
 * resting ones. Invariant: a pod that is being bound stays counted on its assumed node until the API says where it is, or
 * that it is gone.
 */
import { type ImageInfo, ImageInfoKind } from '../../shared/api/image-info.ts';
import { type Namespace, NamespaceKind } from '../../shared/api/namespace.ts';
import { type Node, NodeKind } from '../../shared/api/node.ts';
import { type NodeSensors, NodeSensorsKind } from '../../shared/api/node-sensors.ts';
import { type PersistentVolume, PersistentVolumeKind } from '../../shared/api/persistent-volume.ts';
import { type PersistentVolumeClaim, PersistentVolumeClaimKind } from '../../shared/api/persistent-volume-claim.ts';
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import { type StorageClass, StorageClassKind } from '../../shared/api/storage-class.ts';
import type { Client, KindRef } from '../../shared/client/client.ts';
import { Informer } from '../../shared/client/informer.ts';
import type { Labels } from '../../shared/machinery/label-selector.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { KubernetesObject } from '../../shared/schema/object-meta.ts';
import type { Cache } from './cache.ts';
import type { ClusterEvent } from './cluster-events.ts';
import type { PlacedPod } from './pod-groups.ts';
import { computePodInfo, isAssigned, isPending, type PodInfo } from './pod-info.ts';
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
  /** Something happened that may help a resting pod. */
  onEvent(event: ClusterEvent): void;
  /** The pod does not wait for a place any more. */
  onSettled(key: string): void;
}

/** A board that got cooler by so much may take pods again that it was too hot for. */
const COOLED_BY_CELSIUS = 1;

export class ClusterFeed implements Component {
  readonly #options: ClusterFeedOptions;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #sensors: Informer<NodeSensors>;
  readonly #namespaces: Informer<Namespace>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #classes: Informer<StorageClass>;
  readonly #images: Informer<ImageInfo>;

  constructor(options: ClusterFeedOptions) {
    this.#options = options;
    this.#nodes = this.#informerOf(NodeKind);
    this.#pods = this.#informerOf(PodKind);
    this.#sensors = this.#informerOf(NodeSensorsKind);
    this.#namespaces = this.#informerOf(NamespaceKind);
    this.#volumes = this.#informerOf(PersistentVolumeKind);
    this.#claims = this.#informerOf(PersistentVolumeClaimKind);
    this.#classes = this.#informerOf(StorageClassKind);
    this.#images = this.#informerOf(ImageInfoKind);
    this.#nodes.onChange((key, current, previous) => this.#onNode(key, current, previous));
    this.#pods.onChange((key, current) => this.#onPod(key, current));
    this.#sensors.onChange((key, current, previous) => this.#onSensors(key, current, previous));
    this.#namespaces.onChange((key, current, previous) => this.#onNamespace(key, current, previous));
    this.#images.onChange((_key, current, previous) => this.#onImage(current, previous));
    const { volumes } = options.cache;
    this.#keep(this.#volumes, volumes.volumes);
    this.#keep(this.#claims, volumes.claims);
    this.#keep(this.#classes, volumes.classes);
  }

  start(): Promise<void> {
    return startAll(this.#informers());
  }

  stop(): Promise<void> {
    return stopAll(this.#informers());
  }

  get hasSynced(): boolean {
    return this.#decisive().every((informer) => informer.hasSynced);
  }

  /** What decides is known; before that a decision would not know what is taken. */
  async whenSynced(): Promise<void> {
    await Promise.all(this.#decisive().map((informer) => informer.whenSynced()));
  }

  #informerOf<T extends KubernetesObject>(kind: KindRef<T>): Informer<T> {
    const { client, clock, random, logger } = this.#options;
    return new Informer<T>({ client, clock, random, logger, kind });
  }

  #decisive() {
    return [this.#namespaces, this.#classes, this.#volumes, this.#claims, this.#nodes, this.#pods];
  }

  #informers() {
    return [this.#sensors, this.#images, ...this.#decisive()];
  }

  #keep<T extends KubernetesObject>(informer: Informer<T>, map: Map<string, T>): void {
    informer.onChange((key, current) => {
      if (current === undefined) map.delete(key);
      else map.set(key, current);
      this.#options.onEvent({ type: 'storage-changed' });
    });
  }

  #onNode(key: string, current: Node | undefined, previous: Node | undefined): void {
    const { cache, onEvent } = this.#options;
    if (current === undefined) {
      cache.removeNode(key);
      return;
    }
    cache.setNode(current);
    if (mayTakeMore(current, previous)) onEvent({ type: 'node-changed', nodeName: key });
  }

  #onSensors(key: string, current: NodeSensors | undefined, previous: NodeSensors | undefined): void {
    const { cache, clock, onEvent } = this.#options;
    cache.setSensors(key, current, clock.monotonicMs());
    const [now, before] = [current?.temperatureCelsius, previous?.temperatureCelsius];
    if (before === undefined) return;
    if (now === undefined || now <= before - COOLED_BY_CELSIUS) onEvent({ type: 'node-changed', nodeName: key });
  }

  #onImage(current: ImageInfo | undefined, previous: ImageInfo | undefined): void {
    const { cache, onEvent } = this.#options;
    const { image } = (current ?? previous)?.spec ?? { image: '' };
    if (current === undefined) cache.images.infos.delete(image);
    else cache.images.infos.set(image, current);
    onEvent({ type: 'image-changed', image });
  }

  #onNamespace(key: string, current: Namespace | undefined, previous: Namespace | undefined): void {
    const { cache, onEvent } = this.#options;
    const labels = current && (current.metadata.labels ?? {});
    if (previous !== undefined && labels !== undefined && sameLabels(labels, previous.metadata.labels)) return;
    cache.setNamespace(key, labels);
    onEvent({ type: 'namespace-changed', namespace: key });
  }

  #onPod(key: string, current: Pod | undefined): void {
    if (current !== undefined && isPending(current)) {
      this.#onPending(key, current);
      return;
    }
    this.#settle(key);
    if (current !== undefined && isAssigned(current)) this.#onAssigned(key, current);
    else this.#noteLeft(this.#options.cache.removePod(key));
  }

  #settle(key: string): void {
    const { queue, cache, onSettled } = this.#options;
    const queued = queue.get(key);
    if (queued === undefined) return;
    cache.nominate(queued.pod, undefined);
    queue.remove(key);
    onSettled(key);
  }

  #onPending(key: string, current: Pod): void {
    const { cache, queue, onWork } = this.#options;
    const known = queue.get(key);
    if (known?.pod.uid !== current.metadata.uid) {
      this.#noteLeft(cache.removePod(key));
      const pod = computePodInfo(current);
      queue.set(pod);
      // Room was being made for it before this scheduler started.
      cache.nominate(pod, current.status.nominatedNodeName || undefined);
    } else if (mayFitBetter(current, known.pod.pod)) queue.set(computePodInfo(current));
    else known.pod = { ...known.pod, pod: current };
    onWork();
  }

  #onAssigned(key: string, pod: Pod): void {
    const { cache } = this.#options;
    const nodeName = pod.spec.nodeName ?? '';
    const placed = cache.placed(key);
    // Most updates are of the status, and end here.
    if (placed !== undefined && isSameToOthers(placed.pod, pod) && cache.confirm(key, pod.metadata.uid, nodeName))
      return;
    const info = computePodInfo(pod);
    this.#noteLeft(cache.setPod(info, nodeName));
    this.#options.onEvent({ type: 'pod-placed', pod: info, nodeName });
  }

  #noteLeft(left: PlacedPod | undefined): void {
    if (left !== undefined) this.#options.onEvent({ type: 'pod-left', pod: left.pod, nodeName: left.nodeName });
  }
}

/** Whether what other pods' placement depends on is as it was: labels, amounts, and whether the pod stays. */
function isSameToOthers(known: PodInfo, { metadata }: Pod): boolean {
  const before = known.pod.metadata;
  return (
    known.isLeaving === (metadata.deletionTimestamp !== undefined) &&
    before.generation === metadata.generation &&
    sameLabels(known.labels, metadata.labels)
  );
}

function sameLabels(a: Labels, b: Labels = {}): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
