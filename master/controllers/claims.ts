/**
 * Which objects a workload manages: those that it owns and selects. It adopts what it selects and nobody controls, and
 * releases what it owns and no longer selects. Source: Kubernetes, "ReplicaSet: Non-Template Pod acquisitions".
 */
import type { Client, KindRef } from '../../shared/client/client.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { type Selector, selectorMatches } from '../../shared/machinery/label-selector.ts';
import { controllerOf, controllerReference, isControlledBy } from '../../shared/machinery/owner-references.ts';
import type { KubernetesObject, ObjectMeta } from '../../shared/schema/object-meta.ts';

export interface Claims<T> {
  /** Owned and selected. */
  owned: T[];
  adopt: T[];
  release: T[];
}

export interface ClaimsInput<T> {
  owner: { metadata: ObjectMeta };
  selector: Selector;
  /** Objects of the owner's namespace: at least those that it controls and those without a controller. */
  candidates: readonly T[];
}

export function computeClaims<T extends { metadata: ObjectMeta }>(input: ClaimsInput<T>): Claims<T> {
  const { owner, selector, candidates } = input;
  const claims: Claims<T> = { owned: [], adopt: [], release: [] };
  const ownerIsGoing = owner.metadata.deletionTimestamp !== undefined;
  for (const object of candidates) {
    const { labels, deletionTimestamp, namespace } = object.metadata;
    const matches = selectorMatches(selector, labels) && namespace === owner.metadata.namespace;
    if (isControlledBy(object, owner)) {
      if (matches) claims.owned.push(object);
      else if (!ownerIsGoing) claims.release.push(object);
    } else if (controllerOf(object) === undefined && matches && !ownerIsGoing && deletionTimestamp === undefined) {
      claims.adopt.push(object);
    }
  }
  return claims;
}

/** An owner as its references name it; objects out of lists need not say what kind they are. */
export interface OwnerIdentity {
  apiVersion: string;
  kind: string;
  metadata: { namespace?: string; name: string; uid: string };
}

export interface ClaimTarget<T extends KubernetesObject> {
  client: Client;
  kind: KindRef<T>;
  object: { metadata: ObjectMeta };
  owner: OwnerIdentity;
  /** Added to what is adopted. */
  finalizers?: readonly string[];
}

export interface ClaimRequest<T extends KubernetesObject> {
  client: Client;
  kind: KindRef<T>;
  owner: OwnerIdentity & { metadata: ObjectMeta };
  selector: Selector;
  candidates: readonly T[];
  finalizers?: readonly string[];
  /** Asked before anything is adopted; throws when the owner is no longer there. */
  refuse(): Promise<void>;
}

/** Adopts and releases; returns what the owner manages now. */
export async function claimObjects<T extends KubernetesObject>(request: ClaimRequest<T>): Promise<T[]> {
  const { client, kind, owner, finalizers } = request;
  const { owned, adopt, release } = computeClaims(request);
  if (adopt.length > 0) await request.refuse();
  for (const object of release) await releaseObject({ client, kind, object, owner });
  for (const object of adopt) await adoptObject({ client, kind, object, owner, ...(finalizers ? { finalizers } : {}) });
  return [...owned, ...adopt];
}

/** The uid in the body refuses another object of that name. Gone or another one: nothing is left to adopt. */
export async function adoptObject<T extends KubernetesObject>(target: ClaimTarget<T>): Promise<void> {
  const { finalizers } = target;
  await patchOwners(target, controllerReference(target.owner), finalizers ? { finalizers } : {});
}

export async function releaseObject<T extends KubernetesObject>(target: ClaimTarget<T>): Promise<void> {
  await patchOwners(target, { $patch: 'delete', uid: target.owner.metadata.uid });
}

async function patchOwners<T extends KubernetesObject>(
  target: ClaimTarget<T>,
  reference: object,
  others: { finalizers?: readonly string[] } = {},
): Promise<void> {
  const { client, kind, object } = target;
  const { uid, name, namespace } = object.metadata;
  const body = { metadata: { uid, ownerReferences: [{ ...reference }], ...others } };
  const key = { ...(namespace === undefined ? {} : { namespace }), name };
  try {
    await client.patch(kind, key, { type: 'strategic', body });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
