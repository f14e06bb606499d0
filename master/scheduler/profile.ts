/** Which plugins take part, in which order filters run, and how much each score counts: the one table. */
import type { FilterPlugin, ScoreName, ScorePlugin } from './framework.ts';
import { balancedAllocation } from './plugins/balanced-allocation.ts';
import { leastAllocated } from './plugins/least-allocated.ts';
import { nodeAffinityFilter, nodeAffinityScore } from './plugins/node-affinity.ts';
import { nodeName } from './plugins/node-name.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { nodeResourcesFit } from './plugins/node-resources-fit.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { ownerSpread } from './plugins/owner-spread.ts';
import { realLoad } from './plugins/real-load.ts';
import { taintTolerationFilter, taintTolerationScore } from './plugins/taint-toleration.ts';
import { boardHealth, temperature } from './plugins/temperature.ts';

export interface Profile {
  /** Asked in this order; the first that refuses a node ends the questions about it. */
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly ScorePlugin[];
  readonly weights: Readonly<Record<ScoreName, number>>;
}

/** BoardHealth outweighs all others together: boards in distress come last. A test holds it to that. */
export const DEFAULT_WEIGHTS: Readonly<Record<ScoreName, number>> = {
  BoardHealth: 15,
  TaintToleration: 3,
  OwnerSpread: 3,
  NodeAffinity: 2,
  NodeTemperature: 2,
  NodeRealLoad: 2,
  NodeResourcesLeastAllocated: 1,
  NodeResourcesBalancedAllocation: 1,
};

export const DEFAULT_PROFILE: Profile = {
  filters: [nodeUnschedulable, nodeName, taintTolerationFilter, nodeAffinityFilter, nodePorts, nodeResourcesFit],
  scores: [
    boardHealth,
    taintTolerationScore,
    ownerSpread,
    nodeAffinityScore,
    temperature,
    realLoad,
    leastAllocated,
    balancedAllocation,
  ],
  weights: DEFAULT_WEIGHTS,
};
