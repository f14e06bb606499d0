/**
 * What is to be done about one object, by its owners and its dependents. Pure.
 * Source: Kubernetes, "Garbage Collection": an object goes when the last of its owners is gone; `Foreground` keeps an owner
 * until those of its dependents that block its deletion are gone; `Orphan` sets the dependents free first.
 */
import type { KubernetesObject, OwnerReference } from '../../../shared/schema/object-meta.ts';
import type { ActionOf } from '../actions.ts';

export const FOREGROUND_FINALIZER = 'foregroundDeletion';
export const ORPHAN_FINALIZER = 'orphan';

/** `waiting`: the owner is being deleted and waits for its dependents. `unknown`: nobody can say; it counts as present. */
export type OwnerState = 'present' | 'absent' | 'waiting' | 'unknown';

export interface OwnerView {
  reference: OwnerReference;
  state: OwnerState;
}

export interface ObjectView {
  object: KubernetesObject;
  owners: readonly OwnerView[];
  dependents: readonly KubernetesObject[];
}

export type PropagationPolicy = 'Orphan' | 'Background' | 'Foreground';

export interface CollectorActions {
  deleteObject: { policy: PropagationPolicy };
  /** Some owners are gone, others are not. */
  dropOwners: { uids: readonly string[] };
  /** The dependents look again: their owner waits for them. */
  lookAtDependents: { dependents: readonly KubernetesObject[] };
  setDependentsFree: { dependents: readonly KubernetesObject[] };
  removeFinalizer: { finalizer: string };
}

export type CollectorAction = ActionOf<CollectorActions>;

export function computeCollectorActions(view: ObjectView): CollectorAction[] {
  const { metadata } = view.object;
  const finalizers = metadata.finalizers ?? [];
  const isGoing = metadata.deletionTimestamp !== undefined;
  if (isGoing && finalizers.includes(ORPHAN_FINALIZER)) return computeOrphaning(view);
  if (isGoing && finalizers.includes(FOREGROUND_FINALIZER)) return computeForeground(view);
  if (isGoing || view.owners.length === 0) return [];
  return computeCollection(view, finalizers);
}

function computeOrphaning({ dependents }: ObjectView): CollectorAction[] {
  if (dependents.length > 0) return [{ type: 'setDependentsFree', dependents }, orphanDone];
  return [orphanDone];
}

const orphanDone: CollectorAction = { type: 'removeFinalizer', finalizer: ORPHAN_FINALIZER };

function computeForeground({ object, dependents }: ObjectView): CollectorAction[] {
  const blocking = dependents.filter((dependent) => blocks(dependent, object));
  if (blocking.length === 0) return [{ type: 'removeFinalizer', finalizer: FOREGROUND_FINALIZER }];
  return [{ type: 'lookAtDependents', dependents }];
}

function blocks(dependent: KubernetesObject, owner: KubernetesObject): boolean {
  const references = dependent.metadata.ownerReferences ?? [];
  return references.some(({ uid, blockOwnerDeletion }) => uid === owner.metadata.uid && blockOwnerDeletion === true);
}

function computeCollection({ owners, dependents }: ObjectView, finalizers: readonly string[]): CollectorAction[] {
  const leaving = owners.filter(({ state }) => state === 'absent' || state === 'waiting');
  if (leaving.length === 0) return [];
  if (leaving.length < owners.length)
    return [{ type: 'dropOwners', uids: leaving.map(({ reference }) => reference.uid) }];
  const isWaitedFor = owners.some(({ state }) => state === 'waiting');
  if (isWaitedFor && dependents.length > 0) return [{ type: 'deleteObject', policy: 'Foreground' }];
  return [{ type: 'deleteObject', policy: policyOf(finalizers) }];
}

/** What was asked for with an earlier delete still holds. */
function policyOf(finalizers: readonly string[]): PropagationPolicy {
  if (finalizers.includes(ORPHAN_FINALIZER)) return 'Orphan';
  return finalizers.includes(FOREGROUND_FINALIZER) ? 'Foreground' : 'Background';
}
