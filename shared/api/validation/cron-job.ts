/** Checks of a CronJob: a schedule that can be read, in a zone that exists, for jobs that would be accepted. */
import { CronScheduleError, parseCronSchedule } from '../../machinery/cron/schedule.ts';
import { findTimeZone, TimeZoneError } from '../../machinery/cron/time-zone.ts';
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import type { ObjectMeta } from '../../schema/object-meta.ts';
import type { CronJobSpec } from '../cron-job-spec.ts';
import { checkNotNegative, invalidValue, requiredValue } from './field-error.ts';
import { checkJobTemplate } from './job-spec.ts';

/** Jobs are called after the cron job with a minute of up to ten digits and a hyphen, and pods after the jobs. */
const MAX_NAME_CHARS = 52;

interface Checked {
  metadata: ObjectMeta;
  spec: CronJobSpec;
}

export function checkCronJob({ spec, metadata }: Checked, old?: Checked): FieldError[] {
  return [
    ...(spec.schedule === undefined ? [] : checkSchedule('spec.schedule', spec.schedule)),
    ...(old !== undefined && jsonEqual(spec.timeZone, old.spec.timeZone)
      ? []
      : checkTimeZone('spec.timeZone', spec.timeZone)),
    ...checkNotNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds),
    ...checkNotNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
    ...checkNotNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
    ...(spec.jobTemplate ? checkJobTemplate('spec.jobTemplate.spec', spec.jobTemplate.spec) : []),
    ...(old === undefined && metadata.name.length > MAX_NAME_CHARS
      ? [invalidValue('metadata.name', metadata.name, `must be no more than ${MAX_NAME_CHARS} characters`)]
      : []),
  ];
}

function checkSchedule(field: string, schedule: string): FieldError[] {
  if (schedule === '') return [requiredValue(field)];
  if (schedule.includes('TZ')) {
    return [invalidValue(field, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')];
  }
  try {
    parseCronSchedule(schedule);
    return [];
  } catch (error) {
    if (error instanceof CronScheduleError) return [invalidValue(field, schedule, error.message)];
    throw error;
  }
}

/** A zone that was known when it was set stays accepted. */
function checkTimeZone(field: string, timeZone: string | undefined): FieldError[] {
  if (timeZone === undefined) return [];
  if (timeZone === '') return [invalidValue(field, timeZone, 'timeZone must be nil or non-empty string')];
  try {
    findTimeZone(timeZone);
    return [];
  } catch (error) {
    if (error instanceof TimeZoneError) return [invalidValue(field, timeZone, error.message)];
    throw error;
  }
}
