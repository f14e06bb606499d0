/**
 * The plan of one CronJob: the slot that is due, the jobs that have ended, the status. Pure.
 * Invariant: a slot is started at most once: its job's name is its time, it lies after the last slot that was started, and
 * not among those that were started while the clock was ahead.
 */
import type { CronJob, CronJobStatus } from '../../../shared/api/cron-job.ts';
import type { Job } from '../../../shared/api/job.ts';
import type { TimeZone } from '../../../shared/machinery/cron/time-zone.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { formatTime, parseTime } from '../../../shared/platform/clock.ts';
import type { ActionOf } from '../actions.ts';
import { computeJumpMark, computeRewind } from './clock-jumps.ts';
import { activeJobs, excessJobs, isComplete, isFailed, lastSuccessfulTime, referenceTo } from './history.ts';
import { jobName } from './render-job.ts';
import { computeTiming, type DueSlot, MAX_COUNTED_SLOTS, TimingError } from './timing.ts';

export interface CronJobActions {
  /** Stored before anything that they are about is done; the next look at the state goes on. */
  annotate: { annotations: Record<string, string> };
  createJob: { slotMs: number; zone: TimeZone };
  deleteJob: { job: Job };
  updateStatus: { status: CronJobStatus };
  /** The clock was ahead: what is remembered of started slots no longer holds. */
  rewind: { lastSlotMs: number };
  tell: { eventType: 'Normal' | 'Warning'; reason: string; message: string };
}

export type CronJobAction = ActionOf<CronJobActions>;

export interface CronJobState {
  cronJob: CronJob;
  /** Those that it owns. */
  jobs: readonly Job[];
  nowMs: number;
  /** The last slot that this controller knows to have started, whatever the status says yet. */
  startedMs: number | undefined;
}

export interface CronJobPlan {
  actions: CronJobAction[];
  requeueAfterMs: number | undefined;
}

/** The wall clock may jump while a timer runs: nobody sleeps longer than this. */
export const MAX_SLEEP_MS = 60_000;

/** A little late, so that the slot has surely begun. */
const LATE_MS = 100;

export function computeCronJobPlan(state: CronJobState): CronJobPlan {
  const { cronJob, jobs, nowMs } = state;
  const isGoing = cronJob.metadata.deletionTimestamp !== undefined;
  const upkeep: CronJobAction[] = [
    ...tellEnded(cronJob, jobs),
    ...(isGoing ? [] : excessJobs(cronJob, jobs).map((job): CronJobAction => ({ type: 'deleteJob', job }))),
  ];
  const lastMs = lastSlotMs(state);
  if (isGoing || cronJob.spec.suspend)
    return { actions: [...upkeep, ...statusAction(state, lastMs)], requeueAfterMs: undefined };
  const rewind = lastMs === undefined ? undefined : computeRewind(cronJob, lastMs, nowMs);
  if (rewind?.annotations !== undefined) return annotateFirst(rewind.annotations);
  if (rewind !== undefined) {
    const rewound: CronJobAction = { type: 'rewind', lastSlotMs: rewind.lastSlotMs };
    return { actions: [rewound, ...statusAction(state, rewind.lastSlotMs)], requeueAfterMs: LATE_MS };
  }
  try {
    const { due, zone, nextMs } = computeTiming(cronJob, lastMs, nowMs);
    const start = computeStart(state, due, zone);
    if (start.mark !== undefined) return annotateFirst(start.mark);
    const actions = [...upkeep, ...start.actions, ...statusAction(state, start.startedMs ?? lastMs)];
    return { actions, requeueAfterMs: sleepMs(nextMs, nowMs) };
  } catch (error) {
    if (!(error instanceof TimingError)) throw error;
    const told: CronJobAction = {
      type: 'tell',
      eventType: 'Warning',
      reason: 'UnparseableSchedule',
      message: error.message,
    };
    return { actions: [...upkeep, told, ...statusAction(state, lastMs)], requeueAfterMs: undefined };
  }
}

function annotateFirst(annotations: Record<string, string>): CronJobPlan {
  return { actions: [{ type: 'annotate', annotations }], requeueAfterMs: LATE_MS };
}

function sleepMs(nextMs: number | undefined, nowMs: number): number {
  return nextMs === undefined ? MAX_SLEEP_MS : Math.min(MAX_SLEEP_MS, Math.max(0, nextMs - nowMs) + LATE_MS);
}

function lastSlotMs({ cronJob, startedMs }: CronJobState): number | undefined {
  const stored = parseTime(cronJob.status.lastScheduleTime);
  return stored === undefined || (startedMs ?? 0) > stored ? (startedMs ?? stored) : stored;
}

interface Start {
  actions: CronJobAction[];
  /** The slot counts as started from now on. */
  startedMs?: number;
  /** To be stored before the slot is started. */
  mark?: Record<string, string>;
}

function computeStart({ cronJob, jobs }: CronJobState, due: DueSlot | undefined, zone: TimeZone): Start {
  if (due === undefined) return { actions: [] };
  const { slotMs, afterMs, skipped } = due;
  // Made, and the controller ended before it could tell so.
  const isStarted = jobs.some(({ metadata }) => metadata.name === jobName(cronJob, slotMs));
  if (isStarted) return { actions: [], startedMs: slotMs };
  const active = activeJobs(jobs);
  if (cronJob.spec.concurrencyPolicy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return { actions: [{ type: 'tell', eventType: 'Normal', reason: 'JobAlreadyActive', message }] };
  }
  const mark = computeJumpMark(cronJob, { fromMs: afterMs, toMs: slotMs, skipped });
  if (mark !== undefined) return { actions: [], mark };
  const replaced = cronJob.spec.concurrencyPolicy === 'Replace' ? active : [];
  return {
    actions: [
      ...tellMissed(skipped),
      ...replaced.map((job): CronJobAction => ({ type: 'deleteJob', job })),
      { type: 'createJob', slotMs, zone },
    ],
    startedMs: slotMs,
  };
}

function tellMissed(skipped: number): CronJobAction[] {
  if (skipped < MAX_COUNTED_SLOTS) return [];
  const message = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
  return [{ type: 'tell', eventType: 'Warning', reason: 'TooManyMissedTimes', message }];
}

/** Jobs that were running at the last look. */
function tellEnded({ status }: CronJob, jobs: readonly Job[]): CronJobAction[] {
  return (status.active ?? []).flatMap(({ uid, name = '' }): CronJobAction[] => {
    const job = jobs.find(({ metadata }) => metadata.uid === uid);
    if (job === undefined) {
      const message = `Active job went missing: ${name}`;
      return [{ type: 'tell', eventType: 'Normal', reason: 'MissingJob', message }];
    }
    if (!isComplete(job) && !isFailed(job)) return [];
    const message = `Saw completed job: ${name}, condition: ${isComplete(job) ? 'Complete' : 'Failed'}`;
    return [{ type: 'tell', eventType: 'Normal', reason: 'SawCompletedJob', message }];
  });
}

function statusAction({ cronJob, jobs }: CronJobState, startedMs: number | undefined): CronJobAction[] {
  const status = computeStatus(cronJob, jobs, startedMs);
  return jsonEqual(status, cronJob.status) ? [] : [{ type: 'updateStatus', status }];
}

function computeStatus(cronJob: CronJob, jobs: readonly Job[], startedMs: number | undefined): CronJobStatus {
  const known = new Map((cronJob.status.active ?? []).map((reference) => [reference.uid, reference]));
  const active = activeJobs(jobs).map((job) => known.get(job.metadata.uid) ?? referenceTo(job));
  const succeeded = lastSuccessfulTime(cronJob.status.lastSuccessfulTime, jobs);
  return {
    ...(active.length === 0 ? {} : { active }),
    ...(startedMs === undefined ? {} : { lastScheduleTime: formatTime(startedMs) }),
    ...(succeeded === undefined ? {} : { lastSuccessfulTime: succeeded }),
  };
}
