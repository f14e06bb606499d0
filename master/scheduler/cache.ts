/**
 * The scheduler's picture of the cluster, kept by small steps: nodes, their pods (those that were just placed and are not
 * confirmed yet included) and the boards' readings. A decision is synchronous, so the picture itself is its snapshot.
 * Invariant: each pod key is counted on at most one node.
 */
import type { Node } from '../../shared/api/node.ts';
import type { NodeSensors } from '../../shared/api/node-sensors.ts';
import type { Labels } from '../../shared/machinery/label-selector.ts';
import { ImageState } from './images/image-state.ts';
import { LocalScores } from './local-scores.ts';
import { MutableNodeInfo, type NodeInfo, type Slot } from './node-info.ts';
import { addTo, type PlacedPod, PodGroups } from './pod-groups.ts';
import type { PodInfo } from './pod-info.ts';
import { BoardReadings, type BoardSettings } from './readings/board-readings.ts';
import type { Snapshot } from './snapshot.ts';
import { TermIndex } from './term-index.ts';
import { TraitCounts } from './traits.ts';
import { VolumeState } from './volumes/volume-state.ts';

interface Placement {
  pod: PodInfo;
  nodeName: string;
  isAssumed: boolean;
}

export class Cache {
  readonly volumes = new VolumeState();
  readonly images = new ImageState();
  readonly #nodes: MutableNodeInfo[] = [];
  readonly #byName = new Map<string, MutableNodeInfo>();
  readonly #placements = new Map<string, Placement>();
  /** Pods that say they are on a node that is not known (yet). */
  readonly #homeless = new Map<string, Map<string, PodInfo>>();
  readonly #boards = new BoardReadings();
  readonly #traits = new TraitCounts();
  readonly #owners = new Map<string, Map<string, number>>();
  readonly #namespaces = new Map<string, Labels>();
  readonly #nominations = new Map<string, { pod: PodInfo; nodeName: string }>();
  readonly #groups = new PodGroups(
    () => this.#placed(),
    (namespace) => this.#namespaces.get(namespace),
  );
  readonly #terms = new TermIndex();
  readonly #localScores = new LocalScores();
  /** Of nodes that are gone. */
  readonly #freeSlots: Slot[] = [];

  /** In the order in which they became known. */
  get nodes(): readonly NodeInfo[] {
    return this.#nodes;
  }

  node(name: string): NodeInfo | undefined {
    return this.#byName.get(name);
  }

  /** It changes with the cache: for one synchronous decision. */
  snapshot(nowMs: number): Snapshot {
    const stale = this.#boards.takeStale(nowMs);
    if (stale === undefined) for (const node of this.#nodes) this.#refresh(node);
    else for (const name of stale) this.#refresh(this.#byName.get(name));
    return {
      nodes: this.#nodes,
      nowMs,
      node: (name) => this.#byName.get(name),
      traits: this.#traits,
      owners: this.#owners,
      groups: this.#groups,
      terms: this.#terms,
      volumes: this.volumes,
      images: this.images,
      localScores: this.#localScores,
    };
  }

  get assumedCount(): number {
    return [...this.#placements.values()].filter((placement) => placement.isAssumed).length;
  }

  setNode(node: Node): void {
    const known = this.#byName.get(node.metadata.name);
    this.#boards.noteNode(node.metadata.name);
    this.images.setNode(node);
    if (known === undefined) {
      this.#addNode(node);
      return;
    }
    this.#traits.count(known, -1);
    known.setNode(node);
    this.#traits.count(known, 1);
  }

  removeNode(name: string): void {
    const index = this.#nodes.findIndex((node) => node.name === name);
    const gone = this.#nodes[index];
    if (gone === undefined) return;
    this.images.removeNode(name);
    this.#traits.count(gone, -1);
    this.#nodes.splice(index, 1);
    this.#byName.delete(name);
    this.#freeSlots.push({ slot: gone.slot, version: gone.version + 1 });
    if (gone.pods.size > 0) this.#homeless.set(name, gone.pods);
  }

  setNamespace(name: string, labels: Labels | undefined): void {
    if (labels === undefined) this.#namespaces.delete(name);
    else this.#namespaces.set(name, labels);
    this.#groups.forget();
  }

  /** Absent: the board says nothing any more. */
  setSensors(name: string, sensors: NodeSensors | undefined, arrivedMs: number): void {
    this.#boards.set(name, sensors, arrivedMs);
  }

  configure(settings: BoardSettings): void {
    this.#boards.configure(settings);
  }

  /** The pod as it is counted; undefined: it is not. */
  placed(key: string): PlacedPod | undefined {
    return this.#placements.get(key);
  }

  /** True when the pod is counted on that node already; an assumed pod is confirmed by it. */
  confirm(key: string, uid: string, nodeName: string): boolean {
    const known = this.#placements.get(key);
    if (known?.nodeName !== nodeName || known.pod.uid !== uid) return false;
    known.isAssumed = false;
    return true;
  }

  /** The API says that the pod is there, wherever it was assumed to be. Returns the place that it left, if it did. */
  setPod(pod: PodInfo, nodeName: string): PlacedPod | undefined {
    const left = this.removePod(pod.key);
    this.#place({ pod, nodeName, isAssumed: false });
    return left;
  }

  /** Returns the place where room became free. */
  removePod(key: string): PlacedPod | undefined {
    const known = this.#placements.get(key);
    if (known === undefined) return undefined;
    const { pod, nodeName } = known;
    this.#placements.delete(key);
    const node = this.#byName.get(nodeName);
    if (node !== undefined) node.removePod(pod);
    else this.#removeHomeless(pod, nodeName);
    this.#count(pod, nodeName, -1);
    return known;
  }

  /** Counts the pod in before the API server has been asked, so that the next decision does not give its room away. */
  assume(pod: PodInfo, nodeName: string, nowMs: number): void {
    this.removePod(pod.key);
    this.#place({ pod, nodeName, isAssumed: true });
    this.#boards.noteArrival(nodeName, pod.requests, nowMs);
  }

  /** Undoes `assume` unless the API has confirmed the pod meanwhile. */
  forget(pod: PodInfo): void {
    const known = this.#placements.get(pod.key);
    if (known?.isAssumed && known.pod.uid === pod.uid) this.removePod(pod.key);
  }

  /** What if the pod were not there? Nobody else sees it. */
  withoutPod<T>(key: string, look: () => T): T {
    const placement = this.#placements.get(key);
    if (placement === undefined) return look();
    this.removePod(key);
    try {
      return look();
    } finally {
      this.#place(placement);
    }
  }

  /** Room is being made for the pod on that node; undefined: not any more. */
  nominate(pod: PodInfo, nodeName: string | undefined): void {
    const before = this.#nominations.get(pod.key);
    if (before !== undefined) this.#byName.get(before.nodeName)?.denominate(pod.key);
    this.#nominations.delete(pod.key);
    if (nodeName === undefined) return;
    this.#nominations.set(pod.key, { pod, nodeName });
    this.#byName.get(nodeName)?.nominate(pod);
  }

  nominatedNode(key: string): string | undefined {
    return this.#nominations.get(key)?.nodeName;
  }

  *#placed(): Generator<PlacedPod> {
    yield* this.#placements.values();
  }

  #addNode(object: Node): void {
    const { name } = object.metadata;
    const slot = this.#freeSlots.pop() ?? { slot: this.#nodes.length, version: 1 };
    const node = new MutableNodeInfo(object, this.#homeless.get(name)?.values(), slot);
    this.#homeless.delete(name);
    for (const { pod, nodeName } of this.#nominations.values()) if (nodeName === name) node.nominate(pod);
    this.#nodes.push(node);
    this.#byName.set(name, node);
    this.#traits.count(node, 1);
  }

  #refresh(node: MutableNodeInfo | undefined): void {
    if (node === undefined) return;
    this.#traits.count(node, -1);
    this.#boards.refresh(node);
    this.#traits.count(node, 1);
  }

  #place(placement: Placement): void {
    const { pod, nodeName } = placement;
    this.#placements.set(pod.key, placement);
    const node = this.#byName.get(nodeName);
    if (node !== undefined) node.addPod(pod);
    else this.#homeless.set(nodeName, (this.#homeless.get(nodeName) ?? new Map<string, PodInfo>()).set(pod.key, pod));
    this.#count(pod, nodeName, 1);
  }

  /** Owners without pods go. */
  #countOwner(uid: string, nodeName: string, sign: 1 | -1): void {
    const nodes = this.#owners.get(uid) ?? new Map<string, number>();
    addTo(nodes, nodeName, sign);
    if (nodes.size === 0) this.#owners.delete(uid);
    else this.#owners.set(uid, nodes);
  }

  #removeHomeless({ key }: PodInfo, nodeName: string): void {
    const pods = this.#homeless.get(nodeName);
    pods?.delete(key);
    if (pods?.size === 0) this.#homeless.delete(nodeName);
  }

  #count(pod: PodInfo, nodeName: string, sign: 1 | -1): void {
    this.#groups.count(pod, nodeName, sign);
    if (pod.ownerUid !== undefined) this.#countOwner(pod.ownerUid, nodeName, sign);
    this.#terms.count(pod, nodeName, sign);
    if (pod.claims.length > 0) this.volumes.count(pod, nodeName, sign);
  }
}
