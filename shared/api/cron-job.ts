/** CronJob: makes Jobs by a schedule. Source: Kubernetes API reference, batch/v1 CronJob. */
import type { Static } from 'typebox';
import { renderAge } from '../machinery/age.ts';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, list, object, ref, str, time } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { columnsOfTemplate } from './columns/workload.ts';
import { CronJobSpecSchema } from './cron-job-spec.ts';
import { KIND_NAMES } from './kind-names.ts';
import { applyPodSpecDefaults } from './pod-defaults.ts';
import { ObjectReferenceSchema } from './references.ts';
import { checkCronJob } from './validation/cron-job.ts';
import { templateWarnings } from './validation/pod-warnings.ts';

export const CronJobStatusSchema = object('CronJobStatus', 'What has been reached', {
  active: list(1, ObjectReferenceSchema, 'jobs that run'),
  lastScheduleTime: time(4, 'time of the schedule for which a job was last started'),
  lastSuccessfulTime: time(5, 'when a job last succeeded'),
});

export type CronJobStatus = Static<typeof CronJobStatusSchema>;

export const CronJobSchema = object('CronJob', 'Makes Jobs by a schedule', {
  apiVersion: defaulted(str(undefined, 'always batch/v1')),
  kind: defaulted(str(undefined, 'always CronJob')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, CronJobSpecSchema, 'what is wanted', { default: {} })),
  status: defaulted(ref(3, CronJobStatusSchema, 'what has been reached', { default: {} })),
});

export type CronJob = Static<typeof CronJobSchema>;

export const CronJobKind = defineKind<CronJob>(KIND_NAMES.CronJob, {
  shortNames: ['cj'],
  categories: ['all'],
  subresources: { status: true },
  applyDefaults({ spec }) {
    const pods = spec.jobTemplate?.spec?.template?.spec;
    if (pods !== undefined) applyPodSpecDefaults(pods);
  },
  columns: [
    nameColumn(),
    { name: 'Schedule', type: 'string', description: 'when jobs are started', value: ({ spec }) => spec.schedule },
    {
      name: 'Timezone',
      type: 'string',
      description: 'zone that the schedule is meant in',
      value: ({ spec }) => spec.timeZone ?? '<none>',
    },
    {
      name: 'Suspend',
      type: 'boolean',
      description: 'whether no further jobs are started',
      value: ({ spec }) => (spec.suspend ? 'True' : 'False'),
    },
    {
      name: 'Active',
      type: 'integer',
      description: 'jobs that run',
      value: ({ status }) => status.active?.length ?? 0,
    },
    {
      name: 'Last Schedule',
      type: 'string',
      description: 'time since a job was last due',
      value: ({ status }, { nowMs }) =>
        status.lastScheduleTime === undefined ? '<none>' : renderAge(status.lastScheduleTime, nowMs),
    },
    ageColumn(),
    ...columnsOfTemplate<CronJob>(({ spec }) => spec.jobTemplate.spec),
  ],
  warnings: ({ spec }) => templateWarnings('spec.jobTemplate.spec.template', spec.jobTemplate.spec?.template),
  validate: checkCronJob,
  schema: CronJobSchema,
});
