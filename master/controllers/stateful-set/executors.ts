/** Carries out the steps of a StatefulSet's plan, one request each. */
import { type PersistentVolumeClaim, PersistentVolumeClaimKind } from '../../../shared/api/persistent-volume-claim.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { type StatefulSet, StatefulSetKind } from '../../../shared/api/stateful-set.ts';
import type { Client } from '../../../shared/client/client.ts';
import { type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import type { Draft, OwnerReference } from '../../../shared/schema/object-meta.ts';
import type { Executors } from '../actions.ts';
import { createHistoryExecutors } from '../history/executors.ts';
import type { HistoryOwner } from '../history/revisions.ts';
import type { LatestWrites } from '../latest-writes.ts';
import { thisObject, unlessGone, unlessNotFound } from '../requests.ts';
import { podName, renderPod } from './identity.ts';
import type { StatefulSetActions } from './plan.ts';

export interface StatefulSetControl {
  client: Client;
  events: EventRecorder;
  writes: LatestWrites<StatefulSet>;
}

export function createStatefulSetExecutors(
  control: StatefulSetControl,
  set: StatefulSet,
  owner: HistoryOwner,
): Executors<StatefulSetActions> {
  const { client, writes } = control;
  return {
    ...createHistoryExecutors(client, owner),
    createPod: ({ ordinal, revision }) => createPod(control, set, renderPod(set, ordinal, revision)),
    deletePod: ({ pod }) => deletePod(control, set, pod),
    async labelPod({ pod, labels }) {
      const { uid, namespace, name } = pod.metadata;
      const body = { metadata: { uid, labels } };
      await unlessGone(client.patch(PodKind, { namespace, name }, { type: 'merge', body }));
    },
    createClaim: (action) => createClaim(control, set, action),
    async setClaimOwners({ claim, owners }) {
      const { uid, resourceVersion, namespace, name } = claim.metadata;
      const body = { metadata: { uid, resourceVersion, ownerReferences: asJson(owners) } };
      await unlessNotFound(client.patch(PersistentVolumeClaimKind, { namespace, name }, { type: 'merge', body }));
    },
    async updateStatus({ status }) {
      // With its resourceVersion: what was computed from an old state is refused.
      writes.note(set, await client.update(StatefulSetKind, { ...set, status }, 'status'));
    },
  };
}

async function createPod({ client, events }: StatefulSetControl, set: StatefulSet, draft: Draft<Pod>): Promise<void> {
  const subject = subjectOf(StatefulSetKind, set);
  const what = `create Pod ${draft.metadata.name} in StatefulSet ${set.metadata.name}`;
  try {
    await client.create(PodKind, draft);
    events.event(subject, 'Normal', 'SuccessfulCreate', `${what} successful`);
  } catch (error) {
    // The informer does not show it yet; or it is somebody else's, and we wait until it is gone.
    if (isStatusError(error, 'AlreadyExists') && (await isOurs(client, set, draft))) return;
    events.event(subject, 'Warning', 'FailedCreate', `${what} failed error: ${messageOf(error)}`);
    throw error;
  }
}

async function isOurs(client: Client, set: StatefulSet, { metadata }: Draft<Pod>): Promise<boolean> {
  try {
    const pod = await client.get(PodKind, { namespace: metadata.namespace, name: metadata.name ?? '' });
    return (pod.metadata.ownerReferences ?? []).some(({ uid }) => uid === set.metadata.uid);
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return true;
    throw error;
  }
}

async function deletePod({ client, events }: StatefulSetControl, set: StatefulSet, pod: Pod): Promise<void> {
  const { namespace, name } = pod.metadata;
  const subject = subjectOf(StatefulSetKind, set);
  const what = `delete Pod ${name} in StatefulSet ${set.metadata.name}`;
  try {
    await unlessGone(client.delete(PodKind, { namespace, name }, thisObject(pod.metadata)));
    events.event(subject, 'Normal', 'SuccessfulDelete', `${what} successful`);
  } catch (error) {
    events.event(subject, 'Warning', 'FailedDelete', `${what} failed error: ${messageOf(error)}`);
    throw error;
  }
}

async function createClaim(
  { client, events }: StatefulSetControl,
  set: StatefulSet,
  { ordinal, template, name, owners }: StatefulSetActions['createClaim'],
): Promise<void> {
  const subject = subjectOf(StatefulSetKind, set);
  const what = `create Claim ${name} Pod ${podName(set, ordinal)} in StatefulSet ${set.metadata.name}`;
  try {
    await client.create(PersistentVolumeClaimKind, renderClaim(set, { template, name, owners }));
    events.event(subject, 'Normal', 'SuccessfulCreate', `${what} success`);
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) return;
    events.event(subject, 'Warning', 'FailedCreate', `${what} failed error: ${messageOf(error)}`);
    throw error;
  }
}

/** The claim as its template wants it, with the labels by which the set's pods are chosen. */
export function renderClaim(
  { metadata, spec }: StatefulSet,
  { template, name, owners }: { template: string; name: string; owners: readonly OwnerReference[] },
): Draft<PersistentVolumeClaim> {
  const wanted = spec.volumeClaimTemplates?.find((claim) => claim.metadata.name === template);
  return {
    metadata: {
      name,
      namespace: metadata.namespace,
      labels: { ...wanted?.metadata.labels, ...spec.selector.matchLabels },
      ...(wanted?.metadata.annotations === undefined ? {} : { annotations: wanted.metadata.annotations }),
      ...(owners.length === 0 ? {} : { ownerReferences: [...owners] }),
    },
    ...(wanted === undefined ? {} : { spec: wanted.spec }),
  };
}

function asJson(owners: readonly OwnerReference[]): Record<string, string | boolean>[] {
  return owners.map((owner) => ({ ...owner }));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
