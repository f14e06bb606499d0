/**
 * When a schedule falls due. A slot is a minute whose local time fits all fields: a time of day that a zone skips in spring
 * has no slot, one that it shows twice in autumn has two, as in Kubernetes. Searching goes day by day and month by month, so
 * that years between two moments cost no more than a few hundred steps.
 */
import type { CalendarSchedule, CronSchedule } from './schedule.ts';
import type { TimeZone } from './time-zone.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A schedule without a slot for this long has none: 29 February comes after eight years at the latest. */
const SEARCH_LIMIT_MS = 9 * 366 * DAY_MS;

export interface Slots {
  /** The first slot after `epochMs`; undefined when there is none in sight (30 February). */
  next(epochMs: number): number | undefined;
  /** The last slot at or before `epochMs` and after `afterMs`. */
  latest(epochMs: number, afterMs: number): number | undefined;
}

/** `anchorMs` is where intervals are counted from; calendars need none. */
export function slotsOf(schedule: CronSchedule, zone: TimeZone, anchorMs: number): Slots {
  return schedule.type === 'interval' ? intervalSlots(schedule.intervalMs, anchorMs) : calendarSlots(schedule, zone);
}

/** Slots between two moments, the later one included, counted up to `limit`. */
export function countSlots(slots: Slots, afterMs: number, untilMs: number, limit: number): number {
  let count = 0;
  for (
    let slot = slots.next(afterMs);
    slot !== undefined && slot <= untilMs && count < limit;
    slot = slots.next(slot)
  ) {
    count += 1;
  }
  return count;
}

function intervalSlots(intervalMs: number, anchorMs: number): Slots {
  const slot = (index: number): number => anchorMs + Math.max(1, index) * intervalMs;
  return {
    next: (epochMs) => slot(Math.floor((epochMs - anchorMs) / intervalMs) + 1),
    latest(epochMs, afterMs) {
      const latest = slot(Math.floor((epochMs - anchorMs) / intervalMs));
      return latest <= epochMs && latest > afterMs ? latest : undefined;
    },
  };
}

function calendarSlots(schedule: CalendarSchedule, zone: TimeZone): Slots {
  return {
    next(epochMs) {
      const limitMs = epochMs + SEARCH_LIMIT_MS;
      let at = (Math.floor(epochMs / MINUTE_MS) + 1) * MINUTE_MS;
      for (let miss = missAt(schedule, zone, at); miss !== undefined; miss = missAt(schedule, zone, at)) {
        at = startOfNext(miss, zone, at);
        if (at > limitMs) return undefined;
      }
      return at;
    },
    latest(epochMs, afterMs) {
      const limitMs = Math.max(afterMs, epochMs - SEARCH_LIMIT_MS);
      let at = Math.floor(epochMs / MINUTE_MS) * MINUTE_MS;
      while (at > limitMs) {
        const miss = missAt(schedule, zone, at);
        if (miss === undefined) return at;
        at = endOfPrevious(miss, zone, at);
      }
      return undefined;
    },
  };
}

type Unit = 'month' | 'day' | 'hour' | 'minute';

/** The largest part of the local time that does not fit; undefined: it is a slot. */
function missAt(schedule: CalendarSchedule, zone: TimeZone, epochMs: number): Unit | undefined {
  const wall = new Date(zone.wallMs(epochMs));
  if (!schedule.months.values.has(wall.getUTCMonth() + 1)) return 'month';
  if (!fitsDay(schedule, wall)) return 'day';
  if (!schedule.hours.values.has(wall.getUTCHours())) return 'hour';
  return schedule.minutes.values.has(wall.getUTCMinutes()) ? undefined : 'minute';
}

/** When both days are restricted, one of them is enough (crontab(5)). */
function fitsDay({ daysOfMonth, daysOfWeek }: CalendarSchedule, wall: Date): boolean {
  const fitsMonth = daysOfMonth.values.has(wall.getUTCDate());
  const fitsWeek = daysOfWeek.values.has(wall.getUTCDay());
  return daysOfMonth.isAny || daysOfWeek.isAny ? fitsMonth && fitsWeek : fitsMonth || fitsWeek;
}

/** A moment after `epochMs` and not after the first minute of the next local month, day, hour or minute. */
function startOfNext(unit: Unit, zone: TimeZone, epochMs: number): number {
  const wallMs = zone.wallMs(epochMs);
  return epochMs + safeStep(zone, { fromMs: epochMs, stepMs: nextStart(unit, wallMs) - wallMs, direction: 1 });
}

/** A moment before `epochMs` and not before the last minute of the previous local month, day, hour or minute. */
function endOfPrevious(unit: Unit, zone: TimeZone, epochMs: number): number {
  const wallMs = zone.wallMs(epochMs);
  const stepMs = wallMs - presentStart(unit, wallMs) + MINUTE_MS;
  return epochMs - safeStep(zone, { fromMs: epochMs, stepMs, direction: -1 });
}

/**
 * A step on the wall is as long in time unless the clocks change on the way. Then it is shortened by more than they can
 * change; what is left is walked in small steps, and nothing that fits is passed over.
 */
function safeStep(zone: TimeZone, step: { fromMs: number; stepMs: number; direction: 1 | -1 }): number {
  const { fromMs, stepMs, direction } = step;
  const walkedMs = Math.abs(zone.wallMs(fromMs + direction * stepMs) - zone.wallMs(fromMs));
  if (walkedMs === stepMs) return stepMs;
  return stepMs > 2 * MAX_CHANGE_MS ? stepMs - MAX_CHANGE_MS : Math.min(stepMs, SMALL_STEP_MS);
}

/** Islands have changed sides of the date line. */
const MAX_CHANGE_MS = 25 * HOUR_MS;

/** Clocks change at quarters of an hour. */
const SMALL_STEP_MS = 15 * MINUTE_MS;

function nextStart(unit: Unit, wallMs: number): number {
  const wall = new Date(wallMs);
  switch (unit) {
    case 'month':
      return Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + 1, 1);
    case 'day':
      return (Math.floor(wallMs / DAY_MS) + 1) * DAY_MS;
    case 'hour':
      return (Math.floor(wallMs / HOUR_MS) + 1) * HOUR_MS;
    case 'minute':
      return wallMs + MINUTE_MS;
  }
}

function presentStart(unit: Unit, wallMs: number): number {
  const wall = new Date(wallMs);
  switch (unit) {
    case 'month':
      return Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth(), 1);
    case 'day':
      return Math.floor(wallMs / DAY_MS) * DAY_MS;
    case 'hour':
      return Math.floor(wallMs / HOUR_MS) * HOUR_MS;
    case 'minute':
      return wallMs;
  }
}
