/** The Jobs of a CronJob: which run, when one last succeeded, and which may go. Pure. */
import type { CronJob } from '../../../shared/api/cron-job.ts';
import { type Job, JobKind } from '../../../shared/api/job.ts';
import type { ObjectReference } from '../../../shared/api/references.ts';
import { subjectOf } from '../../../shared/client/event-recorder.ts';
import { isConditionTrue } from '../../../shared/machinery/conditions.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { INSTANTIATE_ANNOTATION } from './render-job.ts';

export function isComplete({ status }: Job): boolean {
  return isConditionTrue(status.conditions, 'Complete');
}

export function isFailed({ status }: Job): boolean {
  return isConditionTrue(status.conditions, 'Failed');
}

/** Made for a slot and not over; jobs made by hand do not stand in the way of the schedule. */
export function activeJobs(jobs: readonly Job[]): Job[] {
  const isManual = ({ metadata }: Job): boolean => metadata.annotations?.[INSTANTIATE_ANNOTATION] !== undefined;
  const active = jobs.filter((job) => !isComplete(job) && !isFailed(job) && !isManual(job));
  return active.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

export function referenceTo(job: Job): ObjectReference {
  const { apiVersion, kind } = subjectOf(JobKind, job);
  const { namespace, name, uid, resourceVersion } = job.metadata;
  return { apiVersion, kind, namespace, name, uid, resourceVersion };
}

/** The latest of what is known and of what the jobs say. RFC 3339. */
export function lastSuccessfulTime(known: string | undefined, jobs: readonly Job[]): string | undefined {
  const times = [known, ...jobs.filter(isComplete).map(({ status }) => status.completionTime)];
  return times
    .filter((time) => time !== undefined)
    .sort((a, b) => (parseTime(a) ?? 0) - (parseTime(b) ?? 0))
    .at(-1);
}

/** Ended jobs beyond the limits, the oldest first. */
export function excessJobs({ spec }: CronJob, jobs: readonly Job[]): Job[] {
  const there = jobs.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return [
    ...beyond(there.filter(isComplete), spec.successfulJobsHistoryLimit),
    ...beyond(there.filter(isFailed), spec.failedJobsHistoryLimit),
  ];
}

function beyond(jobs: readonly Job[], limit: number): Job[] {
  const oldestFirst = [...jobs].sort(byStart);
  return oldestFirst.slice(0, Math.max(0, oldestFirst.length - limit));
}

function byStart(a: Job, b: Job): number {
  const startedMs = ({ status, metadata }: Job): number =>
    parseTime(status.startTime ?? metadata.creationTimestamp) ?? 0;
  const difference = startedMs(a) - startedMs(b);
  return difference !== 0 ? difference : a.metadata.name < b.metadata.name ? -1 : 1;
}
