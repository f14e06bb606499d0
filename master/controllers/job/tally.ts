/**
 * Counts the ended pods of a Job, each exactly once, whatever is lost on the way. Pure. Source: Kubernetes, "Jobs: Job
 * tracking with finalizers".
 *
 *     ended, tracked  ── uid into status.uncountedTerminatedPods ──►  finalizer taken off  ──►  uid out, counter up by one
 *
 * The uid leaves the list in the same write in which the counter rises, and only when the pod is seen without its finalizer;
 * it enters the list only from a pod that is seen with it. Informers never go back, so no pod is counted twice; the
 * finalizer keeps the object until its uid is on disk, so none is lost. A pod that was given up while its node was out of
 * reach, and turns out to have succeeded before its finalizer is gone, leaves the list uncounted and is a success.
 */
import type { Job } from '../../../shared/api/job.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import {
  addIndexes,
  hasIndex,
  type IndexRanges,
  intersectIndexes,
  parseIndexRanges,
} from '../../../shared/machinery/index-ranges.ts';
import { judgeFailure, type Verdict } from './failure-policy.ts';
import {
  allFailuresBefore,
  countsDeletedAsFailed,
  failuresBefore,
  hasFailed,
  hasSucceeded,
  indexOf,
  isIndexed,
  isTracked,
} from './pod-facts.ts';

export interface Tally {
  /** Uids that await their counting. */
  uncounted: { succeeded: readonly string[]; failed: readonly string[] };
  /** Counted for good. Indexed jobs count their successes by `completed`. */
  succeeded: number;
  failed: number;
  completed: IndexRanges;
  failedIndexes: IndexRanges;
  /** Lose their finalizer once this tally is stored. */
  release: readonly Pod[];
  /** Set when the policy ends the job. */
  failJob: string | undefined;
}

/** Uids that one status holds at most; the rest follows when these have been counted. */
export const MAX_UNCOUNTED = 500;

/** `isOver`: no pod will be replaced any more. */
export function computeTally(job: Job, pods: readonly Pod[], isOver: boolean): Tally {
  const settled = settle(job, pods);
  const news = sortNews(job, pods, settled);
  const room = MAX_UNCOUNTED - settled.uncounted.succeeded.length - settled.uncounted.failed.length;
  const succeeded = news.succeeded.slice(0, Math.max(0, room));
  const failed = news.failed.slice(0, Math.max(0, room - succeeded.length));
  const indexed = isIndexed(job);
  const completed = addIndexes(settled.completed, indexed ? news.succeeded.flatMap((pod) => indexOf(pod) ?? []) : []);
  const uncounted = {
    succeeded: indexed ? [] : [...settled.uncounted.succeeded, ...succeeded.map(uidOf)],
    failed: [...settled.uncounted.failed, ...failed.map(({ pod }) => uidOf(pod))],
  };
  const failedIndexes = addIndexes(
    settled.failedIndexes,
    failed.flatMap((failure) => failedIndex(job, failure) ?? []),
  );
  const counts = { ...settled, uncounted, completed, failedIndexes };
  return {
    ...counts,
    failJob: failed.find(({ verdict }) => verdict.action === 'FailJob')?.verdict.message,
    release: pods.filter((pod) => isReleasable({ job, pods, counts, news, isOver }, pod)),
  };
}

type Counts = Omit<Tally, 'release' | 'failJob'>;

/** Uids whose pods have lost their finalizer, or are gone, are counted; those that have succeeded after all are news again. */
function settle(job: Job, pods: readonly Pod[]): Counts {
  const { uncountedTerminatedPods, succeeded = 0, failed = 0, completedIndexes = '', failedIndexes = '' } = job.status;
  const tracked = new Set(pods.filter(isTracked).map(uidOf));
  const { succeeded: ended = [], failed: broken = [] } = uncountedTerminatedPods ?? {};
  const inRange: IndexRanges = [[0, (job.spec.completions ?? 0) - 1]];
  const lostIndexes = intersectIndexes(parseIndexRanges(failedIndexes), inRange);
  const awaited = broken.filter((uid) => tracked.has(uid));
  const turned = new Set(pods.filter((pod) => hasTurnedOutWell(pod, lostIndexes)).map(uidOf));
  const uncounted = {
    succeeded: ended.filter((uid) => tracked.has(uid)),
    failed: awaited.filter((uid) => !turned.has(uid)),
  };
  return {
    uncounted,
    succeeded: succeeded + ended.length - uncounted.succeeded.length,
    failed: failed + broken.length - awaited.length,
    // An elastic job may have lost its last indexes.
    completed: intersectIndexes(parseIndexRanges(completedIndexes), inRange),
    failedIndexes: lostIndexes,
  };
}

/** It was deleted, and so taken for failed, but ended well. An index that has been told to have failed stays so. */
function hasTurnedOutWell(pod: Pod, failedIndexes: IndexRanges): boolean {
  const index = indexOf(pod);
  return hasSucceeded(pod) && !(index !== undefined && hasIndex(failedIndexes, index));
}

interface Failure {
  pod: Pod;
  verdict: Verdict;
}

interface News {
  succeeded: Pod[];
  failed: Failure[];
  /** Ended, and of no account: ignored by the policy, or of an index that is not wanted. */
  ignored: Pod[];
}

function sortNews(job: Job, pods: readonly Pod[], { uncounted }: Counts): News {
  const known = new Set([...uncounted.succeeded, ...uncounted.failed]);
  const news: News = { succeeded: [], failed: [], ignored: [] };
  const deletedFails = countsDeletedAsFailed(job);
  for (const pod of pods) {
    if (!isTracked(pod) || known.has(uidOf(pod))) continue;
    const isGoing = pod.metadata.deletionTimestamp !== undefined;
    if (!isOfWantedIndex(job, pod)) {
      if (isGoing || hasSucceeded(pod) || hasFailed(pod)) news.ignored.push(pod);
    } else if (hasSucceeded(pod)) news.succeeded.push(pod);
    else if (hasFailed(pod) || (isGoing && deletedFails)) {
      const verdict = judgeFailure(job, pod);
      if (verdict.action === 'Ignore') news.ignored.push(pod);
      else news.failed.push({ pod, verdict });
    }
  }
  return news;
}

function isOfWantedIndex(job: Job, pod: Pod): boolean {
  if (!isIndexed(job)) return true;
  const index = indexOf(pod);
  return index !== undefined && index < (job.spec.completions ?? 0);
}

/** The index that this failure ends, if it does. */
function failedIndex({ spec }: Job, { pod, verdict }: Failure): number | undefined {
  const { backoffLimitPerIndex } = spec;
  if (backoffLimitPerIndex === undefined) return undefined;
  const isOver = verdict.action === 'FailIndex' || failuresBefore(pod) >= backoffLimitPerIndex;
  return isOver ? indexOf(pod) : undefined;
}

interface ReleaseInput {
  job: Job;
  pods: readonly Pod[];
  counts: Counts;
  news: News;
  isOver: boolean;
}

function isReleasable(input: ReleaseInput, pod: Pod): boolean {
  const { counts, news } = input;
  if (!isTracked(pod)) return false;
  const uid = uidOf(pod);
  const { succeeded, failed } = counts.uncounted;
  if (succeeded.includes(uid)) return true;
  const index = indexOf(pod);
  if (isIndexed(input.job) && news.succeeded.includes(pod)) return true;
  const isCounted = failed.includes(uid) || news.ignored.includes(pod);
  return isCounted && !(index !== undefined && remembersFailures(input, pod, index));
}

/** Where indexes have limits, the latest failed pod of an index is the memory of its failures until another takes its place. */
function remembersFailures({ job, pods, counts, isOver }: ReleaseInput, pod: Pod, index: number): boolean {
  if (job.spec.backoffLimitPerIndex === undefined || isOver) return false;
  if (hasIndex(counts.completed, index) || hasIndex(counts.failedIndexes, index)) return false;
  if (index >= (job.spec.completions ?? 0)) return false;
  return !pods.some((other) => indexOf(other) === index && allFailuresBefore(other) > allFailuresBefore(pod));
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid;
}
