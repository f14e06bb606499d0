/** The ControllerRevisions that a workload manages: its own, and those that a former workload of its labels has left. */
import { type ControllerRevision, ControllerRevisionKind } from '../../../shared/api/controller-revision.ts';
import type { Client } from '../../../shared/client/client.ts';
import { selectorFromLabelSelector } from '../../../shared/machinery/label-selector.ts';
import { claimObjects } from '../claims.ts';
import { BY_CONTROLLER, type Informers, noControllerIn } from '../informers.ts';
import type { HistoryOwner } from './revisions.ts';

export function claimRevisions(
  client: Client,
  { controllerRevisions }: Pick<Informers, 'controllerRevisions'>,
  owner: HistoryOwner,
): Promise<ControllerRevision[]> {
  const { uid, namespace, deletionTimestamp } = owner.metadata;
  const orphans = controllerRevisions.byIndex(BY_CONTROLLER, noControllerIn(namespace));
  return claimObjects({
    client,
    kind: ControllerRevisionKind,
    owner,
    selector: selectorFromLabelSelector(owner.spec.selector),
    candidates: [...controllerRevisions.byIndex(BY_CONTROLLER, uid), ...(deletionTimestamp ? [] : orphans)],
    // Its pods have been adopted before, which was asked for.
    refuse: async () => undefined,
  });
}
