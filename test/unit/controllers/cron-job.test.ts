/** Plans of CronJobs: which slot is started, and which never again, whatever the clock does. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AHEAD_ANNOTATION, JUMPS_ANNOTATION } from '../../../master/controllers/cron-job/clock-jumps.ts';
import {
  type CronJobAction,
  type CronJobState,
  computeCronJobPlan,
} from '../../../master/controllers/cron-job/plan.ts';
import { jobName, renderJob, SCHEDULED_ANNOTATION } from '../../../master/controllers/cron-job/render-job.ts';
import type { CronJob } from '../../../shared/api/cron-job.ts';
import type { Job } from '../../../shared/api/job.ts';
import { findTimeZone, UTC } from '../../../shared/machinery/cron/time-zone.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { at, START_MS } from './objects.ts';
import { makeCronJob, makeJob } from './workload-objects.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** The job of the slot so many minutes after the start. */
function slot(minutes: number, state: 'runs' | 'Complete' | 'Failed' = 'runs'): Job {
  const job = makeJob();
  const name = jobName(makeCronJob(), START_MS + minutes * MINUTE_MS);
  const conditions = state === 'runs' ? [] : [{ type: state, status: 'True' as const }];
  const times = { startTime: at(minutes * 60), completionTime: at(minutes * 60 + 30) };
  return { ...job, metadata: { ...job.metadata, name, uid: name }, status: { ...times, conditions } };
}

interface Input {
  spec?: Partial<CronJob['spec']>;
  /** Minutes after the start. */
  last?: number;
  now: number;
  jobs?: Job[];
  started?: number;
  annotations?: Record<string, string>;
}

function plan({ spec, last, now, jobs = [], started, annotations = {} }: Input) {
  const status = last === undefined ? {} : { lastScheduleTime: at(last * 60) };
  const cronJob = makeCronJob(spec, status);
  const state: CronJobState = {
    cronJob: { ...cronJob, metadata: { ...cronJob.metadata, annotations } },
    jobs,
    nowMs: START_MS + now * MINUTE_MS,
    startedMs: started === undefined ? undefined : START_MS + started * MINUTE_MS,
  };
  return computeCronJobPlan(state);
}

/** `start 10`: the slot ten minutes after the start. */
function steps(input: Input): string {
  return plan(input)
    .actions.flatMap((action) => brief(action) ?? [])
    .join(', ');
}

function brief(action: CronJobAction): string | undefined {
  const minutes = (epochMs: number): number => (epochMs - START_MS) / MINUTE_MS;
  switch (action.type) {
    case 'createJob':
      return `start ${minutes(action.slotMs)}`;
    case 'deleteJob':
      return `delete ${Number(action.job.metadata.name.split('-')[1]) - START_MS / MINUTE_MS}`;
    case 'annotate':
      return `note ${Object.keys(action.annotations).map((name) => name.split('/')[1])}`;
    case 'rewind':
      return `rewind to ${minutes(action.lastSlotMs)}`;
    case 'tell':
      return action.reason;
    case 'updateStatus':
      return undefined;
  }
}

const cases: [why: string, input: Input, steps: string][] = [
  ['before the first slot', { now: 9 }, ''],
  ['at the slot', { now: 10 }, 'start 10'],
  ['late', { now: 14 }, 'start 10'],
  ['started already', { now: 14, last: 10 }, ''],
  ['started, and the status does not say so yet', { now: 14, started: 10 }, ''],
  ['its job is there: the controller ended before it could say so', { now: 14, jobs: [slot(10)] }, ''],
  ['some were missed: the latest', { now: 47, last: 10 }, 'start 40'],
  ['missed beyond the deadline', { now: 47, last: 10, spec: { startingDeadlineSeconds: 100 } }, ''],
  ['missed within the deadline', { now: 41, last: 10, spec: { startingDeadlineSeconds: 100 } }, 'start 40'],
  ['a hundred were missed', { now: 1_001, last: 0, spec: { schedule: '* * * * *' } }, 'TooManyMissedTimes, start 1001'],
  ['suspended', { now: 47, last: 10, spec: { suspend: true } }, ''],
  ['the one before runs, Allow', { now: 20, last: 10, jobs: [slot(10)] }, 'start 20'],
  [
    'the one before runs, Forbid',
    { now: 20, last: 10, jobs: [slot(10)], spec: { concurrencyPolicy: 'Forbid' } },
    'JobAlreadyActive',
  ],
  [
    'the one before has ended, Forbid',
    { now: 20, last: 10, jobs: [slot(10, 'Complete')], spec: { concurrencyPolicy: 'Forbid' } },
    'start 20',
  ],
  [
    'the one before runs, Replace',
    { now: 20, last: 10, jobs: [slot(10)], spec: { concurrencyPolicy: 'Replace' } },
    'delete 10, start 20',
  ],
  [
    'too many have ended',
    {
      now: 45,
      last: 40,
      jobs: [slot(10, 'Complete'), slot(20, 'Complete'), slot(30, 'Failed'), slot(40, 'Failed')],
      spec: { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 },
    },
    'delete 10, delete 30, delete 40',
  ],
  ['a schedule that makes no sense', { now: 10, spec: { schedule: '61 * * * *' } }, 'UnparseableSchedule'],
  ['a zone that is gone', { now: 10, spec: { timeZone: 'Mars/Olympus' } }, 'UnparseableSchedule'],
  ['a clock a little back: it is waited out', { now: 5, last: 10 }, ''],
  ['a clock that was in 1970', { now: -1e7 }, ''],
  [
    'a clock that jumps ahead by years is noted first',
    { now: 2e6, last: 10, spec: { startingDeadlineSeconds: 100 } },
    'note schedule-jumps',
  ],
  [
    'then the slot is started',
    {
      now: 2e6,
      last: 10,
      annotations: { [JUMPS_ANNOTATION]: `${at(600)}/${formatTime(START_MS + 2e6 * MINUTE_MS)}` },
    },
    'TooManyMissedTimes, start 2000000',
  ],
  ['back from years ahead is noted first', { now: 25, last: 2e6 }, 'note scheduled-ahead'],
];

describe('steps', () => {
  for (const [why, input, expected] of cases) {
    test(`${why}: ${expected || 'none'}`, () => assert.equal(steps(input), expected));
  }
});

test('back from years ahead: it goes on from the slot before the jump, and starts none of those ahead again', () => {
  const [jumpMs, aheadMs] = [START_MS + 10 * MINUTE_MS, START_MS + 400 * DAY_MS];
  const jumps = `${formatTime(jumpMs)}/${formatTime(aheadMs)}`;
  const last = (aheadMs - START_MS) / MINUTE_MS + 20;
  const noted = plan({ now: 25, last, annotations: { [JUMPS_ANNOTATION]: jumps } }).actions;
  assert.ok(noted[0]?.type === 'annotate');
  const annotations: Record<string, string> = { [JUMPS_ANNOTATION]: jumps, ...noted[0].annotations };
  assert.equal(annotations[AHEAD_ANNOTATION], `${formatTime(aheadMs)}/${formatTime(START_MS + last * MINUTE_MS)}`);
  assert.equal(steps({ now: 25, last, annotations }), 'rewind to 10');
  assert.equal(steps({ now: 25, last: 10, annotations }), 'start 20');
  // Time really gets there: those slots have been started.
  const day = (aheadMs - START_MS) / MINUTE_MS;
  assert.equal(steps({ now: day, last: day - 10, annotations }), '');
  assert.equal(steps({ now: day + 30, last: day - 10, annotations }), `start ${day + 30}`);
});

test('it sleeps until the next slot, never longer than a minute', () => {
  assert.equal(plan({ now: 9.5 }).requeueAfterMs, 30_100);
  assert.equal(plan({ now: 1 }).requeueAfterMs, MINUTE_MS);
});

test('a slot becomes a job', () => {
  const slotMs = Date.parse('2026-03-29T01:00:00Z');
  const { metadata } = renderJob(makeCronJob(), slotMs, findTimeZone('Europe/Berlin'));
  assert.equal(metadata.name, `tick-${slotMs / MINUTE_MS}`);
  assert.equal(metadata.annotations?.[SCHEDULED_ANNOTATION], '2026-03-29T03:00:00+02:00');
  const utc = renderJob(makeCronJob(), slotMs, UTC).metadata.annotations;
  assert.equal(utc?.[SCHEDULED_ANNOTATION], '2026-03-29T01:00:00Z');
});
