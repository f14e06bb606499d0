/** Which slot of a CronJob is due, and when to look again. Pure. Source: Kubernetes, "CronJob limitations". */
import type { CronJob } from '../../../shared/api/cron-job.ts';
import { CronScheduleError, parseCronSchedule } from '../../../shared/machinery/cron/schedule.ts';
import { countSlots, type Slots, slotsOf } from '../../../shared/machinery/cron/slots.ts';
import { findTimeZone, type TimeZone, TimeZoneError, UTC } from '../../../shared/machinery/cron/time-zone.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { isAhead, readAhead } from './clock-jumps.ts';

/** Slots between the last one and the due one are counted up to this. */
export const MAX_COUNTED_SLOTS = 100;

export interface DueSlot {
  slotMs: number;
  /** The slot before, or the creation: slots between the two are left out. */
  afterMs: number;
  /** How many; MAX_COUNTED_SLOTS stands for more. */
  skipped: number;
}

export interface Timing {
  zone: TimeZone;
  due: DueSlot | undefined;
  /** Undefined: there is no slot in sight. */
  nextMs: number | undefined;
}

export class TimingError extends Error {
  override readonly name = 'TimingError';
}

/** `lastSlotMs`: the last slot that was started; undefined: none. Throws TimingError for a schedule that makes no sense. */
export function computeTiming(cronJob: CronJob, lastSlotMs: number | undefined, nowMs: number): Timing {
  const zone = readZone(cronJob);
  const createdMs = parseTime(cronJob.metadata.creationTimestamp) ?? nowMs;
  const startMs = lastSlotMs ?? createdMs;
  const slots = slotsOf(readSchedule(cronJob), zone, startMs);
  const { startingDeadlineSeconds } = cronJob.spec;
  const deadlineMs = startingDeadlineSeconds === undefined ? undefined : startingDeadlineSeconds * 1000;
  // What could not be started within its deadline is left out.
  const afterMs = deadlineMs === undefined ? startMs : Math.max(startMs, nowMs - deadlineMs - 1);
  const slotMs = slots.latest(nowMs, afterMs);
  const isDue = slotMs !== undefined && !isAhead(readAhead(cronJob), slotMs);
  return {
    zone,
    due: isDue ? { slotMs, afterMs: startMs, skipped: countSkipped(slots, startMs, slotMs) } : undefined,
    nextMs: slots.next(Math.max(nowMs, startMs)),
  };
}

function countSkipped(slots: Slots, afterMs: number, slotMs: number): number {
  return countSlots(slots, afterMs, slotMs - 1, MAX_COUNTED_SLOTS);
}

function readSchedule({ spec }: CronJob): ReturnType<typeof parseCronSchedule> {
  try {
    return parseCronSchedule(spec.schedule);
  } catch (error) {
    if (error instanceof CronScheduleError)
      throw new TimingError(`unparseable schedule: ${spec.schedule}: ${error.message}`);
    throw error;
  }
}

function readZone({ spec }: CronJob): TimeZone {
  if (spec.timeZone === undefined) return UTC;
  try {
    return findTimeZone(spec.timeZone);
  } catch (error) {
    if (error instanceof TimeZoneError) throw new TimingError(error.message);
    throw error;
  }
}
