/**
 * The volume claims of a StatefulSet's pods: made before the pod that needs them, and owned by whoever takes them along
 * when he goes. Pure. Source: Kubernetes, "StatefulSets: PersistentVolumeClaim retention".
 */
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { type StatefulSet, StatefulSetKind } from '../../../shared/api/stateful-set.ts';
import { subjectOf } from '../../../shared/client/event-recorder.ts';
import { controllerOf, isOwnedBy } from '../../../shared/machinery/owner-references.ts';
import type { OwnerReference } from '../../../shared/schema/object-meta.ts';
import type { ActionOf } from '../actions.ts';
import { claimNames, podName } from './identity.ts';

export interface ClaimActions {
  createClaim: { ordinal: number; template: string; name: string; owners: readonly OwnerReference[] };
  setClaimOwners: { claim: PersistentVolumeClaim; owners: readonly OwnerReference[] };
}

export type ClaimAction = ActionOf<ClaimActions>;

/** Finds a claim of the set's namespace by its name. */
export type FindClaim = (name: string) => PersistentVolumeClaim | undefined;

export interface ClaimOwner {
  set: StatefulSet;
  ordinal: number;
  pod: Pod | undefined;
  /** Its ordinal is no longer wanted. */
  isCondemned: boolean;
}

export interface ClaimPlan {
  actions: ClaimAction[];
  /** A claim of the former pod of that name is still there: the new pod must not get it. */
  isBlocked: boolean;
}

export function computeClaimPlan(owner: ClaimOwner, find: FindClaim): ClaimPlan {
  const plan: ClaimPlan = { actions: [], isBlocked: false };
  const mayCreate = !owner.isCondemned && (owner.pod === undefined || owner.pod.status.phase === 'Pending');
  for (const [template, name] of claimNames(owner.set, owner.ordinal)) {
    const claim = find(name);
    if (claim !== undefined && isLeaving(claim, owner)) plan.isBlocked = true;
    else if (claim !== undefined) plan.actions.push(...computeOwners(owner, claim));
    else if (mayCreate) {
      const owners = wantedOwners(owner, []);
      plan.actions.push({ type: 'createClaim', ordinal: owner.ordinal, template, name, owners });
    }
  }
  return plan;
}

/** Being deleted, or about to be because it belongs to a pod of that name that is gone. */
function isLeaving({ metadata }: PersistentVolumeClaim, { set, ordinal, pod }: ClaimOwner): boolean {
  if (metadata.deletionTimestamp !== undefined) return true;
  const name = podName(set, ordinal);
  const ofPods = (metadata.ownerReferences ?? []).filter((owner) => owner.kind === 'Pod' && owner.name === name);
  return ofPods.some(({ uid }) => uid !== pod?.metadata.uid);
}

function computeOwners(owner: ClaimOwner, claim: PersistentVolumeClaim): ClaimAction[] {
  const present = claim.metadata.ownerReferences ?? [];
  const owners = wantedOwners(owner, present);
  const isSame = owners.length === present.length && owners.every(({ uid }) => present.some((ref) => ref.uid === uid));
  return isSame ? [] : [{ type: 'setClaimOwners', claim, owners }];
}

/** Owners of others stay; the set and the pod own what shall go with them. */
function wantedOwners(owner: ClaimOwner, present: readonly OwnerReference[]): OwnerReference[] {
  const { set, pod, isCondemned } = owner;
  const { whenDeleted, whenScaled } = set.spec.persistentVolumeClaimRetentionPolicy;
  const others = present.filter(({ uid }) => uid !== set.metadata.uid && uid !== pod?.metadata.uid);
  const goesWithPod = whenScaled === 'Delete' && isCondemned;
  const goesWithSet = whenDeleted === 'Delete' && !goesWithPod;
  const ofSet = { ...subjectOf(StatefulSetKind, set), metadata: set.metadata };
  return [
    ...others,
    ...(goesWithSet ? [reference(ofSet, present)] : []),
    ...(goesWithPod && pod !== undefined
      ? [reference({ apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata }, present)]
      : []),
  ];
}

interface Owner {
  apiVersion: string;
  kind: string;
  metadata: { name: string; uid: string };
}

function reference(owner: Owner, present: readonly OwnerReference[]): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  const isTaken = controllerOf({ metadata: { ownerReferences: present } }) !== undefined;
  const isOwn = isOwnedBy({ metadata: { ownerReferences: present } }, owner);
  const { name, uid } = metadata;
  return { apiVersion, kind, name, uid, ...(isTaken && !isOwn ? {} : { controller: true }) };
}
