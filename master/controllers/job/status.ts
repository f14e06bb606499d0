/** The status of a Job, as the counts, the announced outcome and the pods make it. Pure. */
import type { Job, JobCondition, JobStatus } from '../../../shared/api/job.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { getCondition, isConditionTrue } from '../../../shared/machinery/conditions.ts';
import { formatIndexRanges } from '../../../shared/machinery/index-ranges.ts';
import { isPodActive, isPodReady } from '../pod-state.ts';
import { type Outcome, succeededOf } from './outcome.ts';
import { isIndexed, isTerminating } from './pod-facts.ts';
import type { Tally } from './tally.ts';

export interface StatusInput {
  job: Job;
  tally: Tally;
  pods: readonly Pod[];
  outcome: Outcome | undefined;
  /** Pods that were made may not have shown up yet. */
  isUpToDate: boolean;
  /** RFC 3339. */
  now: string;
}

export function computeJobStatus(input: StatusInput): JobStatus {
  const { job, tally, pods, now } = input;
  const { status, spec } = job;
  const active = pods.filter(isPodActive);
  const conditions = computeConditions(input);
  const isComplete = isConditionTrue(conditions, 'Complete');
  const completionTime = isComplete ? (status.completionTime ?? now) : status.completionTime;
  const startTime = computeStartTime(job, now);
  const { succeeded, failed } = tally.uncounted;
  return {
    ...(conditions.length === 0 ? {} : { conditions }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...positive('active', active.length),
    ...positive('succeeded', isIndexed(job) ? succeededOf(job, tally) : tally.succeeded),
    ...positive('failed', tally.failed),
    terminating: pods.filter(isTerminating).length,
    ready: active.filter(isPodReady).length,
    ...(tally.completed.length === 0 ? {} : { completedIndexes: formatIndexRanges(tally.completed) }),
    ...(spec.backoffLimitPerIndex === undefined ? {} : { failedIndexes: formatIndexRanges(tally.failedIndexes) }),
    uncountedTerminatedPods: {
      ...(succeeded.length === 0 ? {} : { succeeded: [...succeeded] }),
      ...(failed.length === 0 ? {} : { failed: [...failed] }),
    },
  };
}

/** A job that rests has not begun; its deadline counts from when it goes on. */
function computeStartTime({ spec, status }: Job, now: string): string | undefined {
  if (spec.suspend) return undefined;
  return status.startTime ?? now;
}

function positive(name: 'active' | 'succeeded' | 'failed', count: number): Partial<JobStatus> {
  return count === 0 ? {} : { [name]: count };
}

function computeConditions({ job, tally, pods, outcome, isUpToDate, now }: StatusInput): JobCondition[] {
  const present = job.status.conditions ?? [];
  if (outcome === undefined) return withSuspension(job, present, now);
  const announced = put(present, { ...outcome, status: 'True' }, now);
  // Told only when each pod has ended and has been counted.
  const { succeeded, failed } = tally.uncounted;
  const isLeft = pods.some((pod) => isPodActive(pod) || isTerminating(pod));
  if (isLeft || !isUpToDate || succeeded.length + failed.length > 0 || tally.release.length > 0) return announced;
  const { reason, message } = outcome;
  const type = outcome.type === 'FailureTarget' ? 'Failed' : 'Complete';
  return put(announced, { type, status: 'True', reason, message }, now);
}

function withSuspension({ spec }: Job, present: JobCondition[], now: string): JobCondition[] {
  if (spec.suspend) {
    return put(present, { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }, now);
  }
  if (!isConditionTrue(present, 'Suspended')) return present;
  return put(present, { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' }, now);
}

/** Unchanged when it says so already. */
function put(conditions: JobCondition[], next: JobCondition, now: string): JobCondition[] {
  const present = getCondition(conditions, next.type);
  if (present?.status === next.status) return conditions;
  const stamped = { ...next, lastProbeTime: now, lastTransitionTime: now };
  return present === undefined
    ? [...conditions, stamped]
    : conditions.map((condition) => (condition === present ? stamped : condition));
}
