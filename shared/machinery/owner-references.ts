/**
 * Who owns whom. Among an object's owners at most one is its controller: the one that creates, counts and deletes it.
 * Source: Kubernetes, "Owners and Dependents".
 */
export interface OwnerReferenceLike {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

interface Owned {
  metadata: { ownerReferences?: readonly OwnerReferenceLike[] };
}

interface Owner {
  apiVersion: string;
  kind: string;
  metadata: { name: string; uid: string };
}

/** The reference to the controller of `object`, if it has one. */
export function controllerOf(object: Owned): OwnerReferenceLike | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

/** Compares uids: a new object of the same name is another owner. */
export function isControlledBy(object: Owned, owner: { metadata: { uid: string } }): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

/** True for any kind of ownership, the controller's included. */
export function isOwnedBy(object: Owned, owner: { metadata: { uid: string } }): boolean {
  return object.metadata.ownerReferences?.some((reference) => reference.uid === owner.metadata.uid) ?? false;
}

/** The reference that a controller writes into what it creates for `owner`. */
export function controllerReference(owner: Owner): OwnerReferenceLike {
  const { apiVersion, kind, metadata } = owner;
  const { name, uid } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}
