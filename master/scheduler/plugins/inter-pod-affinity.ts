/**
 * InterPodAffinity, filter: a pod is placed near the pods that it demands and away from those that it refuses, and away from
 * pods that refuse it. Source: Kubernetes, "Inter-pod affinity and anti-affinity".
 */
import type { ClusterEvent } from '../cluster-events.ts';
import type { FilterPlugin, NodeFilter, Reasons } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import type { CountsByNode } from '../pod-groups.ts';
import type { PodInfo } from '../pod-info.ts';
import { mayMatch, type PodQuery } from '../pod-query.ts';
import type { AffinityTerm } from '../pod-terms.ts';
import type { Snapshot } from '../snapshot.ts';

const NOT_NEAR: Reasons = ["node(s) didn't match pod affinity rules"];
const NOT_AWAY: Reasons = ["node(s) didn't match pod anti-affinity rules"];
const REFUSED: Reasons = ["node(s) didn't satisfy existing pods anti-affinity rules"];

export const interPodAffinityFilter: FilterPlugin = {
  name: 'InterPodAffinity',
  yieldsToPreemption: true,
  preFilter(pod, snapshot) {
    const { terms } = pod;
    const isAsking = terms !== undefined && terms.required.length + terms.antiRequired.length > 0;
    const refusing = snapshot.terms.hasAntiRequired ? refusingTerms(pod, snapshot) : [];
    return isAsking || refusing.length > 0 ? new AffinityFilter(pod, snapshot, refusing) : undefined;
  },
  wakesOn,
};

/** A pod that came may be the one to be near to, one that left the one to be away from. */
function wakesOn({ terms, ...pod }: PodInfo, event: ClusterEvent): boolean {
  switch (event.type) {
    case 'node-changed':
    case 'namespace-changed':
      return true;
    case 'storage-changed':
    case 'image-changed':
      return false;
    case 'pod-placed':
      return (terms?.required ?? []).some(({ query }) => mayMatch(query, event.pod));
    case 'pod-left':
      return (
        (terms?.antiRequired ?? []).some(({ query }) => mayMatch(query, event.pod)) ||
        (event.pod.terms?.antiRequired ?? []).some(({ query }) => mayMatch(query, pod))
      );
  }
}

interface RefusingTerm {
  term: AffinityTerm;
  nodes: CountsByNode;
}

function refusingTerms(pod: PodInfo, { terms, groups }: Snapshot): RefusingTerm[] {
  const refusing: RefusingTerm[] = [];
  for (const { term, nodes } of terms.antiRequired)
    if (groups.matches([term.query], pod)) refusing.push({ term, nodes });
  return refusing;
}

/** How many pods that matter are in each group of nodes: topology key → value → number. */
class TopologyCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  add(topologyKey: string, node: NodeInfo, amount: number): void {
    const domain = node.labels[topologyKey];
    if (domain === undefined) return;
    const ofKey = this.#counts.get(topologyKey) ?? new Map<string, number>();
    this.#counts.set(topologyKey, ofKey);
    ofKey.set(domain, (ofKey.get(domain) ?? 0) + amount);
  }

  addAll(topologyKey: string, nodes: CountsByNode, snapshot: Snapshot): void {
    for (const [name, count] of nodes) {
      const node = snapshot.node(name);
      if (node !== undefined) this.add(topologyKey, node, count);
    }
  }

  of(topologyKey: string, { labels }: NodeInfo): number {
    const domain = labels[topologyKey];
    return domain === undefined ? 0 : (this.#counts.get(topologyKey)?.get(domain) ?? 0);
  }

  /** Some key that counts in the node's group. */
  touches({ labels }: NodeInfo): boolean {
    for (const [topologyKey, ofKey] of this.#counts) {
      const domain = labels[topologyKey];
      if (domain !== undefined && (ofKey.get(domain) ?? 0) > 0) return true;
    }
    return false;
  }

  get isEmpty(): boolean {
    for (const ofKey of this.#counts.values()) for (const count of ofKey.values()) if (count > 0) return false;
    return true;
  }
}

class AffinityFilter implements NodeFilter {
  readonly #pod: PodInfo;
  readonly #snapshot: Snapshot;
  readonly #required: readonly AffinityTerm[];
  readonly #antiRequired: readonly AffinityTerm[];
  /** All of the demands together: a pod that counts matches each of them. */
  readonly #requiredQueries: readonly PodQuery[];
  /** A pod that would be near itself may be the first of its kind. */
  readonly #matchesItself: boolean;
  readonly #near = new TopologyCounts();
  readonly #away = new TopologyCounts();
  readonly #refusing = new TopologyCounts();

  constructor(pod: PodInfo, snapshot: Snapshot, refusing: readonly RefusingTerm[]) {
    this.#pod = pod;
    this.#snapshot = snapshot;
    this.#required = pod.terms?.required ?? [];
    this.#antiRequired = pod.terms?.antiRequired ?? [];
    this.#requiredQueries = this.#required.map((term) => term.query);
    this.#matchesItself = snapshot.groups.matches(this.#requiredQueries, pod);
    if (this.#required.length > 0) {
      const nodes = snapshot.groups.counts(this.#requiredQueries);
      for (const { topologyKey } of this.#required) this.#near.addAll(topologyKey, nodes, snapshot);
    }
    for (const { topologyKey, query } of this.#antiRequired) {
      this.#away.addAll(topologyKey, snapshot.groups.counts([query]), snapshot);
    }
    for (const { term, nodes } of refusing) this.#refusing.addAll(term.topologyKey, nodes, snapshot);
  }

  check(node: NodeInfo): Reasons | undefined {
    if (!this.#isNear(node)) return NOT_NEAR;
    if (this.#antiRequired.some(({ topologyKey }) => this.#away.of(topologyKey, node) > 0)) return NOT_AWAY;
    return this.#refusing.touches(node) ? REFUSED : undefined;
  }

  podComes(pod: PodInfo, node: NodeInfo): void {
    this.#change(pod, node, 1);
  }

  podLeaves(pod: PodInfo, node: NodeInfo): void {
    this.#change(pod, node, -1);
  }

  #isNear(node: NodeInfo): boolean {
    if (this.#required.length === 0) return true;
    if (this.#required.some(({ topologyKey }) => node.labels[topologyKey] === undefined)) return false;
    if (this.#required.every(({ topologyKey }) => this.#near.of(topologyKey, node) > 0)) return true;
    return this.#matchesItself && this.#near.isEmpty;
  }

  #change(other: PodInfo, node: NodeInfo, sign: 1 | -1): void {
    const { groups } = this.#snapshot;
    if (this.#required.length > 0 && groups.matches(this.#requiredQueries, other)) {
      for (const { topologyKey } of this.#required) this.#near.add(topologyKey, node, sign);
    }
    for (const { topologyKey, query } of this.#antiRequired) {
      if (groups.matches([query], other)) this.#away.add(topologyKey, node, sign);
    }
    for (const { topologyKey, query } of other.terms?.antiRequired ?? []) {
      if (groups.matches([query], this.#pod)) this.#refusing.add(topologyKey, node, sign);
    }
  }
}
