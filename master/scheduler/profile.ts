/** Which plugins take part, in which order filters run, and how much each score counts: the one table. */
import { DEFAULT_HEAT_LIMIT_SETTINGS, type HeatLimitSettings } from '../../shared/machinery/heat-limits.ts';
import type { FilterName, FilterPlugin, ScoreName, ScorePlugin } from './framework.ts';
import { balancedAllocation } from './plugins/balanced-allocation.ts';
import { boardHealth } from './plugins/board-health.ts';
import { imageLocality } from './plugins/image-locality.ts';
import { imagePlatform } from './plugins/image-platform.ts';
import { interPodAffinityFilter } from './plugins/inter-pod-affinity.ts';
import { interPodAffinityScore } from './plugins/inter-pod-affinity-score.ts';
import { nodeAffinityFilter, nodeAffinityScore } from './plugins/node-affinity.ts';
import { nodeName } from './plugins/node-name.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { nodeResourcesFit } from './plugins/node-resources-fit.ts';
import { createTemperatureScore, temperatureFilter } from './plugins/node-temperature.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { ownerSpread } from './plugins/owner-spread.ts';
import { realLoad } from './plugins/real-load.ts';
import { createResourceScore, DEFAULT_RESOURCE_SCORING, type ResourceScoring } from './plugins/resource-strategy.ts';
import { taintTolerationFilter, taintTolerationScore } from './plugins/taint-toleration.ts';
import { topologySpreadFilter } from './plugins/topology-spread.ts';
import { topologySpreadScore } from './plugins/topology-spread-score.ts';
import { volumeBinding } from './plugins/volume-binding.ts';
import { volumeLimits } from './plugins/volume-limits.ts';
import { volumeRestrictions } from './plugins/volume-restrictions.ts';
import { DEFAULT_READING_SETTINGS, type ReadingSettings } from './readings/board-history.ts';
import type { BoardSettings } from './readings/board-readings.ts';

export interface Profile {
  /** Asked in this order; the first that refuses a node ends the questions about it. */
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly ScorePlugin[];
  readonly weights: Readonly<Record<ScoreName, number>>;
  readonly boards: BoardSettings;
  /** Whether pods of higher priority drive others away. */
  readonly isPreemptive: boolean;
}

export interface ProfileSettings {
  /** A score of weight 0 does not take part. */
  readonly weights: Readonly<Partial<Record<ScoreName, number>>>;
  readonly disabledFilters: ReadonlySet<FilterName>;
  readonly resources: ResourceScoring;
  readonly readings: ReadingSettings;
  readonly heatLimits: HeatLimitSettings;
  readonly isPreemptive: boolean;
}

/** `BoardHealth` is not among them: unless given it outweighs all others together, so that boards in distress come last. */
export const DEFAULT_WEIGHTS: Readonly<Record<Exclude<ScoreName, 'BoardHealth'>, number>> = {
  TaintToleration: 3,
  OwnerSpread: 3,
  NodeAffinity: 2,
  PodTopologySpread: 2,
  InterPodAffinity: 2,
  NodeTemperature: 2,
  NodeRealLoad: 2,
  ImageLocality: 1,
  NodeResourcesFit: 1,
  NodeResourcesBalancedAllocation: 1,
};

export const DEFAULT_PROFILE_SETTINGS: ProfileSettings = {
  weights: {},
  disabledFilters: new Set(),
  resources: DEFAULT_RESOURCE_SCORING,
  readings: DEFAULT_READING_SETTINGS,
  heatLimits: DEFAULT_HEAT_LIMIT_SETTINGS,
  isPreemptive: true,
};

export function createProfile(settings: ProfileSettings): Profile {
  const { disabledFilters, readings, heatLimits, isPreemptive } = settings;
  const weights = completeWeights(settings.weights);
  return {
    filters: FILTERS.filter(({ name }) => !disabledFilters.has(name)),
    scores: createScores(settings).filter(({ name }) => weights[name] > 0),
    weights,
    boards: { readings, heatLimits },
    isPreemptive,
  };
}

/** Cheap ones that refuse many nodes first, those that look at other pods last. */
const FILTERS: readonly FilterPlugin[] = [
  nodeUnschedulable,
  nodeName,
  taintTolerationFilter,
  temperatureFilter,
  nodeAffinityFilter,
  nodePorts,
  nodeResourcesFit,
  volumeRestrictions,
  volumeLimits,
  volumeBinding,
  imagePlatform,
  topologySpreadFilter,
  interPodAffinityFilter,
];

function createScores({ readings, resources }: ProfileSettings): ScorePlugin[] {
  return [
    boardHealth,
    taintTolerationScore,
    ownerSpread,
    nodeAffinityScore,
    topologySpreadScore,
    interPodAffinityScore,
    createTemperatureScore(readings.heat),
    realLoad,
    imageLocality,
    createResourceScore(resources),
    balancedAllocation,
  ];
}

function completeWeights(given: ProfileSettings['weights']): Record<ScoreName, number> {
  const weights = { ...DEFAULT_WEIGHTS, ...given };
  const others = Object.entries(weights).filter(([name]) => name !== 'BoardHealth');
  const sum = others.reduce((total, [, weight]) => total + weight, 0);
  return { ...weights, BoardHealth: given.BoardHealth ?? sum + 1 };
}

export const DEFAULT_PROFILE: Profile = createProfile(DEFAULT_PROFILE_SETTINGS);
