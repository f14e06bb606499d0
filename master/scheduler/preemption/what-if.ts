/**
 * A node with some of its pods taken away, on paper. Filters that look beyond one node are told, and told back: after `undo`
 * everything is as it was.
 */
import type { CompiledFilter } from '../feasibility.ts';
import { copyNode, type MutableNodeInfo, type NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';

export class WhatIf {
  readonly node: MutableNodeInfo;
  readonly #filters: readonly CompiledFilter[];
  readonly #removed = new Set<PodInfo>();
  /** Pods that went at some time. */
  readonly #touched = new Set<PodInfo>();

  constructor(filters: readonly CompiledFilter[], node: NodeInfo) {
    this.#filters = filters;
    this.node = copyNode(node);
  }

  remove(pod: PodInfo): void {
    this.node.removePod(pod);
    this.#removed.add(pod);
    this.#touched.add(pod);
    for (const { filter } of this.#filters) filter.podLeaves?.(pod, this.node);
  }

  add(pod: PodInfo): void {
    this.node.addPod(pod);
    this.#removed.delete(pod);
    for (const { filter } of this.#filters) filter.podComes?.(pod, this.node);
  }

  /** Exactly these of the pods that went are back. */
  restore(pods: readonly PodInfo[]): void {
    const back = new Set(pods);
    for (const pod of pods) if (this.#removed.has(pod)) this.add(pod);
    for (const pod of [...this.node.pods.values()]) if (this.#touched.has(pod) && !back.has(pod)) this.remove(pod);
  }

  undo(): void {
    for (const pod of [...this.#removed]) this.add(pod);
  }
}
