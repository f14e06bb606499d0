/**
 * The plan of one Job: count what has ended, decide whether it is over, then make and give up pods. Pure. The status is
 * written first, with its resourceVersion: a plan that was made from an old Job is refused before it does anything.
 */
import type { Job, JobStatus } from '../../../shared/api/job.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { getCondition, isConditionTrue } from '../../../shared/machinery/conditions.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { formatTime, parseTime } from '../../../shared/platform/clock.ts';
import type { ActionOf } from '../actions.ts';
import { isPodActive } from '../pod-state.ts';
import type { SeenForMs } from './backoff.ts';
import { announcedOutcome, computeOutcome, deadlineInMs, isFinished, type Outcome } from './outcome.ts';
import { isTracked } from './pod-facts.ts';
import { computeSizing, type PodWish, type Sizing } from './sizing.ts';
import { computeJobStatus } from './status.ts';
import { computeTally, type Tally } from './tally.ts';

export interface JobActions {
  updateStatus: { status: JobStatus };
  /** They have been counted, or are of no account: the finalizer goes. */
  releasePods: { pods: readonly Pod[] };
  createPods: { wishes: readonly PodWish[] };
  /** `isCounted`: their end counts as a failure; otherwise they go without a trace. */
  deletePods: { pods: readonly Pod[]; isCounted: boolean };
  /** Its time after the end is over. */
  deleteJob: { policy: 'Foreground' };
  tell: { eventType: 'Normal' | 'Warning'; reason: string; message: string };
}

export type JobAction = ActionOf<JobActions>;

export interface JobState {
  job: Job;
  /** Those that it owns and selects, ended ones included. */
  pods: readonly Pod[];
  nowMs: number;
  seenForMs: SeenForMs;
  /** The pods made and deleted before have been seen. */
  isUpToDate: boolean;
}

export interface JobPlan {
  actions: JobAction[];
  /** When to look again though nothing happened: a deadline, a back-off, the end of its time. */
  requeueAfterMs: number | undefined;
}

export function computeJobPlan(state: JobState): JobPlan {
  const { job, pods, nowMs, isUpToDate } = state;
  if (isFinished(job)) return planFinished(state);
  const isGoing = job.metadata.deletionTimestamp !== undefined;
  const isOver = isGoing || announcedOutcome(job) !== undefined;
  const tally = computeTally(job, pods, isOver);
  const outcome = computeOutcome({ job, tally, pods, nowMs });
  const status = computeJobStatus({ job, tally, pods, outcome, isUpToDate, now: formatTime(nowMs) });
  const sizing = isGoing || !isUpToDate ? NOTHING : computeWork(state, tally, outcome);
  return {
    actions: [
      ...(jsonEqual(status, job.status)
        ? []
        : [{ type: 'updateStatus' as const, status }, ...tellTransitions(job, status)]),
      ...(tally.release.length === 0 ? [] : [{ type: 'releasePods' as const, pods: tally.release }]),
      ...renderWork(sizing, outcome),
    ],
    requeueAfterMs: outcome === undefined ? earliest([sizing.waitMs, deadlineInMs(job, nowMs)]) : undefined,
  };
}

const NOTHING: Sizing = { make: [], remove: [], waitMs: undefined };

function computeWork({ job, pods, nowMs, seenForMs }: JobState, tally: Tally, outcome: Outcome | undefined): Sizing {
  if (outcome !== undefined || job.spec.suspend) return { ...NOTHING, remove: pods.filter(isPodActive) };
  return computeSizing({ job, tally, pods, nowMs, seenForMs });
}

/** Pods that are given up because the job is over are counted; those that it has too many of, or rests from, are not. */
function renderWork({ make, remove }: Sizing, outcome: Outcome | undefined): JobAction[] {
  const isCounted = outcome !== undefined;
  return [
    ...(remove.length === 0 ? [] : [{ type: 'deletePods' as const, pods: remove, isCounted }]),
    ...(make.length === 0 ? [] : [{ type: 'createPods' as const, wishes: make }]),
  ];
}

function planFinished({ job, pods, nowMs }: JobState): JobPlan {
  const left = pods.filter(isTracked);
  const active = pods.filter(isPodActive);
  const actions: JobAction[] = [
    ...(active.length === 0 ? [] : [{ type: 'deletePods' as const, pods: active, isCounted: true }]),
    ...(left.length === 0 ? [] : [{ type: 'releasePods' as const, pods: left }]),
  ];
  const expiryMs = expiryInMs(job, nowMs);
  if (expiryMs === 0 && job.metadata.deletionTimestamp === undefined) {
    actions.push({ type: 'deleteJob', policy: 'Foreground' });
  }
  return { actions, requeueAfterMs: earliest([expiryMs]) };
}

/** Milliseconds until a finished job is to be deleted; undefined: it stays. */
function expiryInMs({ spec, status }: Job, nowMs: number): number | undefined {
  const end = getCondition(status.conditions, 'Complete') ?? getCondition(status.conditions, 'Failed');
  const endMs = parseTime(end?.lastTransitionTime);
  if (spec.ttlSecondsAfterFinished === undefined || endMs === undefined) return undefined;
  return Math.max(0, endMs + spec.ttlSecondsAfterFinished * 1000 - nowMs);
}

function tellTransitions({ status: before }: Job, { conditions = [] }: JobStatus): JobAction[] {
  const isNew = (type: string): boolean =>
    isConditionTrue(conditions, type) && !isConditionTrue(before.conditions, type);
  const failed = getCondition(conditions, 'Failed');
  const isResumed = isConditionTrue(before.conditions, 'Suspended') && !isConditionTrue(conditions, 'Suspended');
  return [
    ...(isNew('Complete') ? [normal('Completed', 'Job completed')] : []),
    ...(isNew('Failed') ? [warning(failed?.reason ?? 'Failed', failed?.message ?? '')] : []),
    ...(isNew('Suspended') ? [normal('Suspended', 'Job suspended')] : []),
    ...(isResumed ? [normal('Resumed', 'Job resumed')] : []),
  ];
}

function normal(reason: string, message: string): JobAction {
  return { type: 'tell', eventType: 'Normal', reason, message };
}

function warning(reason: string, message: string): JobAction {
  return { type: 'tell', eventType: 'Warning', reason, message };
}

function earliest(waitsMs: readonly (number | undefined)[]): number | undefined {
  const waits = waitsMs.filter((waitMs) => waitMs !== undefined).filter((waitMs) => waitMs > 0);
  return waits.length === 0 ? undefined : Math.min(...waits);
}
