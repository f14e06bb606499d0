/** The Job of one slot: its name is made from the slot's time, so that no slot has two. Pure. */
import { type CronJob, CronJobKind } from '../../../shared/api/cron-job.ts';
import type { Job } from '../../../shared/api/job.ts';
import { subjectOf } from '../../../shared/client/event-recorder.ts';
import type { TimeZone } from '../../../shared/machinery/cron/time-zone.ts';
import { controllerReference } from '../../../shared/machinery/owner-references.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';

export const SCHEDULED_ANNOTATION = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** Of jobs that `kubectl create job --from` makes: they belong to the cron job and are none of its slots. */
export const INSTANTIATE_ANNOTATION = 'cronjob.kubernetes.io/instantiate';

const MINUTE_MS = 60_000;

/** `hello-29456789`: the slot in minutes since 1970. */
export function jobName({ metadata }: CronJob, slotMs: number): string {
  return `${metadata.name}-${Math.floor(slotMs / MINUTE_MS)}`;
}

export function renderJob(cronJob: CronJob, slotMs: number, zone: TimeZone): Draft<Job> {
  const { metadata, spec } = cronJob.spec.jobTemplate;
  const owner = { ...subjectOf(CronJobKind, cronJob), metadata: cronJob.metadata };
  return {
    metadata: {
      name: jobName(cronJob, slotMs),
      namespace: cronJob.metadata.namespace,
      labels: { ...metadata.labels },
      annotations: { ...metadata.annotations, [SCHEDULED_ANNOTATION]: formatInZone(slotMs, zone) },
      ownerReferences: [controllerReference(owner)],
    },
    spec,
  };
}

/** RFC 3339 with the zone's offset: `2026-03-29T03:00:00+02:00`. */
export function formatInZone(epochMs: number, zone: TimeZone): string {
  const wallMs = zone.wallMs(epochMs);
  const offsetMinutes = Math.round((wallMs - epochMs) / MINUTE_MS);
  if (offsetMinutes === 0) return formatTime(epochMs);
  const [hours, minutes] = [Math.floor(Math.abs(offsetMinutes) / 60), Math.abs(offsetMinutes) % 60];
  const offset = `${pad(hours)}:${pad(minutes)}`;
  return `${formatTime(wallMs).slice(0, -1)}${offsetMinutes < 0 ? '-' : '+'}${offset}`;
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}
