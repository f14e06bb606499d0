/**
 * The words of the scheduling framework, as in Kubernetes, written for speed: what depends on the pod alone is worked out
 * once (PreFilter, PreScore) and gives a small function that is asked for each node. A plugin that has nothing to say about
 * a pod returns undefined (Kubernetes' Skip) and costs nothing.
 * Filters and scores are pure: they read the pod and the snapshot.
 */
import type { ClusterEvent } from './cluster-events.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { Snapshot } from './snapshot.ts';

/** Why the node cannot take the pod, one reason or several; undefined: it can. */
export type Reasons = readonly string[];

export interface NodeFilter {
  check(node: NodeInfo): Reasons | undefined;
  /** Only these nodes can pass; absent: any. A pod of a DaemonSet need not be tried on a thousand nodes. */
  readonly only?: ReadonlySet<string>;
  /** No node can take the pod, whatever it is like. */
  readonly never?: Reasons;
  /**
   * What if this pod were (not) on that node? Filters that look beyond the node that they are asked about keep account of
   * it; preemption asks so. Each call is undone by its opposite.
   */
  podComes?(pod: PodInfo, node: NodeInfo): void;
  podLeaves?(pod: PodInfo, node: NodeInfo): void;
}

/** The more the better; raw values are brought to 0…100 by `normalizeScore`. */
export type NodeScorer = (node: NodeInfo) => number;

export type FilterName =
  | 'NodeUnschedulable'
  | 'NodeName'
  | 'TaintToleration'
  | 'NodeTemperature'
  | 'NodeAffinity'
  | 'NodePorts'
  | 'NodeResourcesFit'
  | 'VolumeRestrictions'
  | 'NodeVolumeLimits'
  | 'VolumeBinding'
  | 'ImagePlatform'
  | 'PodTopologySpread'
  | 'InterPodAffinity';

export type ScoreName =
  | 'BoardHealth'
  | 'NodeTemperature'
  | 'NodeRealLoad'
  | 'NodeResourcesFit'
  | 'NodeResourcesBalancedAllocation'
  | 'ImageLocality'
  | 'TaintToleration'
  | 'NodeAffinity'
  | 'PodTopologySpread'
  | 'InterPodAffinity'
  | 'OwnerSpread';

export interface FilterPlugin {
  readonly name: FilterName;
  /** PreFilter: undefined when the plugin has nothing to say about this pod. */
  preFilter(pod: PodInfo, snapshot: Snapshot): NodeFilter | undefined;
  /** Whether a node that it refused could take the pod if other pods left: else preemption is no help. */
  readonly yieldsToPreemption: boolean;
  /**
   * Whether the event may help a pod that it refused, although the node of the event does not take the pod now. Changes of
   * a node itself are tested with all filters; this is for plugins that look further.
   */
  wakesOn?(pod: PodInfo, event: ClusterEvent): boolean;
}

export interface ScorePlugin {
  readonly name: ScoreName;
  /** The score depends on the amounts that the pod asks for and on the node itself, on nothing else; nothing normalizes it. */
  readonly isLocal?: true;
  /** PreScore: undefined when every node is the same to this plugin. `nodes` are the feasible ones. */
  preScore(pod: PodInfo, snapshot: Snapshot, nodes: readonly NodeInfo[]): NodeScorer | undefined;
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

/** Whole numbers, so that less than a hundredth of a score decides nothing and equal nodes are equal. */
export function toWholeScore(raw: number): number {
  return Math.min(MAX_SCORE, Math.max(MIN_SCORE, Math.floor(raw + 0.5)));
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

/** The smallest value becomes 0, the largest 100; values may be negative. All become 0 when they are equal. */
export function normalizeByRange(scores: Float64Array): void {
  const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const smallest = scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const range = largest - smallest;
  for (let index = 0; index < scores.length; index += 1) {
    scores[index] = range === 0 ? 0 : (((scores[index] ?? 0) - smallest) * MAX_SCORE) / range;
  }
}

function largestOf(scores: Float64Array): number {
  let largest = 0;
  for (const score of scores) largest = Math.max(largest, score);
  return largest;
}
