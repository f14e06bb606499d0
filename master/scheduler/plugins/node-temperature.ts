/**
 * NodeTemperature, filter: a board above its hard limit takes nothing. Score: the further a board will be from slowing itself
 * down the better, by where its temperature goes and by what the pods that were just placed will add.
 * Invariant: of two nodes that differ only in temperature the hotter one never scores higher.
 */
import { clampScore, type FilterPlugin, MAX_SCORE, NEUTRAL_SCORE, type ScorePlugin } from '../framework.ts';

const REASONS = ['node(s) were too hot'];

/** With this much room below its limit a board is as good as cold. */
const COMFORTABLE_HEADROOM_CELSIUS = 40;

export const temperatureFilter: FilterPlugin = {
  name: 'NodeTemperature',
  yieldsToPreemption: false,
  preFilter(_pod, { traits }) {
    if (traits.tooHot === 0) return undefined;
    return { check: ({ isTooHot }) => (isTooHot ? REASONS : undefined) };
  },
};

export function createTemperatureScore({ fullLoadRiseCelsius }: { fullLoadRiseCelsius: number }): ScorePlugin {
  return {
    name: 'NodeTemperature',
    isLocal: true,
    preScore(_pod, { traits }) {
      if (traits.reporting === 0) return undefined;
      return ({ estimate, allocatable }) => {
        if (estimate?.forecastCelsius === undefined) return NEUTRAL_SCORE;
        const { forecastCelsius, throttleCelsius, arriving } = estimate;
        const arrivingShare = allocatable.cpuMillis > 0 ? Math.min(1, arriving.cpuMillis / allocatable.cpuMillis) : 0;
        const headroomCelsius = throttleCelsius - forecastCelsius - arrivingShare * fullLoadRiseCelsius;
        return clampScore((headroomCelsius / COMFORTABLE_HEADROOM_CELSIUS) * MAX_SCORE);
      };
    },
  };
}
