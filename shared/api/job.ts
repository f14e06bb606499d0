/** Job: pods that run until enough of them have succeeded. Source: Kubernetes API reference, batch/v1 Job. */
import type { Static } from 'typebox';
import { renderDuration } from '../machinery/age.ts';
import { isConditionTrue } from '../machinery/conditions.ts';
import { parseTime } from '../platform/clock.ts';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, int32, list, object, oneOf, ref, required, str, strings, time } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { columnsOfTemplate } from './columns/workload.ts';
import { JobSpecSchema } from './job-spec.ts';
import { KIND_NAMES } from './kind-names.ts';
import { applyPodSpecDefaults } from './pod-defaults.ts';
import { checkJob } from './validation/job.ts';
import { templateWarnings } from './validation/pod-warnings.ts';

export const JobConditionSchema = object('JobCondition', "One aspect of a job's present state", {
  type: required(str(1, 'which aspect: Complete, Failed, Suspended, FailureTarget or SuccessCriteriaMet')),
  status: required(oneOf(2, ['True', 'False', 'Unknown'], 'whether it holds')),
  lastProbeTime: time(3, 'when it was last looked at'),
  lastTransitionTime: time(4, 'when status last changed'),
  reason: str(5, 'why, in one CamelCase word'),
  message: str(6, 'why, for people'),
});

export type JobCondition = Static<typeof JobConditionSchema>;

export const UncountedTerminatedPodsSchema = object(
  'UncountedTerminatedPods',
  'Pods that have ended and await counting',
  {
    succeeded: strings(1, 'uids of those that succeeded', { type: 'set' }),
    failed: strings(2, 'uids of those that failed', { type: 'set' }),
  },
);

export type UncountedTerminatedPods = Static<typeof UncountedTerminatedPodsSchema>;

export const JobStatusSchema = object('JobStatus', 'What has been reached', {
  conditions: list(1, JobConditionSchema, 'aspects of the present state', { mergeKey: 'type' }),
  startTime: time(2, 'when the job was started, or resumed'),
  completionTime: time(3, 'when it had succeeded'),
  active: int32(4, 'pods that run or are to run'),
  succeeded: int32(5, 'pods that succeeded'),
  failed: int32(6, 'pods that failed'),
  terminating: int32(11, 'pods that are being deleted'),
  completedIndexes: str(7, 'indexes that succeeded, such as 1,3-5,7'),
  failedIndexes: str(10, 'indexes that failed for good'),
  uncountedTerminatedPods: ref(8, UncountedTerminatedPodsSchema, 'pods that have ended and await counting'),
  ready: int32(9, 'pods that are ready'),
});

export type JobStatus = Static<typeof JobStatusSchema>;

export const JobSchema = object('Job', 'Pods that run until enough of them have succeeded', {
  apiVersion: defaulted(str(undefined, 'always batch/v1')),
  kind: defaulted(str(undefined, 'always Job')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, JobSpecSchema, 'what is wanted', { default: {} })),
  status: defaulted(ref(3, JobStatusSchema, 'what has been reached', { default: {} })),
});

export type Job = Static<typeof JobSchema>;

/** More failures than a job lives to see: the indexes have limits of their own. */
const NO_BACKOFF_LIMIT = 2 ** 31 - 1;

function applyJobDefaults(job: Job): void {
  const { spec, metadata } = job;
  if (spec.template?.spec) applyPodSpecDefaults(spec.template.spec);
  if (spec.parallelism === undefined && spec.completions === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : NO_BACKOFF_LIMIT;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  const labels = spec.template?.metadata?.labels ?? {};
  const hasLabels = Object.keys(metadata.labels ?? {}).length > 0;
  if (!hasLabels && Object.keys(labels).length > 0) metadata.labels = { ...labels };
}

const STATES = ['Complete', 'Failed', 'Suspended', 'FailureTarget', 'SuccessCriteriaMet'] as const;

function stateText({ metadata, status }: Job): string {
  const state = STATES.find((type) => isConditionTrue(status.conditions, type));
  const isOver = state === 'Complete' || state === 'Failed';
  if (metadata.deletionTimestamp !== undefined && !isOver) return 'Terminating';
  return state ?? 'Running';
}

function completionsText({ spec, status }: Job): string {
  const { succeeded = 0 } = status;
  const { completions, parallelism = 0 } = spec;
  if (completions !== undefined) return `${succeeded}/${completions}`;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationText({ startTime, completionTime }: Job['status'], nowMs: number): string {
  const startMs = parseTime(startTime);
  return startMs === undefined ? '' : renderDuration(Math.max(0, (parseTime(completionTime) ?? nowMs) - startMs));
}

export const JobKind = defineKind<Job>(KIND_NAMES.Job, {
  categories: ['all'],
  subresources: { status: true },
  applyDefaults: applyJobDefaults,
  columns: [
    nameColumn(),
    { name: 'Status', type: 'string', description: 'what the job does, in one word', value: stateText },
    {
      name: 'Completions',
      type: 'string',
      description: 'pods that succeeded, of the wanted number',
      value: completionsText,
    },
    {
      name: 'Duration',
      type: 'string',
      description: 'time from its start to its success, or until now',
      value: ({ status }, { nowMs }) => durationText(status, nowMs),
    },
    ageColumn(),
    ...columnsOfTemplate<Job>(({ spec }) => spec),
  ],
  selectableFields: { 'status.successful': ({ status }) => String(status.succeeded ?? 0) },
  warnings: ({ spec }) => templateWarnings('spec.template', spec.template),
  validate: checkJob,
  schema: JobSchema,
});
