/**
 * Whether a Job is to end, and how. Pure. An end is announced (FailureTarget, SuccessCriteriaMet) before its pods are ended
 * and counted; only then it is told (Failed, Complete). What has been announced is never taken back.
 */
import type { Job, JobCondition } from '../../../shared/api/job.ts';
import type { SuccessPolicyRule } from '../../../shared/api/job-spec.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { getCondition, isConditionTrue } from '../../../shared/machinery/conditions.ts';
import { countIndexes, intersectIndexes, parseIndexRanges } from '../../../shared/machinery/index-ranges.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { isPodActive } from '../pod-state.ts';
import { isIndexed } from './pod-facts.ts';
import type { Tally } from './tally.ts';

export interface Outcome {
  type: 'FailureTarget' | 'SuccessCriteriaMet';
  reason: string;
  message: string;
}

export interface OutcomeInput {
  job: Job;
  tally: Tally;
  pods: readonly Pod[];
  nowMs: number;
}

export function isFinished({ status }: Job): boolean {
  return isConditionTrue(status.conditions, 'Complete') || isConditionTrue(status.conditions, 'Failed');
}

/** What an earlier step has announced. */
export function announcedOutcome({ status }: Job): Outcome | undefined {
  for (const type of ['FailureTarget', 'SuccessCriteriaMet'] as const) {
    const condition: JobCondition | undefined = getCondition(status.conditions, type);
    if (condition?.status === 'True') return { type, reason: condition.reason ?? '', message: condition.message ?? '' };
  }
  return undefined;
}

/** undefined: it goes on. */
export function computeOutcome(input: OutcomeInput): Outcome | undefined {
  return announcedOutcome(input.job) ?? computeFailure(input) ?? computeSuccess(input);
}

function computeFailure(input: OutcomeInput): Outcome | undefined {
  const { job, tally, nowMs } = input;
  if (tally.failJob !== undefined) return failure('PodFailurePolicy', tally.failJob);
  if (isPastBackoffLimit(input)) {
    return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  if (deadlineInMs(job, nowMs) === 0) {
    return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  return computeIndexFailure(job, tally);
}

function isPastBackoffLimit({ job, tally, pods }: OutcomeInput): boolean {
  const { backoffLimit = 6, template } = job.spec;
  if (tally.failed + tally.uncounted.failed.length > backoffLimit) return true;
  if (template.spec.restartPolicy !== 'OnFailure') return false;
  // Where containers restart in their pod, each restart is a failure.
  const restarts = pods.filter(isPodActive).reduce((sum, pod) => sum + containerRestarts(pod), 0);
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}

function containerRestarts({ status }: Pod): number {
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
}

/** undefined: there is none, or the job rests. */
export function deadlineInMs({ spec, status }: Job, nowMs: number): number | undefined {
  const startMs = parseTime(status.startTime);
  if (spec.activeDeadlineSeconds === undefined || startMs === undefined || spec.suspend) return undefined;
  return Math.max(0, startMs + spec.activeDeadlineSeconds * 1000 - nowMs);
}

function computeIndexFailure({ spec }: Job, { completed, failedIndexes }: Tally): Outcome | undefined {
  const { backoffLimitPerIndex, maxFailedIndexes, completions = 0 } = spec;
  if (backoffLimitPerIndex === undefined) return undefined;
  const failed = countIndexes(failedIndexes);
  if (maxFailedIndexes !== undefined && failed > maxFailedIndexes) {
    return failure('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  }
  const isOver = failed > 0 && failed + countIndexes(completed) >= completions;
  return isOver ? failure('FailedIndexes', 'Job has failed indexes') : undefined;
}

function computeSuccess({ job, tally, pods }: OutcomeInput): Outcome | undefined {
  const rules = job.spec.successPolicy?.rules ?? [];
  const index = rules.findIndex((rule) => ruleHolds(rule, job, tally));
  if (index !== -1) return success('SuccessPolicy', `Matched rules at index ${index}`);
  const { completions } = job.spec;
  const succeeded = succeededOf(job, tally);
  const isDone =
    completions === undefined ? succeeded > 0 && !pods.some((pod) => isPodActive(pod)) : succeeded >= completions;
  return isDone ? success('CompletionsReached', 'Reached expected number of succeeded pods') : undefined;
}

/** Counted and about to be. */
export function succeededOf(job: Job, { completed, succeeded, uncounted }: Tally): number {
  return isIndexed(job) ? countIndexes(completed) : succeeded + uncounted.succeeded.length;
}

function ruleHolds({ succeededIndexes, succeededCount }: SuccessPolicyRule, job: Job, { completed }: Tally): boolean {
  const all = parseIndexRanges(succeededIndexes ?? `0-${Math.max(1, (job.spec.completions ?? 0) - 1)}`);
  const done = countIndexes(intersectIndexes(all, completed));
  return done >= (succeededCount ?? countIndexes(all));
}

function failure(reason: string, message: string): Outcome {
  return { type: 'FailureTarget', reason, message };
}

function success(reason: string, message: string): Outcome {
  return { type: 'SuccessCriteriaMet', reason, message };
}
