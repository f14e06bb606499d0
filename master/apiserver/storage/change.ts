/**
 * One change of one object, made once from the store's event and shared by all watchers of the kind. What a watcher may
 * need of it is computed at most once: the state before, and the event as JSON value, so that a door can keep the text of
 * an event it has rendered by the identity of the value.
 */
import type { StoreEvent } from '../../store/store.ts';
import { type ApiObject, withMetadata } from './api-object.ts';
import type { ObjectCache } from './object-cache.ts';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface WatchEventValue {
  type: ChangeType;
  object: ApiObject;
}

export class Change {
  readonly key: string;
  readonly revision: number;
  /** State after the change; undefined when the object is gone. */
  readonly object: ApiObject | undefined;
  readonly #event: StoreEvent;
  readonly #cache: ObjectCache;
  readonly #values = new Map<ChangeType, WatchEventValue>();
  #previous: ApiObject | undefined;
  #last: ApiObject | undefined;

  constructor(event: StoreEvent, cache: ObjectCache) {
    this.#event = event;
    this.#cache = cache;
    const isPut = event.type === 'put';
    this.key = isPut ? event.keyValue.key : event.key;
    this.revision = isPut ? event.keyValue.modRevision : event.revision;
    this.object = isPut ? cache.read(event.keyValue) : undefined;
  }

  /** Whether the object was there before the change. */
  get existed(): boolean {
    return this.#event.previous !== undefined;
  }

  /** State before the change; undefined when the object was created by it. */
  get previous(): ApiObject | undefined {
    if (this.#event.previous === undefined) return undefined;
    this.#previous ??= this.#cache.read(this.#event.previous);
    return this.#previous;
  }

  /** The last state that a watcher knew, at the revision of this change: what a DELETED event carries. */
  get last(): ApiObject {
    this.#last ??= withMetadata(this.previous ?? this.#present(), { resourceVersion: String(this.revision) });
    return this.#last;
  }

  /** The same value for everybody who asks for this type. */
  value(type: ChangeType): WatchEventValue {
    let value = this.#values.get(type);
    if (value === undefined) {
      value = { type, object: type === 'DELETED' ? this.last : this.#present() };
      this.#values.set(type, value);
    }
    return value;
  }

  #present(): ApiObject {
    return this.object ?? this.last;
  }
}
