/**
 * Objects in the store: reads give shared objects, writes compare and swap. Knows keys, durability and the cache, and
 * nothing of what the objects mean.
 */
import { alreadyExists, StatusError } from '../../../shared/machinery/errors.ts';
import type { Durability } from '../../../shared/schema/define-kind.ts';
import type { Store, Write } from '../../store/store.ts';
import { type AnyKind, type ApiObject, withMetadata } from './api-object.ts';
import { type ObjectName, prefixOf, storeKeyOf } from './keys.ts';
import { ObjectCache, serializeObject } from './object-cache.ts';

/** Largest stored object, as etcd's default. */
const MAX_OBJECT_CHARS = 1536 * 1024;

export interface PrefixListRequest {
  /** State as of this revision; now unless given. */
  revision?: number;
  /** Store key after which to go on. */
  startAfter?: string;
  limit?: number;
}

export interface ObjectListRequest extends PrefixListRequest {
  /** `''`: all namespaces. */
  namespace: string;
}

export interface ObjectList {
  items: { key: string; object: ApiObject }[];
  revision: number;
  remaining: number;
}

export type ReplaceResult = { ok: true; object: ApiObject } | { ok: false; current: ApiObject | undefined };

export interface ReplaceOptions {
  /** Instead of the kind's own. */
  durability?: Durability;
}

export class ObjectStore {
  readonly #store: Store;
  readonly cache: ObjectCache;

  constructor(store: Store, cache: ObjectCache = new ObjectCache()) {
    this.#store = store;
    this.cache = cache;
  }

  /** Latest revision whose change can be read. */
  revision(): number {
    return this.#store.revision();
  }

  async get(kind: AnyKind, name: ObjectName): Promise<ApiObject | undefined> {
    const found = await this.#store.get(storeKeyOf(kind, name));
    return found === undefined ? undefined : this.cache.read(found);
  }

  /** In the order of namespace and name. */
  list(kind: AnyKind, { namespace, ...request }: ObjectListRequest): Promise<ObjectList> {
    return this.listPrefix(prefixOf(kind, namespace), request);
  }

  /** Objects whose store key begins with `prefix`, in the order of their keys. */
  async listPrefix(prefix: string, request: PrefixListRequest): Promise<ObjectList> {
    const result = await this.#store.list({ prefix, ...request });
    const items = result.items.map((item) => ({ key: item.key, object: this.cache.read(item) }));
    return { items, revision: result.revision, remaining: result.remaining };
  }

  /** Throws AlreadyExists. */
  async create(kind: AnyKind, object: ApiObject): Promise<ApiObject> {
    const result = await this.#put(kind, object, 0, {});
    if (result.ok) return result.object;
    throw existsError(kind, object.metadata.name, result.current);
  }

  /** Stores `next` unless the object has changed since `current` was read. */
  replace(kind: AnyKind, current: ApiObject, next: ApiObject, options: ReplaceOptions = {}): Promise<ReplaceResult> {
    return this.#put(kind, next, Number(current.metadata.resourceVersion), options);
  }

  /** Removes the object unless it has changed since `current` was read; answers its last state. */
  async remove(kind: AnyKind, current: ApiObject): Promise<ReplaceResult> {
    const key = keyOfObject(kind, current);
    const expectedRevision = Number(current.metadata.resourceVersion);
    const result = await this.#store.write({ key, value: undefined, expectedRevision, ...durabilityOf(kind, current) });
    if (result.ok) return { ok: true, object: withMetadata(current, { resourceVersion: String(result.revision) }) };
    return { ok: false, current: result.current && this.cache.read(result.current) };
  }

  async #put(
    kind: AnyKind,
    object: ApiObject,
    expectedRevision: number,
    options: ReplaceOptions,
  ): Promise<ReplaceResult> {
    const key = keyOfObject(kind, object);
    const value = serializeObject(object);
    if (value.length > MAX_OBJECT_CHARS) throw tooLarge(value.length);
    this.cache.stage(key, value, object);
    try {
      const result = await this.#store.write({
        key,
        value,
        expectedRevision,
        ...durabilityOf(kind, object),
        ...options,
      });
      if (!result.ok) return { ok: false, current: result.current && this.cache.read(result.current) };
      return { ok: true, object: this.cache.read({ key, value, modRevision: result.revision, createRevision: 0 }) };
    } finally {
      this.cache.unstage(key, value);
    }
  }
}

function keyOfObject(kind: AnyKind, { metadata }: ApiObject): string {
  return storeKeyOf(kind, { namespace: metadata.namespace ?? '', name: metadata.name });
}

function durabilityOf(kind: AnyKind, { metadata }: ApiObject): Pick<Write, 'durability'> {
  const durability = kind.durability?.(metadata.namespace ?? '');
  return durability === undefined ? {} : { durability };
}

/** An object on its way out still takes the name; the message says so, as upstream's does. */
function existsError(kind: AnyKind, name: string, current: ApiObject | undefined): StatusError {
  const error = alreadyExists(kind, name);
  if (current?.metadata.deletionTimestamp === undefined) return error;
  return new StatusError('AlreadyExists', `object is being deleted: ${error.message}`, error.status.details);
}

function tooLarge(chars: number): StatusError {
  const message = `the object is too large: ${chars} characters of JSON, at most ${MAX_OBJECT_CHARS} are stored`;
  return new StatusError('RequestEntityTooLarge', message);
}
