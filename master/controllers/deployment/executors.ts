/** Carries out the steps of a Deployment's plan, one request each. */
import { type Deployment, DeploymentKind } from '../../../shared/api/deployment.ts';
import { type ReplicaSet, ReplicaSetKind } from '../../../shared/api/replica-set.ts';
import type { Client } from '../../../shared/client/client.ts';
import { type EventRecorder, subjectOf } from '../../../shared/client/event-recorder.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { controllerReference, isControlledBy } from '../../../shared/machinery/owner-references.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import type { Executors } from '../actions.ts';
import { thisObject, unlessGone } from '../requests.ts';
import { hasTemplate, REVISION_ANNOTATION, TEMPLATE_HASH_LABEL } from './revisions.ts';
import type { DeploymentActions } from './rollout.ts';

export interface DeploymentControl {
  client: Client;
  events: EventRecorder;
}

/** The name is taken by a ReplicaSet that is not ours: the next try uses another hash. */
export class HashCollisionError extends Error {
  override readonly name = 'HashCollisionError';
}

export function createDeploymentExecutors(
  { client, events }: DeploymentControl,
  deployment: Deployment,
): Executors<DeploymentActions> {
  const subject = subjectOf(DeploymentKind, deployment);
  const { namespace, name } = deployment.metadata;
  const scaled = (replicaSet: string, from: number, to: number): void => {
    if (from === to) return;
    const message = `Scaled ${to > from ? 'up' : 'down'} replica set ${replicaSet} from ${from} to ${to}`;
    events.event(subject, 'Normal', 'ScalingReplicaSet', message);
  };
  return {
    async createReplicaSet(action) {
      const isNew = await createOrFind(client, deployment, renderReplicaSet(deployment, action));
      if (isNew) scaled(action.name, 0, action.replicas);
    },
    async updateReplicaSet({ replicaSet, replicas, annotations }) {
      // With its resourceVersion: a plan made from an old state is refused.
      await client.update(ReplicaSetKind, withSize(replicaSet, deployment, { replicas, annotations }));
      scaled(replicaSet.metadata.name, replicaSet.spec.replicas, replicas);
    },
    async deleteReplicaSet({ replicaSet }) {
      const key = { namespace, name: replicaSet.metadata.name };
      await unlessGone(client.delete(ReplicaSetKind, key, thisObject(replicaSet.metadata)));
    },
    async setRevision({ revision }) {
      const body = { metadata: { uid: deployment.metadata.uid, annotations: { [REVISION_ANNOTATION]: revision } } };
      await client.patch(DeploymentKind, { namespace, name }, { type: 'merge', body });
    },
    async updateStatus({ status }) {
      // A merge patch: the step before it may have changed the revision, and the status is this controller's alone.
      const body = { metadata: { uid: deployment.metadata.uid }, status };
      await unlessGone(
        client.patch(DeploymentKind, { namespace, name }, { type: 'merge', subresource: 'status', body }),
      );
    },
  };
}

/** False when the informer had not told yet that it exists. */
async function createOrFind(client: Client, deployment: Deployment, draft: Draft<ReplicaSet>): Promise<boolean> {
  try {
    await client.create(ReplicaSetKind, draft);
    return true;
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    const { namespace, name = '' } = draft.metadata;
    const present = await client.get(ReplicaSetKind, { namespace, name });
    if (isControlledBy(present, deployment) && hasTemplate(present, deployment.spec.template)) return false;
    throw new HashCollisionError(`the ReplicaSet name ${name} is taken`);
  }
}

export function renderReplicaSet(
  deployment: Deployment,
  action: DeploymentActions['createReplicaSet'],
): Draft<ReplicaSet> {
  const { selector, template, minReadySeconds } = deployment.spec;
  const labels = { ...template.metadata.labels, [TEMPLATE_HASH_LABEL]: action.hash };
  const owner = { ...subjectOf(DeploymentKind, deployment), metadata: deployment.metadata };
  return {
    metadata: {
      name: action.name,
      namespace: deployment.metadata.namespace,
      labels,
      annotations: action.annotations,
      ownerReferences: [controllerReference(owner)],
    },
    spec: {
      replicas: action.replicas,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [TEMPLATE_HASH_LABEL]: action.hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

function withSize(
  replicaSet: ReplicaSet,
  deployment: Deployment,
  { replicas, annotations }: { replicas: number; annotations: Record<string, string> },
): ReplicaSet {
  const { minReadySeconds } = deployment.spec;
  const spec = hasTemplate(replicaSet, deployment.spec.template)
    ? { ...replicaSet.spec, replicas, minReadySeconds }
    : { ...replicaSet.spec, replicas };
  return { ...replicaSet, metadata: { ...replicaSet.metadata, annotations }, spec };
}
