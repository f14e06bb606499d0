/**
 * NodeResourcesFit, score: how good a node is by what is requested of it. LeastAllocated fills boards evenly, MostAllocated
 * fills one after the other so that others can be switched off, RequestedToCapacityRatio follows a curve of one's own.
 * Source: Kubernetes, "Resource Bin Packing".
 */

import type { PodRequests } from '../../../shared/api/pod-requests.ts';
import { clampScore, MAX_SCORE, type ScorePlugin } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';

export interface CurvePoint {
  /** Share of the node that is requested, 0…100. */
  readonly utilization: number;
  /** 0…10, as in Kubernetes. */
  readonly score: number;
}

export type ResourceStrategy =
  | { readonly type: 'LeastAllocated' | 'MostAllocated' }
  | { readonly type: 'RequestedToCapacityRatio'; readonly shape: readonly CurvePoint[] };

export interface ResourceScoring {
  readonly strategy: ResourceStrategy;
  /** How much each resource counts: `cpu`, `memory`, or the name of an extended one. */
  readonly weights: ReadonlyMap<string, number>;
}

export const DEFAULT_RESOURCE_SCORING: ResourceScoring = {
  strategy: { type: 'LeastAllocated' },
  weights: new Map([
    ['cpu', 1],
    ['memory', 1],
  ]),
};

const MAX_CURVE_SCORE = 10;

export function createResourceScore({ strategy, weights }: ResourceScoring): ScorePlugin {
  const rate = rateOf(strategy);
  const cpuWeight = weights.get('cpu') ?? 0;
  const memoryWeight = weights.get('memory') ?? 0;
  const others = [...weights].filter(([name]) => name !== 'cpu' && name !== 'memory');
  return {
    name: 'NodeResourcesFit',
    isLocal: true,
    preScore({ requests }) {
      const { scoringCpuMillis, scoringMemoryBytes } = requests;
      return (node) => {
        const { requested, allocatable } = node;
        const cpu = rate(shareOf(requested.scoringCpuMillis + scoringCpuMillis, allocatable.cpuMillis));
        const memory = rate(shareOf(requested.scoringMemoryBytes + scoringMemoryBytes, allocatable.memoryBytes));
        let [sum, total] = [cpu * cpuWeight + memory * memoryWeight, cpuWeight + memoryWeight];
        if (others.length > 0) {
          for (const { share, weight } of otherShares(requests, node, others)) {
            sum += rate(share) * weight;
            total += weight;
          }
        }
        return total === 0 ? 0 : clampScore((sum / total) * MAX_SCORE);
      };
    },
  };
}

/** Share that is requested, 0…1 → how good that is, 0…1. */
function rateOf(strategy: ResourceStrategy): (share: number) => number {
  switch (strategy.type) {
    case 'LeastAllocated':
      return (share) => 1 - share;
    case 'MostAllocated':
      return (share) => share;
    case 'RequestedToCapacityRatio':
      return (share) => interpolate(strategy.shape, share * 100) / MAX_CURVE_SCORE;
  }
}

/** More than there is counts as all. */
function shareOf(requested: number, allocatable: number): number {
  return requested >= allocatable ? 1 : requested / allocatable;
}

/** Only resources that the pod asks for and the node has. */
function otherShares(
  { others: wanted }: PodRequests,
  { requested, allocatable }: NodeInfo,
  weights: readonly (readonly [string, number])[],
): { share: number; weight: number }[] {
  return weights.flatMap(([name, weight]) => {
    const [amount = 0, available = 0] = [wanted.get(name), allocatable.others.get(name)];
    if (amount === 0 || available === 0) return [];
    return [{ share: shareOf((requested.others.get(name) ?? 0) + amount, available), weight }];
  });
}

/** Straight lines between the points, level beyond the ends; points are in order. */
function interpolate(shape: readonly CurvePoint[], utilization: number): number {
  let before: CurvePoint | undefined;
  for (const point of shape) {
    if (utilization <= point.utilization) {
      if (before === undefined) return point.score;
      const share = (utilization - before.utilization) / (point.utilization - before.utilization);
      return before.score + share * (point.score - before.score);
    }
    before = point;
  }
  return before?.score ?? 0;
}
