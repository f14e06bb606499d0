/** What heat protection goes by. docs/heat.md explains each; the settings file can change them while the master runs. */
import type { HeatConfiguration } from '../../../shared/api/scheduler-configuration.ts';
import { DEFAULT_HEAT_LIMIT_SETTINGS, type HeatLimitSettings } from '../../../shared/machinery/heat-limits.ts';

export interface HeatSettings {
  readonly enabled: boolean;
  readonly limits: HeatLimitSettings;
  /** A board must get so far below a limit to be free of it; more when it has been hot again soon before. */
  readonly hysteresisCelsius: number;
  /** Between two moves from one board: the first must have shown its effect. */
  readonly settleMs: number;
  /** Between two moves in the whole cluster. */
  readonly moveIntervalMs: number;
  /** The replacement of a pod that was moved stays where it is for so long. */
  readonly podRestMs: number;
  /**
   * Pods of a lower priority are given up where it is too hot everywhere; others only for more important pods beside them.
   */
  readonly shedBelowPriority: number;
  /** By how much full load makes a board hotter; for what a pod would do to another board. */
  readonly fullLoadRiseCelsius: number;
}

export const DEFAULT_HEAT_SETTINGS: HeatSettings = {
  enabled: true,
  limits: DEFAULT_HEAT_LIMIT_SETTINGS,
  hysteresisCelsius: 5,
  settleMs: 180_000,
  moveIntervalMs: 15_000,
  podRestMs: 900_000,
  shedBelowPriority: 0,
  fullLoadRiseCelsius: 25,
};

export function computeHeatSettings(heat: HeatConfiguration = {}, fullLoadRiseCelsius?: number): HeatSettings {
  const defaults = DEFAULT_HEAT_SETTINGS;
  const { models = [], fallback } = heat;
  return {
    enabled: heat.enabled ?? defaults.enabled,
    limits: { models, ...(fallback === undefined ? {} : { fallback }) },
    hysteresisCelsius: heat.hysteresisCelsius ?? defaults.hysteresisCelsius,
    settleMs: millisOf(heat.settleSeconds) ?? defaults.settleMs,
    moveIntervalMs: millisOf(heat.moveIntervalSeconds) ?? defaults.moveIntervalMs,
    podRestMs: millisOf(heat.podRestSeconds) ?? defaults.podRestMs,
    shedBelowPriority: heat.shedBelowPriority ?? defaults.shedBelowPriority,
    fullLoadRiseCelsius: fullLoadRiseCelsius ?? defaults.fullLoadRiseCelsius,
  };
}

function millisOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
