/**
 * NodeTemperature, filter: a board above its hard limit takes nothing. Score: the further a board will be from slowing itself
 * down the better, by where its temperature goes and by what the pods that were just placed will add.
 * Invariant: of two nodes that differ only in temperature the hotter one never scores higher.
 */
import type { Node } from '../../../shared/api/node.ts';
import {
  computeHeatLimits,
  HEAT_LIMIT_RANGE_CELSIUS,
  type HeatLimitSettings,
} from '../../../shared/machinery/heat-limits.ts';
import { clampScore, type FilterPlugin, MAX_SCORE, NEUTRAL_SCORE, type ScorePlugin } from '../framework.ts';

const REASONS = ['node(s) were too hot'];

/** With this much room below its limit a board is as good as cold. */
const COMFORTABLE_HEADROOM_CELSIUS = 40;

export function createTemperatureFilter(settings: HeatLimitSettings): FilterPlugin {
  const hardLimits = new WeakMap<Node, number>();
  const hardLimitOf = (node: Node, throttleCelsius: number): number => {
    const known = hardLimits.get(node);
    if (known !== undefined) return known;
    const { labels = {}, annotations = {} } = node.metadata;
    const { hardCelsius } = computeHeatLimits({ labels, annotations, throttleCelsius }, settings);
    hardLimits.set(node, hardCelsius);
    return hardCelsius;
  };
  return {
    name: 'NodeTemperature',
    yieldsToPreemption: false,
    preFilter(_pod, { nowMs }) {
      return {
        check({ node, history }) {
          const estimate = history?.estimate(nowMs);
          const celsius = estimate?.temperatureCelsius;
          if (estimate === undefined || celsius === undefined) return undefined;
          if (celsius < HEAT_LIMIT_RANGE_CELSIUS.min) return undefined;
          return celsius >= hardLimitOf(node, estimate.throttleCelsius) ? REASONS : undefined;
        },
      };
    },
  };
}

export function createTemperatureScore({ fullLoadRiseCelsius }: { fullLoadRiseCelsius: number }): ScorePlugin {
  return {
    name: 'NodeTemperature',
    preScore(_pod, { nowMs }) {
      return ({ history, allocatable }) => {
        const estimate = history?.estimate(nowMs);
        if (estimate?.forecastCelsius === undefined) return NEUTRAL_SCORE;
        const { forecastCelsius, throttleCelsius, arriving } = estimate;
        const arrivingShare = allocatable.cpuMillis > 0 ? Math.min(1, arriving.cpuMillis / allocatable.cpuMillis) : 0;
        const headroomCelsius = throttleCelsius - forecastCelsius - arrivingShare * fullLoadRiseCelsius;
        return clampScore((headroomCelsius / COMFORTABLE_HEADROOM_CELSIUS) * MAX_SCORE);
      };
    },
  };
}
