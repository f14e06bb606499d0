/** Carries out the steps of a Job's plan. Executes plans; decides nothing. */
import { type Job, JobKind } from '../../../shared/api/job.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { Client } from '../../../shared/client/client.ts';
import { type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import type { Executors } from '../actions.ts';
import { runInBatches } from '../batches.ts';
import type { LatestWrites } from '../latest-writes.ts';
import type { Expectations } from '../replica-set/expectations.ts';
import { thisObject, unlessGone, unlessNotFound } from '../requests.ts';
import type { JobActions } from './plan.ts';
import { hasSucceeded, isTracked, TRACKING_FINALIZER } from './pod-facts.ts';
import { renderPod } from './render-pod.ts';

export interface JobControl {
  client: Client;
  events: EventRecorder;
  expectations: Expectations;
  writes: LatestWrites<Job>;
}

export function createJobExecutors(control: JobControl, job: Job): Executors<JobActions> {
  const { client, events, writes } = control;
  const { uid, namespace, name } = job.metadata;
  return {
    async updateStatus({ status }) {
      writes.note(job, await client.update(JobKind, { ...job, status }, 'status'));
    },
    async releasePods({ pods }) {
      const failure = await runInBatches(pods, (pod) => releaseCounted(client, pod));
      if (failure !== undefined) throw failure.reason;
    },
    createPods: ({ wishes }) => createPods(control, job, wishes),
    deletePods: (action) => deletePods(control, job, action),
    async deleteJob({ policy }) {
      const options = { propagationPolicy: policy, ...thisObject({ uid }) };
      await unlessGone(client.delete(JobKind, { namespace, name }, options));
    },
    async tell({ eventType, reason, message }) {
      events.event(subjectOf(JobKind, job), eventType, reason, message);
    },
  };
}

/**
 * A pod that was counted as failed because it is being deleted may have succeeded by now: then the release is refused, and
 * so is the rest of the plan, which would replace it.
 */
async function releaseCounted(client: Client, pod: Pod): Promise<void> {
  const hasEnded = hasSucceeded(pod) || pod.status.phase === 'Failed';
  await (hasEnded ? releasePod(client, pod) : unlessNotFound(releaseUnended(client, pod)));
}

/** The uid refuses another pod of that name. */
export async function releasePod(client: Client, { metadata }: Pod): Promise<void> {
  const { uid, namespace, name } = metadata;
  const body = { metadata: { uid, [`$deleteFromPrimitiveList/finalizers`]: [TRACKING_FINALIZER] } };
  await unlessGone(client.patch(PodKind, { namespace, name }, { type: 'strategic', body }));
}

async function createPods(
  { client, events, expectations }: JobControl,
  job: Job,
  wishes: JobActions['createPods']['wishes'],
): Promise<void> {
  const { uid } = job.metadata;
  const subject = subjectOf(JobKind, job);
  expectations.expectCreations(uid, wishes.length);
  const failure = await runInBatches(wishes, async (wish) => {
    const pod = await client.create(PodKind, renderPod(job, wish));
    events.event(subject, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
  });
  if (failure === undefined) return;
  expectations.noteCreation(uid, failure.missing);
  events.event(subject, 'Warning', 'FailedCreate', `Error creating: ${messageOf(failure.reason)}`);
  throw failure.reason;
}

async function deletePods(control: JobControl, job: Job, { pods, isCounted }: JobActions['deletePods']): Promise<void> {
  const { uid } = job.metadata;
  control.expectations.expectDeletions(
    uid,
    pods.map((pod) => pod.metadata.uid),
  );
  const failure = await runInBatches(pods, (pod) => deletePod(control, job, { pod, isCounted }));
  if (failure === undefined) return;
  control.expectations.forget(uid);
  throw failure.reason;
}

async function deletePod(
  { client, events, expectations }: JobControl,
  job: Job,
  { pod, isCounted }: { pod: Pod; isCounted: boolean },
): Promise<void> {
  const { namespace, name, uid } = pod.metadata;
  try {
    const version = isCounted || !isTracked(pod) ? undefined : await releaseUnended(client, pod);
    const preconditions = { uid, ...(version === undefined ? {} : { resourceVersion: version }) };
    await unlessNotFound(client.delete(PodKind, { namespace, name }, { preconditions }));
    events.event(subjectOf(JobKind, job), 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  } catch (error) {
    expectations.noteDeletion(job.metadata.uid, uid);
    // Gone already, or it has gone on since: the next look at it decides anew.
    if (isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict')) return;
    throw error;
  }
}

/** Refused when the pod has changed since it was looked at: it may just have succeeded, and would never be counted. */
async function releaseUnended(client: Client, { metadata }: Pod): Promise<string> {
  const { uid, resourceVersion, namespace, name, finalizers = [] } = metadata;
  const rest = finalizers.filter((finalizer) => finalizer !== TRACKING_FINALIZER);
  const body = { metadata: { uid, resourceVersion, finalizers: rest } };
  const released = await client.patch(PodKind, { namespace, name }, { type: 'merge', body });
  return released.metadata.resourceVersion;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
