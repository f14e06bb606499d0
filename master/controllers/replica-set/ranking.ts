/**
 * Which pods go first when there are too many: those whose loss costs least. Pure.
 * Source: Kubernetes, "ReplicaSet: Scaling down" and "Pod deletion cost".
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { isPodActive, isPodReady, readySinceMs, restartsOf } from '../pod-state.ts';

export interface RankingInput {
  /** Pods of the ReplicaSet that are neither ended nor being deleted. */
  pods: readonly Pod[];
  /** Pods of the same workload, this ReplicaSet's included: a node with many of them can spare one. */
  related: readonly Pod[];
  nowMs: number;
}

export const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';

const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

interface Candidate {
  pod: Pod;
  neighbours: number;
  nowMs: number;
}

type Comparison = (a: Candidate, b: Candidate) => number;

/** Below zero when `a` goes first. The first comparison that tells them apart counts. */
const COMPARISONS: readonly Comparison[] = [
  (a, b) => flag(a.pod.spec.nodeName) - flag(b.pod.spec.nodeName),
  (a, b) => phaseOf(a.pod) - phaseOf(b.pod),
  (a, b) => Number(isPodReady(a.pod)) - Number(isPodReady(b.pod)),
  (a, b) => deletionCost(a.pod) - deletionCost(b.pod),
  (a, b) => b.neighbours - a.neighbours,
  // Times are compared by their order of magnitude, so that a second more or less does not beat all that follows.
  (a, b) => magnitude(readySinceMs(a.pod), a.nowMs) - magnitude(readySinceMs(b.pod), b.nowMs),
  (a, b) => restartsOf(b.pod) - restartsOf(a.pod),
  (a, b) => magnitude(createdMs(a.pod), a.nowMs) - magnitude(createdMs(b.pod), b.nowMs),
  (a, b) => compareText(b.pod.metadata.uid, a.pod.metadata.uid),
];

/** The pods in the order in which they should go. */
export function rankForDeletion({ pods, related, nowMs }: RankingInput): Pod[] {
  const counts = new Map<string, number>();
  for (const { spec } of related.filter(isPodActive)) {
    if (spec.nodeName) counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1);
  }
  const candidates = pods.map((pod) => ({ pod, nowMs, neighbours: counts.get(pod.spec.nodeName ?? '') ?? 0 }));
  return candidates.sort(compare).map((candidate) => candidate.pod);
}

function compare(a: Candidate, b: Candidate): number {
  for (const comparison of COMPARISONS) {
    const order = comparison(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

function flag(text: string | undefined): number {
  return text ? 1 : 0;
}

function phaseOf(pod: Pod): number {
  return PHASE_ORDER[pod.status.phase ?? 'Unknown'] ?? 1;
}

function deletionCost(pod: Pod): number {
  const cost = Number(pod.metadata.annotations?.[DELETION_COST_ANNOTATION] ?? '0');
  return Number.isInteger(cost) ? cost : 0;
}

function createdMs(pod: Pod): number | undefined {
  return parseTime(pod.metadata.creationTimestamp);
}

/** Binary logarithm of the age; the younger the smaller. */
function magnitude(sinceMs: number | undefined, nowMs: number): number {
  return sinceMs === undefined ? 0 : Math.floor(Math.log2(Math.max(1, nowMs - sinceMs)));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
