/** What a Job goes by in its pods. Pure. Source: Kubernetes, "Jobs: Job tracking with finalizers" and "Indexed Job". */
import type { Job } from '../../../shared/api/job.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { parseTime } from '../../../shared/platform/clock.ts';

/** On each pod of a job until its end has been counted. */
export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';

export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';
/** How often pods of this index had failed before this one, where indexes have limits of their own. */
export const FAILURE_COUNT = 'batch.kubernetes.io/job-index-failure-count';
/** The same for failures that the job's policy ignores. */
export const IGNORED_FAILURE_COUNT = 'batch.kubernetes.io/job-index-ignored-failure-count';

export function isTracked({ metadata }: Pod): boolean {
  return (metadata.finalizers ?? []).includes(TRACKING_FINALIZER);
}

export function isIndexed({ spec }: Job): boolean {
  return spec.completionMode === 'Indexed';
}

/** undefined: it has none. */
export function indexOf({ metadata }: Pod): number | undefined {
  return countAt(metadata.annotations?.[COMPLETION_INDEX]);
}

export function failuresBefore({ metadata }: Pod): number {
  return countAt(metadata.annotations?.[FAILURE_COUNT]) ?? 0;
}

export function ignoredFailuresBefore({ metadata }: Pod): number {
  return countAt(metadata.annotations?.[IGNORED_FAILURE_COUNT]) ?? 0;
}

/** Failures of all sorts before this pod: tells which pod of an index is the latest. */
export function allFailuresBefore(pod: Pod): number {
  return failuresBefore(pod) + ignoredFailuresBefore(pod);
}

export function hasSucceeded({ status }: Pod): boolean {
  return status.phase === 'Succeeded';
}

/**
 * It failed, or it never will report again: deleted before it had a node, or deleted at once, so that nothing but the
 * finalizer keeps the object.
 */
export function hasFailed({ metadata, spec, status }: Pod): boolean {
  if (status.phase === 'Failed') return true;
  if (status.phase === 'Succeeded' || metadata.deletionTimestamp === undefined) return false;
  return !spec.nodeName || metadata.deletionGracePeriodSeconds === 0;
}

/** Being deleted, and its end is still to come. */
export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && !hasSucceeded(pod) && !hasFailed(pod);
}

/** Whether a pod that is being deleted counts as failed already, so that another one may take its place. */
export function countsDeletedAsFailed({ spec }: Job): boolean {
  return spec.podReplacementPolicy !== 'Failed' && spec.podFailurePolicy === undefined;
}

/** When its last container ended, as its node says; its creation when nobody knows. */
export function endedMs({ status, metadata }: Pod): number {
  const ends = (status.containerStatuses ?? []).flatMap(({ state }) => parseTime(state.terminated?.finishedAt) ?? []);
  return ends.length > 0
    ? Math.max(...ends)
    : (parseTime(metadata.deletionTimestamp ?? metadata.creationTimestamp) ?? 0);
}

function countAt(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
