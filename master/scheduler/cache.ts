/**
 * The scheduler's picture of the cluster, kept by small steps: nodes, their pods (those that were just placed and are not
 * confirmed yet included) and the boards' readings. A decision is synchronous, so the picture itself is its snapshot.
 * Invariant: each pod key is counted on at most one node.
 */
import type { Node } from '../../shared/api/node.ts';
import type { NodeSensors } from '../../shared/api/node-sensors.ts';
import { defined } from '../../shared/platform/assert.ts';
import { type BoardReading, computeBoardReading } from './board-reading.ts';
import { MutableNodeInfo, type NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

interface Placement {
  pod: PodInfo;
  nodeName: string;
  isAssumed: boolean;
}

export class Cache {
  readonly #nodes: MutableNodeInfo[] = [];
  readonly #byName = new Map<string, MutableNodeInfo>();
  readonly #placements = new Map<string, Placement>();
  /** Pods that say they are on a node that is not known (yet). */
  readonly #podsByNodeName = new Map<string, Set<string>>();
  readonly #readings = new Map<string, BoardReading>();

  /** In the order in which they became known. */
  get nodes(): readonly NodeInfo[] {
    return this.#nodes;
  }

  node(name: string): NodeInfo | undefined {
    return this.#byName.get(name);
  }

  get assumedCount(): number {
    return [...this.#placements.values()].filter((placement) => placement.isAssumed).length;
  }

  setNode(node: Node): void {
    const known = this.#byName.get(node.metadata.name);
    if (known === undefined) this.#addNode(new MutableNodeInfo(node));
    else known.setNode(node);
  }

  removeNode(name: string): void {
    const index = this.#nodes.findIndex((node) => node.name === name);
    if (index >= 0) this.#nodes.splice(index, 1);
    this.#byName.delete(name);
  }

  /** Absent: the board says nothing any more. */
  setSensors(name: string, sensors: NodeSensors | undefined, arrivedMs: number): void {
    if (sensors === undefined) this.#readings.delete(name);
    else this.#readings.set(name, computeBoardReading(sensors, arrivedMs));
    this.#byName.get(name)?.setReading(this.#readings.get(name));
  }

  /** True when the pod is counted on that node already; an assumed pod is confirmed by it. */
  confirm(key: string, uid: string, nodeName: string): boolean {
    const known = this.#placements.get(key);
    if (known?.nodeName !== nodeName || known.pod.uid !== uid) return false;
    known.isAssumed = false;
    return true;
  }

  /** The API says that the pod is there, wherever it was assumed to be. Returns the node that it left, if it did. */
  setPod(pod: PodInfo, nodeName: string): string | undefined {
    const left = this.removePod(pod.key);
    this.#place({ pod, nodeName, isAssumed: false });
    return left;
  }

  /** Returns the node on which room became free. */
  removePod(key: string): string | undefined {
    const known = this.#placements.get(key);
    if (known === undefined) return undefined;
    this.#placements.delete(key);
    this.#keysOn(known.nodeName).delete(key);
    if (this.#keysOn(known.nodeName).size === 0) this.#podsByNodeName.delete(known.nodeName);
    this.#byName.get(known.nodeName)?.removePod(known.pod);
    return known.nodeName;
  }

  /** Counts the pod in before the API server has been asked, so that the next decision does not give its room away. */
  assume(pod: PodInfo, nodeName: string): void {
    this.removePod(pod.key);
    this.#place({ pod, nodeName, isAssumed: true });
    this.#byName.get(nodeName)?.noteSinceReading(pod);
  }

  /** Undoes `assume` unless the API has confirmed the pod meanwhile. */
  forget(pod: PodInfo): void {
    const known = this.#placements.get(pod.key);
    if (known?.isAssumed && known.pod.uid === pod.uid) this.removePod(pod.key);
  }

  #addNode(node: MutableNodeInfo): void {
    this.#nodes.push(node);
    this.#byName.set(node.name, node);
    node.setReading(this.#readings.get(node.name));
    for (const key of this.#podsByNodeName.get(node.name) ?? []) {
      node.addPod(defined(this.#placements.get(key), 'the placement of an indexed pod').pod);
    }
  }

  #place(placement: Placement): void {
    this.#placements.set(placement.pod.key, placement);
    this.#keysOn(placement.nodeName).add(placement.pod.key);
    this.#byName.get(placement.nodeName)?.addPod(placement.pod);
  }

  #keysOn(nodeName: string): Set<string> {
    const known = this.#podsByNodeName.get(nodeName);
    if (known !== undefined) return known;
    const keys = new Set<string>();
    this.#podsByNodeName.set(nodeName, keys);
    return keys;
  }
}
