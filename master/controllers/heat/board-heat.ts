/**
 * How hot a board counts, with hysteresis. Pure. A board that gets hot again soon after it was freed must get cooler the next
 * time before it is freed: whatever load comes back to it is too much for it, and each round trip makes the next one less
 * likely, so that the trips come to an end.
 *
 *     cool ──T ≥ soft──► warm ──T ≥ hard──► hot
 *      ▲                  │  ▲                │
 *      └─T < soft−margin──┘  └─T < hard−hyst──┘
 */
import type { HeatLimits } from '../../../shared/machinery/heat-limits.ts';
import type { HeatSettings } from './settings.ts';

/** `cool`: nothing to do. `warm`: takes no new pods. `hot`: pods are moved away. */
export type HeatLevel = 'cool' | 'warm' | 'hot';

/** What is remembered of a board. Times are monotonic. */
export interface BoardHeat {
  readonly level: HeatLevel;
  /** Since when it is on this level. */
  readonly sinceMs: number;
  /** How far below its soft limit it must get to be freed. */
  readonly marginCelsius: number;
  /** When it was freed last. */
  readonly freedMs: number | undefined;
  /** When a pod was moved away from it last. */
  readonly movedMs: number | undefined;
}

export interface HeatReading {
  /** Undefined: the board has no sensor, or says nothing. */
  readonly celsius: number | undefined;
  readonly limits: HeatLimits;
}

/** Hot again within this time: the freedom came too soon. */
export const RELAPSE_MS = 1_800_000;

/** After so long without a relapse the board is as good as any. */
export const CALM_MS = 21_600_000;

const MARGIN_GROWTH = 1.6;

/** About what full load does to a board: with more margin it would never be freed. */
export const MAX_MARGIN_CELSIUS = 25;

export function newBoardHeat(level: HeatLevel, nowMs: number, { hysteresisCelsius }: HeatSettings): BoardHeat {
  return { level, sinceMs: nowMs, marginCelsius: hysteresisCelsius, freedMs: undefined, movedMs: undefined };
}

/** The same value when nothing changed. */
export function computeBoardHeat(
  before: BoardHeat,
  { celsius, limits }: HeatReading,
  { nowMs, settings }: { nowMs: number; settings: HeatSettings },
): BoardHeat {
  const level = celsius === undefined ? 'cool' : levelOf(before, { celsius, limits, settings });
  const calmed = calmDown(before, nowMs, settings);
  if (level === before.level) return calmed;
  const changed = { ...calmed, level, sinceMs: nowMs };
  if (level === 'cool') return { ...changed, freedMs: nowMs };
  if (before.level !== 'cool' || !isRelapse(before, nowMs)) return changed;
  return { ...changed, marginCelsius: Math.min(MAX_MARGIN_CELSIUS, before.marginCelsius * MARGIN_GROWTH) };
}

function levelOf(
  { level, marginCelsius }: BoardHeat,
  { celsius, limits, settings }: { celsius: number; limits: HeatLimits; settings: HeatSettings },
): HeatLevel {
  const { softCelsius, hardCelsius } = limits;
  if (celsius >= hardCelsius) return 'hot';
  if (level === 'hot' && celsius >= hardCelsius - settings.hysteresisCelsius) return 'hot';
  if (celsius >= softCelsius) return 'warm';
  return level !== 'cool' && celsius >= softCelsius - marginCelsius ? 'warm' : 'cool';
}

function isRelapse({ freedMs }: BoardHeat, nowMs: number): boolean {
  return freedMs !== undefined && nowMs - freedMs < RELAPSE_MS;
}

function calmDown(heat: BoardHeat, nowMs: number, { hysteresisCelsius }: HeatSettings): BoardHeat {
  const isCalm = heat.level === 'cool' && nowMs - heat.sinceMs >= CALM_MS;
  return isCalm && heat.marginCelsius > hysteresisCelsius ? { ...heat, marginCelsius: hysteresisCelsius } : heat;
}
