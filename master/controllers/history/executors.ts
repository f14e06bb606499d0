/** Stores the states of a workload's template. Executes plans; decides nothing. */
import { type ControllerRevision, ControllerRevisionKind } from '../../../shared/api/controller-revision.ts';
import type { Client } from '../../../shared/client/client.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { controllerReference, isControlledBy } from '../../../shared/machinery/owner-references.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import type { Executors } from '../actions.ts';
import { thisObject, unlessGone } from '../requests.ts';
import { type HistoryActions, type HistoryOwner, REVISION_HASH_LABEL, type Revision, renderData } from './revisions.ts';

/** The name is taken by a revision that is not ours: the next try uses another hash. */
export class RevisionCollisionError extends Error {
  override readonly name = 'RevisionCollisionError';
}

export function createHistoryExecutors(client: Client, owner: HistoryOwner): Executors<HistoryActions> {
  const { namespace } = owner.metadata;
  return {
    createRevision: ({ revision }) => createRevision(client, owner, revision),
    async renumberRevision({ stored, number }) {
      // With its resourceVersion: a number that somebody else has given is not overwritten.
      await client.update(ControllerRevisionKind, { ...stored, revision: number });
    },
    async deleteRevision({ stored }) {
      const key = { namespace, name: stored.metadata.name };
      await unlessGone(client.delete(ControllerRevisionKind, key, thisObject(stored.metadata)));
    },
  };
}

async function createRevision(client: Client, owner: HistoryOwner, revision: Revision): Promise<void> {
  const draft = renderRevision(owner, revision);
  try {
    await client.create(ControllerRevisionKind, draft);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    const key = { namespace: owner.metadata.namespace, name: revision.name };
    const present = await client.get(ControllerRevisionKind, key);
    if (isControlledBy(present, owner) && jsonEqual(present.data, draft.data)) return;
    throw new RevisionCollisionError(`the ControllerRevision name ${revision.name} is taken`);
  }
}

export function renderRevision(owner: HistoryOwner, revision: Revision): Draft<ControllerRevision> {
  const { namespace, annotations = {} } = owner.metadata;
  const { [LAST_APPLIED]: _, ...copied } = annotations;
  return {
    metadata: {
      name: revision.name,
      namespace,
      // kubectl finds a workload's revisions by its selector.
      labels: { ...revision.template.metadata.labels, [REVISION_HASH_LABEL]: revision.hash },
      annotations: copied,
      ownerReferences: [controllerReference(owner)],
    },
    data: renderData(revision),
    revision: revision.number,
  };
}

/** As large as the whole workload, and of no use in a revision. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
