/** The status of a StatefulSet, which `kubectl rollout status` goes by. Pure. */
import type { StatefulSet, StatefulSetStatus } from '../../../shared/api/stateful-set.ts';
import type { Revision } from '../history/revisions.ts';
import { revisionOf } from './identity.ts';
import type { Slot } from './slot.ts';

export interface StatusInput {
  set: StatefulSet;
  slots: readonly Slot[];
  update: Revision;
  current: Revision;
}

export function computeStatefulSetStatus({ set, slots, update, current }: StatusInput): StatefulSetStatus {
  const { collisionCount, conditions } = set.status;
  const there = slots.filter(({ pod }) => pod !== undefined);
  const ready = there.filter(({ health }) => health === 'available' || health === 'settling');
  const staying = there.filter(({ health }) => health !== 'leaving');
  const ofRevision = (name: string): number =>
    staying.filter(({ pod }) => pod !== undefined && revisionOf(pod) === name).length;
  const updated = ofRevision(update.name);
  const { replicas } = set.spec;
  const isComplete = [there.length, ready.length, updated].every((count) => count === replicas);
  return {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: there.length,
    readyReplicas: ready.length,
    currentReplicas: isComplete ? updated : ofRevision(current.name),
    updatedReplicas: updated,
    currentRevision: isComplete ? update.name : current.name,
    updateRevision: update.name,
    availableReplicas: there.filter(({ health }) => health === 'available').length,
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}
