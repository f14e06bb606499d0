/** A stored object of any kind. Values of this type are shared by everybody who reads them: never change one. */
import { assert } from '../../../shared/platform/assert.ts';
import type { Kind } from '../../../shared/schema/define-kind.ts';
import type { KubernetesObject, ObjectMeta } from '../../../shared/schema/object-meta.ts';

export interface ApiObject extends KubernetesObject {
  [field: string]: unknown;
}

/** A kind whose objects are not looked into by name of field. */
export type AnyKind = Kind;

/** Stored objects, and request bodies such as Binding, whose metadata may be incomplete. */
export interface TypedObject {
  apiVersion: string;
  kind: string;
}

/** The edge between generic and typed code: what was decoded as a kind has been validated as that kind. */
export function asKind<T extends TypedObject>(kind: { kind: string }, object: ApiObject): T {
  assert(object.kind === kind.kind, `${object.kind} ${object.metadata.name} is not a ${kind.kind}`);
  return object as TypedObject as T;
}

/** A copy with other metadata; the rest is shared. */
export function withMetadata<T extends KubernetesObject>(object: T, changes: Partial<ObjectMeta>): T {
  return { ...object, metadata: { ...object.metadata, ...changes } };
}
