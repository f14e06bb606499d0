/**
 * The words of the scheduling framework, as in Kubernetes, written for speed: what depends on the pod alone is worked out
 * once (PreFilter, PreScore) and gives a small function that is asked for each node.
 * Filters are pure: they read the pod and one node; scores may also look at the other feasible nodes.
 */
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

export interface Snapshot {
  readonly nodes: readonly NodeInfo[];
  /** Monotonic time, for the age of readings. */
  readonly nowMs: number;
}

/** Why the node cannot take the pod, one reason or several; undefined: it can. */
export type NodeFilter = (node: NodeInfo) => readonly string[] | undefined;

/** The more the better; raw values are brought to 0…100 by `normalizeScore`. */
export type NodeScorer = (node: NodeInfo) => number;

export type FilterName =
  | 'NodeUnschedulable'
  | 'NodeName'
  | 'TaintToleration'
  | 'NodeAffinity'
  | 'NodePorts'
  | 'NodeResourcesFit';

export type ScoreName =
  | 'BoardHealth'
  | 'NodeTemperature'
  | 'NodeRealLoad'
  | 'NodeResourcesLeastAllocated'
  | 'NodeResourcesBalancedAllocation'
  | 'TaintToleration'
  | 'NodeAffinity'
  | 'OwnerSpread';

export interface FilterPlugin {
  readonly name: FilterName;
  /** PreFilter: undefined when the plugin has nothing to say about this pod (Kubernetes' Skip). */
  preFilter(pod: PodInfo): NodeFilter | undefined;
}

export interface ScorePlugin {
  readonly name: ScoreName;
  /** PreScore: undefined when every node is the same to this plugin. */
  preScore(pod: PodInfo, snapshot: Snapshot): NodeScorer | undefined;
  /** Brings the raw values of the feasible nodes to 0…100 in place; without it the scorer itself keeps to 0…100. */
  normalizeScore?(scores: Float64Array): void;
}

export const MAX_SCORE = 100;
export const MIN_SCORE = 0;

/** For a node that nothing is known of: neither better nor worse than the middle. */
export const NEUTRAL_SCORE = 50;

export function clampScore(score: number): number {
  return Math.min(MAX_SCORE, Math.max(MIN_SCORE, score));
}

/** The largest value becomes 100 and the rest in proportion; all stay 0 when none is larger. */
export function normalizeByMaximum(scores: Float64Array): void {
  const largest = largestOf(scores);
  if (largest === 0) return;
  for (let index = 0; index < scores.length; index += 1) scores[index] = ((scores[index] ?? 0) * MAX_SCORE) / largest;
}

/** For counts of bad things: none becomes 100, the largest 0. */
export function normalizeReversed(scores: Float64Array): void {
  normalizeByMaximum(scores);
  for (let index = 0; index < scores.length; index += 1) scores[index] = MAX_SCORE - (scores[index] ?? 0);
}

function largestOf(scores: Float64Array): number {
  let largest = 0;
  for (const score of scores) largest = Math.max(largest, score);
  return largest;
}
