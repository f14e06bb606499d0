/**
 * Stored values as objects, parsed at most once a revision and shared by everybody who reads them. The newest two states of
 * a key are kept: the older one is what a watch compares the newer one with.
 * Invariant: an object given out never changes; its metadata.resourceVersion is the revision it was stored at.
 */
import type { KeyValue } from '../../store/store.ts';
import { type ApiObject, withMetadata } from './api-object.ts';

/** Length of all cached values together, in characters of their JSON. */
const MAX_CACHED_CHARS = 48 * 1024 * 1024;

interface State {
  revision: number;
  object: ApiObject;
}

interface Entry {
  current: State;
  older: State | undefined;
  chars: number;
}

/** A write on its way: the store will say at which revision this text was stored. */
interface Staged {
  value: string;
  object: ApiObject;
}

export class ObjectCache {
  readonly #entries = new Map<string, Entry>();
  readonly #staged = new Map<string, Staged>();
  readonly #maxChars: number;
  #chars = 0;

  constructor(maxChars = MAX_CACHED_CHARS) {
    this.#maxChars = maxChars;
  }

  /** The object of a stored value. */
  read({ key, value, modRevision }: KeyValue): ApiObject {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      if (entry.current.revision === modRevision) return this.#touch(key, entry);
      if (entry.older?.revision === modRevision) return entry.older.object;
      // A read of the past must not push out the present.
      if (entry.current.revision > modRevision) return parseStored(value, modRevision);
    }
    const object = this.#takeStaged(key, value, modRevision) ?? parseStored(value, modRevision);
    this.#put(key, { revision: modRevision, object }, value.length);
    return object;
  }

  /** Tells of a write that is about to happen, so that its value is not parsed again. */
  stage(key: string, value: string, object: ApiObject): void {
    this.#staged.set(key, { value, object });
  }

  /** The write did not happen, or its result has been read. */
  unstage(key: string, value: string): void {
    if (this.#staged.get(key)?.value === value) this.#staged.delete(key);
  }

  /** The key is gone; its last state has been read. */
  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#chars -= entry.chars;
  }

  get size(): number {
    return this.#entries.size;
  }

  #touch(key: string, entry: Entry): ApiObject {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.current.object;
  }

  #takeStaged(key: string, value: string, revision: number): ApiObject | undefined {
    const staged = this.#staged.get(key);
    if (staged?.value !== value) return undefined;
    this.#staged.delete(key);
    return withMetadata(staged.object, { resourceVersion: String(revision) });
  }

  #put(key: string, current: State, chars: number): void {
    const previous = this.#entries.get(key);
    this.forget(key);
    this.#entries.set(key, { current, older: previous?.current, chars });
    this.#chars += chars;
    for (const [oldest] of this.#entries) {
      if (this.#chars <= this.#maxChars || oldest === key) return;
      this.forget(oldest);
    }
  }
}

/** The stored text of an object: its resourceVersion is the store's to say. */
export function serializeObject(object: ApiObject): string {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return JSON.stringify({ ...object, metadata });
}

function parseStored(value: string, revision: number): ApiObject {
  const object = JSON.parse(value) as ApiObject;
  object.metadata.resourceVersion = String(revision);
  return object;
}
