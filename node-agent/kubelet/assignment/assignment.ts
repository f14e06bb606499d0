/**
 * The last assignment: what this node was told to run, and what that needs, kept on its own disk, so that it can start
 * everything again without a master. Invariants: nothing is written unless what is kept has changed; the disk never holds
 * up anybody; what cannot be read is as if it had never been there.
 */
import { createHash } from 'node:crypto';
import type { KindRef } from '../../../shared/client/client.ts';
import { keyOf } from '../../../shared/client/informer.ts';
import { isJsonObject } from '../../../shared/machinery/json.ts';
import { type BackoffPolicy, computeBackoffMs } from '../../../shared/platform/backoff.ts';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';
import { type AssignmentDisk, MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES } from './assignment-disk.ts';
import { contentOf } from './kept-content.ts';
import type { KeptObjects } from './kept-objects.ts';
import type { Sealer } from './sealer.ts';

export interface AssignmentOptions {
  disk: AssignmentDisk;
  sealer: Sealer;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Tells the user that something of the node's memory was lost; called when the API has been heard. */
  onDamage(message: string): void;
}

/** Changes that come together are written together: a rollout, or a pod and its Secret. */
const GATHER_MS = 500;

const RETRY: BackoffPolicy = { initialMs: 5_000, maxMs: 300_000, factor: 2, jitter: 0.2 };

/** A file: what it says, as far as it is still needed. */
interface Entry {
  kind: string;
  key: string;
  bytes: number;
  hash: string;
  /** As read at the start, until the API was heard; null: the object did not exist. */
  seed: KubernetesObject | null | undefined;
  /** Somebody has asked for it, or told it. */
  isUsed: boolean;
}

export class Assignment implements KeptObjects, Component {
  readonly #options: AssignmentOptions;
  readonly #entries = new Map<string, Entry>();
  /** Text of each file to be written; undefined: to be removed. */
  #pending = new Map<string, string | undefined>();
  #damaged: string[] = [];
  #damage = '';
  #hasRead = false;
  #timer: Timer | undefined;
  /** Ends with the last write that has begun. */
  #writing: Promise<void> = Promise.resolve();
  /** A write that waits for the one before it: takes along what comes meanwhile. */
  #queued: Promise<void> | undefined;
  #failures = 0;
  #isFull = false;
  #stopped = false;

  constructor(options: AssignmentOptions) {
    this.#options = options;
  }

  /** Reads the disk. Never rejects: a node without memory waits for its master. */
  async start(): Promise<void> {
    const { disk, logger } = this.#options;
    try {
      for (const [name, sealed] of await disk.readAll()) this.#read(name, sealed);
      this.#hasRead = this.#damaged.length === 0 || this.#entries.size > 0;
    } catch (error) {
      logger.error('the last assignment cannot be read: nothing starts here before the master is heard', { error });
      this.#damage = 'The last assignment could not be read from the disk.';
    }
    if (this.#damaged.length === 0) return;
    const files = this.#damaged.length;
    logger.error('parts of the last assignment are damaged and ignored', { files });
    this.#damage = `Files of the last assignment were damaged and have been ignored: ${files}`;
  }

  /** Writes what is not written yet, once. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#flush();
  }

  list<T extends KubernetesObject>(kind: KindRef<T>): readonly T[] | undefined {
    if (!this.#hasRead) return undefined;
    const entries = [...this.#entries.values()].filter((entry) => entry.kind === kindName(kind));
    for (const entry of entries) entry.isUsed = true;
    return entries.flatMap(({ seed }) => (seed ? [asKind<T>(seed)] : []));
  }

  find<T extends KubernetesObject>(kind: KindRef<T>, key: string): { object: T | undefined } | undefined {
    const entry = this.#entries.get(fileName(kind, key));
    if (entry?.seed === undefined) return undefined;
    entry.isUsed = true;
    return { object: entry.seed === null ? undefined : asKind<T>(entry.seed) };
  }

  keep<T extends KubernetesObject>(kind: KindRef<T>, key: string, object: T | undefined): void {
    const name = fileName(kind, key);
    const content = object === undefined ? null : contentOf(object);
    const text = JSON.stringify({ kind: kindName(kind), key, object: content }, sortKeys);
    const hash = createHash('sha256').update(text).digest('base64');
    const present = this.#entries.get(name);
    const bytes = Buffer.byteLength(text);
    const entry = { kind: kindName(kind), key, bytes, hash, seed: undefined, isUsed: true };
    if (present?.hash === hash) this.#entries.set(name, entry);
    else if (this.#hasRoom(bytes - (present?.bytes ?? 0), present === undefined, bytes)) {
      this.#entries.set(name, entry);
      this.#change(name, text);
    } else this.forget(kind, key);
  }

  forget<T extends KubernetesObject>(kind: KindRef<T>, key: string): void {
    const name = fileName(kind, key);
    if (this.#entries.delete(name)) this.#change(name, undefined);
  }

  settled(): Promise<void> {
    return this.#pending.size === 0 ? this.#writing : this.#flush();
  }

  forgetUnused(): void {
    if (this.#damage !== '') this.#options.onDamage(this.#damage);
    this.#damage = '';
    for (const [name, entry] of [...this.#entries]) {
      if (entry.isUsed) continue;
      this.#entries.delete(name);
      this.#change(name, undefined);
    }
    for (const name of this.#damaged.splice(0)) if (!this.#entries.has(name)) this.#change(name, undefined);
  }

  #read(name: string, sealed: Uint8Array): void {
    const text = this.#options.sealer.open(sealed, name);
    const record = text === undefined ? undefined : parseRecord(Buffer.from(text).toString('utf8'));
    if (record === undefined || text === undefined) {
      this.#damaged.push(name);
      return;
    }
    const hash = createHash('sha256').update(text).digest('base64');
    this.#entries.set(name, { ...record, bytes: text.byteLength, hash, isUsed: false });
  }

  #hasRoom(growthBytes: number, isNew: boolean, bytes: number): boolean {
    const totalBytes = [...this.#entries.values()].reduce((sum, entry) => sum + entry.bytes, growthBytes);
    const files = this.#entries.size + (isNew ? 1 : 0);
    const isFull = bytes > MAX_FILE_BYTES || totalBytes > MAX_TOTAL_BYTES || files > MAX_FILES;
    if (isFull && !this.#isFull) {
      this.#options.logger.warn(
        'the assignment is too large to be kept whole: a cold boot without a master lacks some',
      );
    }
    this.#isFull = isFull;
    return !isFull;
  }

  #change(name: string, text: string | undefined): void {
    this.#pending.set(name, text);
    this.#schedule(GATHER_MS);
  }

  #schedule(delayMs: number): void {
    if (!this.#stopped) this.#timer ??= this.#options.clock.after(delayMs, () => void this.#flush());
  }

  #unschedule(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #flush(): Promise<void> {
    this.#queued ??= this.#writing.then(() => {
      this.#queued = undefined;
      this.#writing = this.#write();
      return this.#writing;
    });
    return this.#queued;
  }

  async #write(): Promise<void> {
    const { disk, sealer, logger, random } = this.#options;
    this.#unschedule();
    const changes = this.#pending;
    this.#pending = new Map();
    try {
      const sealed = [...changes].map(([name, text]): [string, Uint8Array | undefined] => {
        return [name, text === undefined ? undefined : sealer.seal(Buffer.from(text), name)];
      });
      if (sealed.length > 0) await disk.apply(new Map(sealed));
      if (this.#failures > 0) logger.info('the assignment is on the disk again');
      this.#failures = 0;
    } catch (error) {
      if (this.#failures === 0) logger.error('the assignment cannot be kept on the disk, will try again', { error });
      // What changed meanwhile is newer.
      this.#pending = new Map([...changes, ...this.#pending]);
      this.#unschedule();
      this.#schedule(computeBackoffMs(RETRY, this.#failures, random));
      this.#failures += 1;
    }
  }
}

/** The same content is the same text, in whatever order it came. */
function sortKeys(_key: string, value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `Pod`, `Deployment.apps` */
function kindName({ group, kind }: { group: string; kind: string }): string {
  return group === '' ? kind : `${kind}.${group}`;
}

/** Tells the kind and nothing else: names of Secrets are nobody's business. */
function fileName(kind: { group: string; kind: string }, key: string): string {
  const name = kindName(kind);
  return `${name}-${createHash('sha256').update(`${name}\0${key}`).digest('hex').slice(0, 32)}`;
}

function parseRecord(text: string): Pick<Entry, 'kind' | 'key' | 'seed'> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isJsonObject(value)) return undefined;
    const { kind, key, object } = value;
    if (typeof kind !== 'string' || typeof key !== 'string') return undefined;
    if (object === null) return { kind, key, seed: null };
    return isObject(object) && keyOf(object) === key ? { kind, key, seed: object } : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is KubernetesObject {
  return isJsonObject(value) && isJsonObject(value['metadata']) && typeof value['metadata']['name'] === 'string';
}

/** Sealed by this node, after the API server had validated it: it is of the kind that it was kept as. */
function asKind<T extends KubernetesObject>(object: KubernetesObject): T {
  return object as T;
}
