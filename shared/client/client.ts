/**
 * The one way by which controllers, scheduler, agents and command line reach the API. It speaks request values, so that the
 * same client works in the master's process, over MQTT and in the simulation.
 */

import type { JsonValue } from '../protocol/exchange.ts';
import type { KindRef } from '../schema/define-kind.ts';

import type { Draft, KubernetesObject, ListMeta } from '../schema/object-meta.ts';

export type { KindRef };

export interface ObjectKey {
  /** Absent for cluster-scoped kinds. */
  namespace?: string;
  name: string;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion?: string;
  limit?: number;
  continue?: string;
}

export interface List<T> {
  metadata: ListMeta;
  items: T[];
}

export interface WatchOptions extends ListOptions {
  /** Events after this revision; `'0'` or absent: from a synthetic list of the present state. */
  resourceVersion?: string;
  signal: AbortSignal;
}

export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  /** Only metadata.resourceVersion is set: everything up to it has been sent. */
  | { type: 'BOOKMARK'; object: { metadata: { resourceVersion: string } } };

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export interface Patch {
  type: PatchType;
  body: JsonValue;
  subresource?: string;
  fieldManager?: string;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** Every method rejects with a StatusError; `NotFound` of `get` included. */
export interface Client {
  get<T extends KubernetesObject>(kind: KindRef<T>, key: ObjectKey): Promise<T>;
  list<T extends KubernetesObject>(kind: KindRef<T>, options?: ListOptions): Promise<List<T>>;
  /** Ends when the server closes it (then list or resume from the last revision); rejects `Expired` when compacted. */
  watch<T extends KubernetesObject>(kind: KindRef<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends KubernetesObject>(kind: KindRef<T>, object: Draft<T>): Promise<T>;
  /** Replaces; conflicts when metadata.resourceVersion is set and stale. */
  update<T extends KubernetesObject>(kind: KindRef<T>, object: T, subresource?: string): Promise<T>;
  patch<T extends KubernetesObject>(kind: KindRef<T>, key: ObjectKey, patch: Patch): Promise<T>;
  /** Resolves when accepted; the object may stay until its grace period or finalizers are over. */
  delete<T extends KubernetesObject>(kind: KindRef<T>, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /** POST to a subresource: binding, eviction, token. Returns the answer's body. */
  post<T extends KubernetesObject>(
    kind: KindRef<T>,
    key: ObjectKey,
    subresource: string,
    body: JsonValue,
  ): Promise<unknown>;
}
