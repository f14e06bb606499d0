/**
 * PodTopologySpread, filter: like pods are spread over groups of nodes so evenly that the fullest group exceeds the emptiest
 * by no more than maxSkew. Source: Kubernetes, "Pod Topology Spread Constraints".
 */
import type { ClusterEvent } from '../cluster-events.ts';
import type { FilterPlugin, NodeFilter, Reasons } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { SpreadConstraint } from '../pod-terms.ts';
import type { Snapshot } from '../snapshot.ts';
import { compileNodeDemands } from './node-affinity.ts';
import { hardTaintAgainst } from './taint-toleration.ts';

const UNEVEN: Reasons = ["node(s) didn't match pod topology spread constraints"];
const NO_LABEL: Reasons = ["node(s) didn't match pod topology spread constraints (missing required label)"];

export const topologySpreadFilter: FilterPlugin = {
  name: 'PodTopologySpread',
  yieldsToPreemption: true,
  preFilter(pod, snapshot) {
    const demands = pod.spread?.demands ?? [];
    return demands.length === 0 ? undefined : new SpreadFilter(pod, snapshot, demands);
  },
  wakesOn: (pod, event) => event.type === 'node-changed' || (isAboutPod(event) && isLike(pod, event.pod)),
};

function isAboutPod(event: ClusterEvent): event is Extract<ClusterEvent, { pod: PodInfo }> {
  return event.type === 'pod-placed' || event.type === 'pod-left';
}

function isLike({ namespace }: PodInfo, other: PodInfo): boolean {
  return other.namespace === namespace;
}

/** One demand with the number of like pods in each group. */
interface CountedDemand {
  constraint: SpreadConstraint;
  /** The pod itself is one of those that are counted. */
  countsItself: boolean;
  counts: Map<string, number>;
  /** Smallest count; undefined: to be looked for. */
  emptiest: number | undefined;
}

class SpreadFilter implements NodeFilter {
  readonly #demands: readonly CountedDemand[];
  readonly #snapshot: Snapshot;
  readonly #isEligible: (node: NodeInfo, constraint: SpreadConstraint) => boolean;

  constructor(pod: PodInfo, snapshot: Snapshot, constraints: readonly SpreadConstraint[]) {
    this.#snapshot = snapshot;
    this.#isEligible = compileEligibility(pod, constraints);
    this.#demands = constraints.map((constraint) => ({
      constraint,
      countsItself: snapshot.groups.matches([constraint.query], pod),
      counts: countDomains(constraint, snapshot, this.#isEligible),
      emptiest: undefined,
    }));
  }

  check({ labels }: NodeInfo): Reasons | undefined {
    for (const demand of this.#demands) {
      const domain = labels[demand.constraint.topologyKey];
      if (domain === undefined) return NO_LABEL;
      const count = (demand.counts.get(domain) ?? 0) + (demand.countsItself ? 1 : 0);
      if (count - emptiestOf(demand) > demand.constraint.maxSkew) return UNEVEN;
    }
    return undefined;
  }

  podComes(pod: PodInfo, node: NodeInfo): void {
    this.#change(pod, node, 1);
  }

  podLeaves(pod: PodInfo, node: NodeInfo): void {
    this.#change(pod, node, -1);
  }

  #change(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void {
    for (const demand of this.#demands) {
      const domain = node.labels[demand.constraint.topologyKey];
      if (domain === undefined || !this.#isEligible(node, demand.constraint)) continue;
      if (!this.#snapshot.groups.matches([demand.constraint.query], pod)) continue;
      demand.counts.set(domain, (demand.counts.get(domain) ?? 0) + sign);
      demand.emptiest = undefined;
    }
  }
}

/** Which nodes are counted: those that have all the labels, and that the pod could use as far as the policies say. */
export function compileEligibility(
  { pod }: PodInfo,
  constraints: readonly SpreadConstraint[],
): (node: NodeInfo, constraint: SpreadConstraint) => boolean {
  const demands = compileNodeDemands(pod);
  return (node, { honorsAffinity, honorsTaints }) =>
    constraints.every(({ topologyKey }) => node.labels[topologyKey] !== undefined) &&
    (!honorsAffinity || demands === undefined || demands(node)) &&
    (!honorsTaints || hardTaintAgainst(pod, node) === undefined);
}

/** Groups without such pods are in it with 0. */
export function countDomains(
  constraint: SpreadConstraint,
  { nodes, groups }: Snapshot,
  isEligible: (node: NodeInfo, constraint: SpreadConstraint) => boolean,
): Map<string, number> {
  const byNode = groups.counts([constraint.query]);
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const domain = node.labels[constraint.topologyKey];
    if (domain === undefined || !isEligible(node, constraint)) continue;
    counts.set(domain, (counts.get(domain) ?? 0) + (byNode.get(node.name) ?? 0));
  }
  return counts;
}

/** Too few groups count as an empty one, so that a new group may get pods at once. */
function emptiestOf(demand: CountedDemand): number {
  demand.emptiest ??= demand.counts.size < demand.constraint.minDomains ? 0 : smallest(demand.counts.values());
  return demand.emptiest;
}

function smallest(counts: Iterable<number>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const count of counts) least = Math.min(least, count);
  return Number.isFinite(least) ? least : 0;
}
