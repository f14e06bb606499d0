/** What is wanted of a CronJob. Source: Kubernetes API reference, batch/v1 CronJobSpec. */
import type { Static } from 'typebox';
import { bool, defaulted, int32, int64, object, oneOf, ref, required, str } from '../schema/fields.ts';
import { JobTemplateSpecSchema } from './job-spec.ts';

export const CronJobSpecSchema = object('CronJobSpec', 'What is wanted', {
  schedule: required(str(1, 'five fields of cron, or a word such as @hourly')),
  timeZone: str(8, 'zone that the schedule is meant in, such as Europe/Berlin; UTC unless set'),
  startingDeadlineSeconds: int64(2, 'a job that could not be started within these seconds is left out'),
  concurrencyPolicy: defaulted(
    oneOf(3, ['Allow', 'Forbid', 'Replace'], 'what to do while the job before still runs', { default: 'Allow' }),
  ),
  suspend: defaulted(bool(4, 'no further jobs are started', { default: false })),
  jobTemplate: required(ref(5, JobTemplateSpecSchema, 'what the jobs look like')),
  successfulJobsHistoryLimit: defaulted(int32(6, 'finished jobs that are kept', { default: 3 })),
  failedJobsHistoryLimit: defaulted(int32(7, 'failed jobs that are kept', { default: 1 })),
});

export type CronJobSpec = Static<typeof CronJobSpecSchema>;
