/**
 * How hot a board counts, with hysteresis. Pure. A board that gets hot again soon after it was freed must get cooler the next
 * time before it is freed: whatever load comes back to it is too much for it, and each round trip makes the next one less
 * likely, so that the trips come to an end. It is free all the same when it would stay cool under full load, or after a day:
 * the weather is another one.
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
  /** Share of the board's CPU that is not in use; undefined: it does not say. */
  readonly idleShare?: number | undefined;
}

/** Hot again within this time: the freedom came too soon. */
export const RELAPSE_MS = 1_800_000;

/** After so long without a relapse the board is as good as any. */
export const CALM_MS = 21_600_000;

/** A board that was kept back for so long gets another chance. */
export const SECOND_CHANCE_MS = 86_400_000;

const MARGIN_GROWTH = 1.6;

/** Boards differ: what full load would do to one may be so much more than the setting says. */
const RISE_DOUBT = 1.2;

/** About what full load does to a board: with more margin it would never be freed. */
export const MAX_MARGIN_CELSIUS = 25;

export function newBoardHeat(level: HeatLevel, nowMs: number, { hysteresisCelsius }: HeatSettings): BoardHeat {
  return { level, sinceMs: nowMs, marginCelsius: hysteresisCelsius, freedMs: undefined, movedMs: undefined };
}

/** The same value when nothing changed. */
export function computeBoardHeat(
  before: BoardHeat,
  reading: HeatReading,
  { nowMs, settings }: { nowMs: number; settings: HeatSettings },
): BoardHeat {
  const level = levelOf(before, reading, { nowMs, settings });
  const calmed = calmDown(before, nowMs, settings);
  if (level === before.level) return calmed;
  const changed = { ...calmed, level, sinceMs: nowMs };
  if (level === 'cool') return { ...changed, freedMs: nowMs };
  if (before.level !== 'cool' || !isRelapse(before, nowMs)) return changed;
  return { ...changed, marginCelsius: Math.min(MAX_MARGIN_CELSIUS, before.marginCelsius * MARGIN_GROWTH) };
}

interface Now {
  nowMs: number;
  settings: HeatSettings;
}

function levelOf(before: BoardHeat, reading: HeatReading, now: Now): HeatLevel {
  const { celsius, limits } = reading;
  if (celsius === undefined) return 'cool';
  const { softCelsius, hardCelsius } = limits;
  if (celsius >= hardCelsius) return 'hot';
  if (before.level === 'hot' && celsius >= hardCelsius - now.settings.hysteresisCelsius) return 'hot';
  if (celsius >= softCelsius) return 'warm';
  return before.level === 'cool' || isFreed(before, { ...reading, celsius }, now) ? 'cool' : 'warm';
}

function isFreed(
  { level, sinceMs, marginCelsius }: BoardHeat,
  { celsius, limits: { softCelsius }, idleShare }: HeatReading & { celsius: number },
  { nowMs, settings }: Now,
): boolean {
  if (celsius >= softCelsius - settings.hysteresisCelsius) return false;
  const isPatient = level === 'warm' && nowMs - sinceMs >= SECOND_CHANCE_MS;
  const mayRise = idleShare === undefined ? undefined : idleShare * settings.fullLoadRiseCelsius * RISE_DOUBT;
  const isSafe = mayRise !== undefined && celsius + mayRise < softCelsius - settings.hysteresisCelsius;
  return celsius < softCelsius - marginCelsius || isSafe || isPatient;
}

function isRelapse({ freedMs }: BoardHeat, nowMs: number): boolean {
  return freedMs !== undefined && nowMs - freedMs < RELAPSE_MS;
}

function calmDown(heat: BoardHeat, nowMs: number, { hysteresisCelsius }: HeatSettings): BoardHeat {
  const isCalm = heat.level === 'cool' && nowMs - heat.sinceMs >= CALM_MS;
  return isCalm && heat.marginCelsius > hysteresisCelsius ? { ...heat, marginCelsius: hysteresisCelsius } : heat;
}
