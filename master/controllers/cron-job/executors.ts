/** Carries out the steps of a CronJob's plan, one request each. */
import { type CronJob, CronJobKind } from '../../../shared/api/cron-job.ts';
import { JobKind } from '../../../shared/api/job.ts';
import type { Client } from '../../../shared/client/client.ts';
import { type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { isControlledBy } from '../../../shared/machinery/owner-references.ts';
import type { Executors } from '../actions.ts';
import type { LatestWrites } from '../latest-writes.ts';
import { thisObject, unlessGone } from '../requests.ts';
import type { CronJobActions } from './plan.ts';
import { renderJob } from './render-job.ts';

export interface CronJobControl {
  client: Client;
  events: EventRecorder;
  writes: LatestWrites<CronJob>;
  /** The last slot that was started, by the uid of its CronJob. */
  started: Map<string, number>;
}

/** The name of a slot's job is taken by a job of somebody else. */
export class JobNameTakenError extends Error {
  override readonly name = 'JobNameTakenError';
}

export function createCronJobExecutors(control: CronJobControl, cronJob: CronJob): Executors<CronJobActions> {
  const { client, events, writes, started } = control;
  const { uid, namespace, name, resourceVersion } = cronJob.metadata;
  const subject = subjectOf(CronJobKind, cronJob);
  return {
    async annotate({ annotations }) {
      const body = { metadata: { uid, resourceVersion, annotations } };
      writes.note(cronJob, await client.patch(CronJobKind, { namespace, name }, { type: 'merge', body }));
    },
    createJob: (action) => createJob(control, cronJob, action),
    async deleteJob({ job }) {
      const key = { namespace, name: job.metadata.name };
      const options = { propagationPolicy: 'Background' as const, ...thisObject(job.metadata) };
      await unlessGone(client.delete(JobKind, key, options));
      events.event(subject, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`);
    },
    async updateStatus({ status }) {
      // With its resourceVersion: what was computed from an old state is refused.
      writes.note(cronJob, await client.update(CronJobKind, { ...cronJob, status }, 'status'));
    },
    async rewind({ lastSlotMs }) {
      started.set(uid, lastSlotMs);
    },
    async tell({ eventType, reason, message }) {
      events.event(subject, eventType, reason, message);
    },
  };
}

async function createJob(
  { client, events, started }: CronJobControl,
  cronJob: CronJob,
  { slotMs, zone }: CronJobActions['createJob'],
): Promise<void> {
  const subject = subjectOf(CronJobKind, cronJob);
  const draft = renderJob(cronJob, slotMs, zone);
  try {
    const job = await client.create(JobKind, draft);
    events.event(subject, 'Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) {
      events.event(subject, 'Warning', 'FailedCreate', `Error creating job: ${messageOf(error)}`);
      throw error;
    }
    await checkOwner(client, cronJob, draft.metadata.name ?? '');
  }
  started.set(cronJob.metadata.uid, slotMs);
}

/** Made before, and the informer does not show it yet. */
async function checkOwner(client: Client, cronJob: CronJob, name: string): Promise<void> {
  const job = await client.get(JobKind, { namespace: cronJob.metadata.namespace, name });
  if (!isControlledBy(job, cronJob)) throw new JobNameTakenError(`the job name ${name} is taken`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
