/**
 * How many pods of some kind are on each node, kept by small steps once somebody has asked: constraints about neighbours
 * would otherwise look at every pod of the cluster at each decision.
 * Invariant: a group's counts are those of the placed pods that its queries all match.
 */

import type { PodInfo } from './pod-info.ts';
import { type NamespaceLabels, type PodQuery, queryMatches } from './pod-query.ts';

/** Node name → number of pods; nodes without such pods are absent. */
export type CountsByNode = ReadonlyMap<string, number>;

interface Group {
  queries: readonly PodQuery[];
  counts: Map<string, number>;
}

export interface PlacedPod {
  readonly pod: PodInfo;
  readonly nodeName: string;
}

/** Groups that are kept; the one that was asked for longest ago goes first. */
export const MAX_GROUPS = 1_024;

export class PodGroups {
  readonly #groups = new Map<string, Group>();
  readonly #placed: () => Iterable<PlacedPod>;
  readonly #labelsOf: NamespaceLabels;

  constructor(placed: () => Iterable<PlacedPod>, labelsOf: NamespaceLabels) {
    this.#placed = placed;
    this.#labelsOf = labelsOf;
  }

  /** Pods that all of the queries match. */
  counts(queries: readonly PodQuery[]): CountsByNode {
    const key = queries.map((query) => query.key).join('\n');
    const known = this.#groups.get(key);
    const group = known ?? this.#build(queries);
    this.#groups.delete(key);
    this.#groups.set(key, group);
    const [oldest] = this.#groups.keys();
    if (this.#groups.size > MAX_GROUPS && oldest !== undefined) this.#groups.delete(oldest);
    return group.counts;
  }

  matches(queries: readonly PodQuery[], pod: PodInfo): boolean {
    return queries.every((query) => queryMatches(query, pod, this.#labelsOf));
  }

  count(pod: PodInfo, nodeName: string, sign: 1 | -1): void {
    for (const { queries, counts } of this.#groups.values()) {
      if (this.matches(queries, pod)) addTo(counts, nodeName, sign);
    }
  }

  /** The labels of a namespace have changed. */
  forget(): void {
    this.#groups.clear();
  }

  #build(queries: readonly PodQuery[]): Group {
    const counts = new Map<string, number>();
    for (const { pod, nodeName } of this.#placed()) if (this.matches(queries, pod)) addTo(counts, nodeName, 1);
    return { queries, counts };
  }
}

/** Entries that fall to zero go, so that maps do not grow with everything that ever was. */
export function addTo<K>(map: Map<K, number>, key: K, amount: number): void {
  const sum = (map.get(key) ?? 0) + amount;
  if (sum === 0) map.delete(key);
  else map.set(key, sum);
}
