/**
 * A local copy of one kind, kept by list and watch. Listeners hear which key changed and read the copy; after a lost link
 * the copy is compared with a new list, so that nothing stays wrong whatever was missed. Objects are shared: never change them.
 */
import { isStatusError } from '../machinery/errors.ts';
import { type BackoffPolicy, computeBackoffMs } from '../platform/backoff.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Component } from '../platform/lifecycle.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import type { KubernetesObject } from '../schema/object-meta.ts';
import type { Client, KindRef, List, ListOptions, ObjectKey, WatchEvent } from './client.ts';

export interface InformerOptions<T extends KubernetesObject> {
  client: Client;
  kind: KindRef<T>;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** What to watch; everything of the kind unless said. */
  scope?: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>;
  /** Asked at the start: what was last known of the scope, shown until the first list corrects it; undefined: nothing. */
  seed?(): readonly T[] | undefined;
}

export type ChangeListener<T> = (key: string, current: T | undefined, previous: T | undefined) => void;

const RETRY: BackoffPolicy = { initialMs: 200, maxMs: 30_000, factor: 2, jitter: 0.5 };

/** Objects asked for in one list request. */
const PAGE_SIZE = 500;

/** Lists that expired half way are begun again this often before the informer backs off. */
const MAX_EXPIRED_PAGES = 3;

/** `namespace/name`, or `name` for cluster-scoped objects. */
export function keyOf(object: { metadata: { namespace?: string; name: string } }): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

/** The inverse of `keyOf`. */
export function parseKey(key: string): ObjectKey {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

interface Index<T> {
  valuesOf(object: T): readonly string[];
  keys: Map<string, Set<string>>;
}

export class Informer<T extends KubernetesObject> implements Component {
  readonly #options: InformerOptions<T>;
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #listeners: ChangeListener<T>[] = [];
  readonly #abort = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  readonly #listed = Promise.withResolvers<void>();
  #hasSynced = false;
  #hasListed = false;
  #resourceVersion = '';
  #loop: Promise<void> = Promise.resolve();
  #endPause: () => void = () => undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
  }

  /** Hears of each change from now on; add listeners before `start` to hear of every object. */
  onChange(listener: ChangeListener<T>): void {
    this.#listeners.push(listener);
  }

  /** Makes `byIndex(name, …)` answer quickly. Call before `start`. */
  addIndex(name: string, valuesOf: (object: T) => readonly string[]): void {
    this.#indexes.set(name, { valuesOf, keys: new Map() });
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  /** Objects in the order in which they were first seen. */
  list(namespace?: string): T[] {
    const all = [...this.#objects.values()];
    return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace);
  }

  byIndex(name: string, value: string): T[] {
    const keys = this.#indexes.get(name)?.keys.get(value) ?? [];
    return [...keys].flatMap((key) => this.#objects.get(key) ?? []);
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the copy is complete as far as is known: by its seed, or by the first list. Never when stopped before. */
  whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Whether the server itself has been heard: what is missing in a seeded copy may only be unknown, before. */
  get hasListed(): boolean {
    return this.#hasListed;
  }

  /** Resolves when the first complete list of the server is in the copy; never when stopped before. */
  whenListed(): Promise<void> {
    return this.#listed.promise;
  }

  /** The server may be reached again: a pause after a failure ends now. */
  retryNow(): void {
    this.#endPause();
  }

  /** Resolves at once; see `whenSynced`. */
  async start(): Promise<void> {
    const seed = this.#options.seed?.();
    for (const object of seed ?? []) this.#set(keyOf(object), object);
    if (seed !== undefined) this.#setSynced();
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#endPause();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { random, logger, kind } = this.#options;
    const { signal } = this.#abort;
    for (let failures = 0; !signal.aborted; ) {
      try {
        if (this.#resourceVersion === '') await this.#relist();
        await this.#watch(() => {
          failures = 0;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#noteFailure(error);
        logger.debug('watch ended, will resume', { kind: kind.kind, error });
        failures += 1;
      }
      // A server that closes each watch at once must not be asked again at once.
      await this.#pause(computeBackoffMs(RETRY, failures, random));
    }
  }

  async #pause(delayMs: number): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const pause = new AbortController();
    this.#endPause = () => pause.abort();
    await sleep(this.#options.clock, delayMs, pause.signal).catch(() => undefined);
  }

  /** What failed decides how to go on: a compacted revision needs a new list, anything else resumes. */
  #noteFailure(error: unknown): void {
    if (isStatusError(error, 'Expired') || isStatusError(error, 'BadRequest')) this.#resourceVersion = '';
  }

  async #relist(): Promise<void> {
    const { items, metadata } = await this.#listAll();
    const fresh = new Map(items.map((object) => [keyOf(object), object]));
    for (const key of [...this.#objects.keys()]) if (!fresh.has(key)) this.#set(key, undefined);
    for (const [key, object] of fresh) {
      if (this.#objects.get(key)?.metadata.resourceVersion !== object.metadata.resourceVersion) this.#set(key, object);
    }
    this.#resourceVersion = metadata.resourceVersion;
    this.#hasListed = true;
    this.#setSynced();
    this.#listed.resolve();
  }

  #setSynced(): void {
    this.#hasSynced = true;
    this.#synced.resolve();
  }

  async #listAll(): Promise<List<T>> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#listPages();
      } catch (error) {
        if (!isStatusError(error, 'Expired') || attempt >= MAX_EXPIRED_PAGES) throw error;
      }
    }
  }

  async #listPages(): Promise<List<T>> {
    const { client, kind, scope } = this.#options;
    let page = await client.list(kind, { ...scope, limit: PAGE_SIZE });
    const items = [...page.items];
    while (page.metadata.continue) {
      page = await client.list(kind, { ...scope, limit: PAGE_SIZE, continue: page.metadata.continue });
      items.push(...page.items);
    }
    return { items, metadata: page.metadata };
  }

  async #watch(onProgress: () => void): Promise<void> {
    const { client, kind, scope } = this.#options;
    const options = { ...scope, resourceVersion: this.#resourceVersion, signal: this.#abort.signal };
    for await (const event of client.watch(kind, options)) {
      if (this.#abort.signal.aborted) return;
      onProgress();
      this.#take(event);
    }
  }

  #take(event: WatchEvent<T>): void {
    this.#resourceVersion = event.object.metadata.resourceVersion;
    if (event.type === 'BOOKMARK') return;
    this.#set(keyOf(event.object), event.type === 'DELETED' ? undefined : event.object);
  }

  #set(key: string, current: T | undefined): void {
    const previous = this.#objects.get(key);
    if (current === undefined) this.#objects.delete(key);
    else this.#objects.set(key, current);
    for (const index of this.#indexes.values()) reindex(index, key, { current, previous });
    for (const listener of this.#listeners) listener(key, current, previous);
  }
}

function reindex<T>(index: Index<T>, key: string, change: { current: T | undefined; previous: T | undefined }): void {
  for (const value of change.previous === undefined ? [] : index.valuesOf(change.previous)) {
    const keys = index.keys.get(value);
    keys?.delete(key);
    if (keys?.size === 0) index.keys.delete(value);
  }
  for (const value of change.current === undefined ? [] : index.valuesOf(change.current)) {
    const keys = index.keys.get(value);
    if (keys === undefined) index.keys.set(value, new Set([key]));
    else keys.add(key);
  }
}
