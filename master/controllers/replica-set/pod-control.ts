/** Makes and deletes the pods of a ReplicaSet, and tells of it. Executes plans; decides nothing. */
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { type ReplicaSet, ReplicaSetKind } from '../../../shared/api/replica-set.ts';
import type { Client } from '../../../shared/client/client.ts';
import { type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { controllerReference } from '../../../shared/machinery/owner-references.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import type { Executors } from '../actions.ts';
import { runInBatches } from '../batches.ts';
import type { Expectations } from './expectations.ts';
import type { ReplicaFailure, ReplicaSetActions } from './plan.ts';

export interface PodControl {
  client: Client;
  events: EventRecorder;
  expectations: Expectations;
}

/** A step of a plan failed; the ReplicaSet's status says so. */
export class ReplicaFailureError extends Error {
  override readonly name = 'ReplicaFailureError';
  readonly failure: ReplicaFailure;

  constructor(failure: ReplicaFailure, cause: unknown) {
    super(failure.message, { cause });
    this.failure = failure;
  }
}

const DELETES_IN_FLIGHT = 16;

export function createPodExecutors(control: PodControl, replicaSet: ReplicaSet): Executors<ReplicaSetActions> {
  return {
    createPods: ({ count }) => createPods(control, replicaSet, count),
    deletePods: ({ pods }) => deletePods(control, replicaSet, pods),
  };
}

async function createPods(control: PodControl, replicaSet: ReplicaSet, count: number): Promise<void> {
  const { uid } = replicaSet.metadata;
  control.expectations.expectCreations(uid, count);
  const failure = await runInBatches(Array.from({ length: count }), () => createPod(control, replicaSet));
  if (failure === undefined) return;
  control.expectations.noteCreation(uid, failure.missing);
  const message = messageOf(failure.reason);
  control.events.event(subjectOf(ReplicaSetKind, replicaSet), 'Warning', 'FailedCreate', `Error creating: ${message}`);
  throw new ReplicaFailureError({ reason: 'FailedCreate', message }, failure.reason);
}

async function createPod(control: PodControl, replicaSet: ReplicaSet): Promise<void> {
  const pod = await control.client.create(PodKind, renderPod(replicaSet));
  const subject = subjectOf(ReplicaSetKind, replicaSet);
  control.events.event(subject, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
}

/** The pod as the template wants it, owned by its ReplicaSet. */
export function renderPod(replicaSet: ReplicaSet): Draft<Pod> {
  const { template } = replicaSet.spec;
  const { labels, annotations, finalizers } = template.metadata;
  const owner = { ...subjectOf(ReplicaSetKind, replicaSet), metadata: replicaSet.metadata };
  return {
    metadata: {
      generateName: `${replicaSet.metadata.name}-`,
      namespace: replicaSet.metadata.namespace,
      labels: { ...labels },
      annotations: { ...annotations },
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: template.spec,
  };
}

async function deletePods(control: PodControl, replicaSet: ReplicaSet, pods: readonly Pod[]): Promise<void> {
  const { uid } = replicaSet.metadata;
  control.expectations.expectDeletions(
    uid,
    pods.map((pod) => pod.metadata.uid),
  );
  const failures: unknown[] = [];
  for (let start = 0; start < pods.length; start += DELETES_IN_FLIGHT) {
    const batch = pods.slice(start, start + DELETES_IN_FLIGHT);
    const results = await Promise.allSettled(batch.map((pod) => deletePod(control, replicaSet, pod)));
    for (const result of results) if (result.status === 'rejected') failures.push(result.reason);
  }
  const [first] = failures;
  if (first === undefined) return;
  throw new ReplicaFailureError({ reason: 'FailedDelete', message: messageOf(first) }, first);
}

async function deletePod(control: PodControl, replicaSet: ReplicaSet, pod: Pod): Promise<void> {
  const { namespace, name, uid } = pod.metadata;
  const subject = subjectOf(ReplicaSetKind, replicaSet);
  try {
    await control.client.delete(PodKind, { namespace, name }, { preconditions: { uid } });
    control.events.event(subject, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  } catch (error) {
    control.expectations.noteDeletion(replicaSet.metadata.uid, uid);
    // Gone already, or another pod of that name.
    if (isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict')) return;
    control.events.event(subject, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`);
    throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
