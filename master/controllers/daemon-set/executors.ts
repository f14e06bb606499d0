/** Makes and deletes the pods of a DaemonSet, and tells of it. Executes plans; decides nothing. */
import { type DaemonSet, DaemonSetKind } from '../../../shared/api/daemon-set.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { Client } from '../../../shared/client/client.ts';
import { type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { controllerReference } from '../../../shared/machinery/owner-references.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import type { Executors } from '../actions.ts';
import { runInBatches } from '../batches.ts';
import { createHistoryExecutors } from '../history/executors.ts';
import { type HistoryOwner, REVISION_HASH_LABEL, type Revision } from '../history/revisions.ts';
import type { LatestWrites } from '../latest-writes.ts';
import type { Expectations } from '../replica-set/expectations.ts';
import { thisObject } from '../requests.ts';
import type { FailureBackoff } from './failure-backoff.ts';
import { bindToNode, nodeOf } from './placement.ts';
import type { DaemonSetActions } from './plan.ts';

export interface DaemonSetControl {
  client: Client;
  events: EventRecorder;
  expectations: Expectations;
  writes: LatestWrites<DaemonSet>;
  backoff: FailureBackoff;
}

export function createDaemonSetExecutors(
  control: DaemonSetControl,
  set: DaemonSet,
  owner: HistoryOwner,
): Executors<DaemonSetActions> {
  const { client, writes } = control;
  return {
    ...createHistoryExecutors(client, owner),
    createPods: ({ nodes, revision }) => createPods(control, set, { nodes, revision }),
    deletePods: ({ pods }) => deletePods(control, set, pods),
    async updateStatus({ status }) {
      // With its resourceVersion: what was computed from an old state is refused.
      writes.note(set, await client.update(DaemonSetKind, { ...set, status }, 'status'));
    },
  };
}

/** Back-off is by node: a pod that fails on one board may run on the others. */
export function backoffKey({ metadata }: DaemonSet, node: string): string {
  return `${metadata.uid} ${node}`;
}

async function createPods(
  { client, events, expectations }: DaemonSetControl,
  set: DaemonSet,
  { nodes, revision }: DaemonSetActions['createPods'],
): Promise<void> {
  const { uid } = set.metadata;
  const subject = subjectOf(DaemonSetKind, set);
  expectations.expectCreations(uid, nodes.length);
  const failure = await runInBatches(nodes, async (node) => {
    const pod = await client.create(PodKind, renderPod(set, node, revision));
    events.event(subject, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
  });
  if (failure === undefined) return;
  expectations.noteCreation(uid, failure.missing);
  events.event(subject, 'Warning', 'FailedCreate', `Error creating: ${messageOf(failure.reason)}`);
  throw failure.reason;
}

/** The pod as that state of the template wants it, for one node. */
export function renderPod(set: DaemonSet, node: string, { template, hash }: Revision): Draft<Pod> {
  const { labels, annotations, finalizers } = template.metadata;
  const owner = { ...subjectOf(DaemonSetKind, set), metadata: set.metadata };
  return {
    metadata: {
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace,
      labels: { ...labels, [REVISION_HASH_LABEL]: hash },
      annotations: { ...annotations },
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: bindToNode(template.spec, node),
  };
}

async function deletePods(control: DaemonSetControl, set: DaemonSet, pods: readonly Pod[]): Promise<void> {
  const { uid } = set.metadata;
  control.expectations.expectDeletions(
    uid,
    pods.map((pod) => pod.metadata.uid),
  );
  const failure = await runInBatches(pods, (pod) => deletePod(control, set, pod));
  if (failure === undefined) return;
  control.expectations.forget(uid);
  throw failure.reason;
}

async function deletePod(control: DaemonSetControl, set: DaemonSet, pod: Pod): Promise<void> {
  const { client, events, expectations, backoff } = control;
  const { namespace, name, uid } = pod.metadata;
  const subject = subjectOf(DaemonSetKind, set);
  if (pod.status.phase === 'Failed') {
    backoff.note(backoffKey(set, nodeOf(pod) ?? ''));
    const message = `Found failed daemon pod ${namespace}/${name} on node ${pod.spec.nodeName}, will try to kill it`;
    events.event(subject, 'Warning', 'FailedDaemonPod', message);
  }
  try {
    await client.delete(PodKind, { namespace, name }, thisObject(pod.metadata));
    events.event(subject, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  } catch (error) {
    expectations.noteDeletion(set.metadata.uid, uid);
    // Gone already, or another pod of that name.
    if (isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict')) return;
    events.event(subject, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`);
    throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
