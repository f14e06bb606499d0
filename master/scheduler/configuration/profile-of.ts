/** From a checked configuration to the profile that decisions are made with. Pure. */
import type { SchedulerConfiguration } from '../../../shared/api/scheduler-configuration.ts';
import { DEFAULT_HEAT_LIMIT_SETTINGS } from '../../../shared/machinery/heat-limits.ts';
import { DEFAULT_RESOURCE_SCORING, type ResourceScoring } from '../plugins/resource-strategy.ts';
import { createProfile, type Profile } from '../profile.ts';
import { DEFAULT_READING_SETTINGS, type ReadingSettings } from '../readings/board-history.ts';
import { OPTIONAL_FILTERS } from './parse-configuration.ts';

export function profileOf(configuration: SchedulerConfiguration): Profile {
  const { scores = {}, disabledFilters = [], resources, preemption = true, heat } = configuration;
  const { models = [], fallback } = heat ?? {};
  return createProfile({
    weights: scores,
    disabledFilters: new Set(OPTIONAL_FILTERS.filter((name) => disabledFilters.includes(name))),
    resources: scoringOf(resources),
    readings: readingsOf(configuration),
    heatLimits: { ...DEFAULT_HEAT_LIMIT_SETTINGS, models, ...(fallback === undefined ? {} : { fallback }) },
    isPreemptive: preemption,
  });
}

function scoringOf({
  strategy,
  shape = [],
  weights,
}: NonNullable<SchedulerConfiguration['resources']> = {}): ResourceScoring {
  return {
    strategy:
      strategy === 'RequestedToCapacityRatio' ? { type: strategy, shape } : { type: strategy ?? 'LeastAllocated' },
    weights:
      weights === undefined
        ? DEFAULT_RESOURCE_SCORING.weights
        : new Map(weights.map(({ name, weight }) => [name, weight])),
  };
}

function readingsOf({ load = {}, temperature = {} }: SchedulerConfiguration): ReadingSettings {
  const { load: ofLoad, heat } = DEFAULT_READING_SETTINGS;
  return {
    load: {
      windows: {
        averageMs: millisOf(load.averageSeconds) ?? ofLoad.windows.averageMs,
        peakMs: millisOf(load.peakSeconds) ?? ofLoad.windows.peakMs,
      },
      peakShare: load.peakShare ?? ofLoad.peakShare,
    },
    heat: {
      forecastMs: millisOf(temperature.forecastSeconds) ?? heat.forecastMs,
      fullLoadRiseCelsius: temperature.fullLoadRiseCelsius ?? heat.fullLoadRiseCelsius,
    },
  };
}

function millisOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
