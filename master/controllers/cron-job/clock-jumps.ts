/**
 * What a CronJob remembers of clocks that were wrong. Pure. Boards have no clock at boot, and batteries of clocks fail:
 * time may be years ahead for a while, and come back. `lastScheduleTime` alone would then either stop the schedule until
 * that year, or start slots twice. So two annotations are kept:
 *
 *     schedule-jumps   P/S,…    the slot S was started, and P was the one before it, with many between them left out
 *     scheduled-ahead  S/L,…    slots from S to L were started while the clock was ahead; they are not started again
 *
 * When time is back behind the last slot L by more than a day, the schedule goes on from the latest P that is past.
 */
import type { CronJob } from '../../../shared/api/cron-job.ts';
import { formatTime, parseTime } from '../../../shared/platform/clock.ts';

export const JUMPS_ANNOTATION = 'bramble.dev/schedule-jumps';
export const AHEAD_ANNOTATION = 'bramble.dev/scheduled-ahead';

/** Smaller corrections are waited out. */
export const JUMP_MS = 24 * 3_600_000;

/** Ranges that are remembered; the oldest is forgotten first. */
const MAX_RANGES = 5;

export interface TimeRange {
  fromMs: number;
  toMs: number;
}

export function readAhead(cronJob: CronJob): TimeRange[] {
  return readRanges(cronJob, AHEAD_ANNOTATION);
}

export function isAhead(ranges: readonly TimeRange[], slotMs: number): boolean {
  return ranges.some(({ fromMs, toMs }) => fromMs <= slotMs && slotMs <= toMs);
}

/** The annotation that must be there before the slot is started; undefined: it is, or time has not jumped. */
export function computeJumpMark(
  cronJob: CronJob,
  jump: TimeRange & { skipped: number },
): Record<string, string> | undefined {
  const { fromMs, toMs, skipped } = jump;
  if (skipped === 0 || toMs - fromMs <= JUMP_MS) return undefined;
  const jumps = readRanges(cronJob, JUMPS_ANNOTATION);
  const isKnown = jumps.some((known) => known.fromMs === fromMs && known.toMs === toMs);
  return isKnown ? undefined : { [JUMPS_ANNOTATION]: formatRanges([...jumps, { fromMs, toMs }]) };
}

export interface Rewind {
  /** To be stored first; undefined: they are. */
  annotations: Record<string, string> | undefined;
  /** From which the schedule goes on. */
  lastSlotMs: number;
}

/**
 * Set when the clock was ahead when `lastSlotMs` was started. A clock before the CronJob's own creation is rather behind
 * than right: nothing is started until it has caught up.
 */
export function computeRewind(cronJob: CronJob, lastSlotMs: number, nowMs: number): Rewind | undefined {
  const createdMs = parseTime(cronJob.metadata.creationTimestamp) ?? 0;
  if (nowMs < createdMs || lastSlotMs - nowMs <= JUMP_MS) return undefined;
  const jumps = readRanges(cronJob, JUMPS_ANNOTATION);
  const jump = jumps.findLast(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs && toMs <= lastSlotMs);
  const range = { fromMs: jump?.toMs ?? nextSecond(nowMs), toMs: lastSlotMs };
  const ranges = readAhead(cronJob);
  const isKnown = ranges.some(({ fromMs, toMs }) => fromMs <= range.fromMs && range.toMs <= toMs);
  return {
    annotations: isKnown ? undefined : { [AHEAD_ANNOTATION]: formatRanges([...ranges, range]) },
    lastSlotMs: jump?.fromMs ?? nowMs,
  };
}

function nextSecond(epochMs: number): number {
  return Math.floor(epochMs / 1_000) * 1_000 + 1_000;
}

function readRanges({ metadata }: CronJob, annotation: string): TimeRange[] {
  const text = metadata.annotations?.[annotation] ?? '';
  return text.split(',').flatMap((part) => parseRange(part) ?? []);
}

function parseRange(text: string): TimeRange | undefined {
  const [from, to] = text.split('/');
  const [fromMs, toMs] = [parseTime(from), parseTime(to)];
  return fromMs === undefined || toMs === undefined ? undefined : { fromMs, toMs };
}

function formatRanges(ranges: readonly TimeRange[]): string {
  const kept = ranges.slice(-MAX_RANGES);
  return kept.map(({ fromMs, toMs }) => `${formatTime(fromMs)}/${formatTime(toMs)}`).join(',');
}
