/**
 * The store on one SQLite file. README.md beside this file has the picture; this class ties the parts together and is the one
 * place where a commit becomes visible: tables first, then the revision, then watchers and callers.
 */
import { statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { assert } from '../../shared/platform/assert.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { Compaction } from './compaction.ts';
import {
  COMPACT_SLICE_ROWS,
  MAX_DATABASE_BYTES,
  MAX_KEY_CHARS,
  MAX_VALUE_CHARS,
  VOLATILE_HISTORY_CHARS,
  VOLATILE_HISTORY_EVENTS,
  WATCH_BUFFER_EVENTS,
} from './limits.ts';
import { listState } from './list-state.ts';
import { LogTable } from './log-table.ts';
import { MEMORY_PATH, openDatabase } from './open-database.ts';
import { takeSnapshot } from './snapshot.ts';
import { toStoreError } from './sqlite-errors.ts';
import {
  type KeyValue,
  type ListRequest,
  type ListResult,
  type Store,
  StoreError,
  type WatchBatch,
  type WatchRequest,
  type Write,
  type WriteResult,
} from './store.ts';
import { StoreMeta, startRevision } from './store-meta.ts';
import { Transaction } from './transaction.ts';
import { VolatileHistory } from './volatile-history.ts';
import { VolatileOverlay } from './volatile-overlay.ts';
import { WatchHub, watchLive } from './watch-hub.ts';
import { replayPage } from './watch-replay.ts';
import { type StoreState, WriteBatch } from './write-batch.ts';
import { type Schedule, WriteQueue } from './write-queue.ts';

export interface SqliteStoreOptions {
  /** A file, made with its folder when missing; or ':memory:' for tests and simulations. */
  path: string;
  clock: Clock;
  logger: Logger;
  /** Gathers the writes of a turn: `queueMicrotask` in simulations, `setImmediate` in production. */
  schedule: Schedule;
  /** With ':memory:': starts from what `image()` of an earlier store returned. */
  image?: Uint8Array;
  maxBytes?: number;
  /** For tests of the limits; each has its default in limits.ts. */
  limits?: Partial<StoreLimits>;
}

export interface StoreLimits {
  watchBufferEvents: number;
  volatileHistoryEvents: number;
  volatileHistoryChars: number;
}

export interface StoreStats {
  revision: number;
  compactRevision: number;
  /** Writes that changed something since the store was opened. */
  changes: number;
  /** Those of them that are on disk. */
  diskChanges: number;
  /** Transactions that carried them; memory writes need none. */
  commits: number;
  /** Durable changes that compaction has not covered yet, and what their values weigh. */
  historyChanges: number;
  historyBytes: number;
  databaseBytes: number;
  walBytes: number;
}

/** Throws StoreError: `in-use`, `not-writable`, `corrupt`, `unsupported-version`, `no-space`, `io`. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { path, image, maxBytes = MAX_DATABASE_BYTES } = options;
  const db = openDatabase({ path, maxBytes, ...(image === undefined ? {} : { image }) });
  try {
    const store = new SqliteStore(db, options);
    const { revision, compactRevision, databaseBytes } = store.stats();
    options.logger.info('store is open', { path, revision, compactRevision, databaseBytes });
    return store;
  } catch (error) {
    db.close();
    throw toStoreError(error, `the store ${path}`);
  }
}

export class SqliteStore implements Store {
  readonly #path: string;
  /** As errors call it. */
  readonly #subject: string;
  readonly #logger: Logger;
  readonly #db: Database;
  readonly #schedule: Schedule;
  readonly #state: StoreState;
  readonly #hub: WatchHub;
  readonly #queue: WriteQueue;
  readonly #compaction: Compaction;
  /** Work that goes on over several turns; `close` waits for it. */
  readonly #underWay = new Set<Promise<unknown>>();
  #compacted: number;
  #scanned: number;
  #changes = 0;
  #diskChanges = 0;
  #commits = 0;
  #historyChanges: number;
  #historyBytes: number;
  #closed = false;

  constructor(db: Database, options: SqliteStoreOptions) {
    const limits = options.limits ?? {};
    const meta = new StoreMeta(db);
    const log = new LogTable(db);
    const { reserved, compacted, scanned } = meta.read();
    const directories = meta.volatileDirectories();
    const revision = startRevision(meta, directories.length > 0);
    const history = new VolatileHistory(
      {
        events: limits.volatileHistoryEvents ?? VOLATILE_HISTORY_EVENTS,
        chars: limits.volatileHistoryChars ?? VOLATILE_HISTORY_CHARS,
      },
      directories,
      revision,
    );
    this.#path = options.path;
    this.#subject = `the store ${options.path}`;
    this.#logger = options.logger;
    this.#schedule = options.schedule;
    this.#db = db;
    this.#state = {
      transaction: new Transaction(db),
      log,
      meta,
      overlay: new VolatileOverlay(),
      history,
      revision,
      reserved,
    };
    this.#hub = new WatchHub(options.clock, limits.watchBufferEvents ?? WATCH_BUFFER_EVENTS);
    this.#queue = new WriteQueue(options.schedule, (writes) => this.#commit(writes));
    this.#compaction = new Compaction(db);
    this.#compacted = compacted;
    this.#scanned = scanned;
    const size = log.sizeAfter(compacted);
    this.#historyChanges = size.changes;
    this.#historyBytes = size.bytes;
  }

  revision(): number {
    return this.#state.revision;
  }

  async get(key: string): Promise<KeyValue | undefined> {
    return this.#read(() => {
      const shadow = this.#state.overlay.get(key);
      return shadow === undefined ? this.#state.log.get(key) : shadow.keyValue;
    });
  }

  async list(request: ListRequest): Promise<ListResult> {
    assert(request.limit === undefined || request.limit > 0, 'limit must be positive');
    return this.#read(() => {
      this.#checkRevision(request.prefix, request.revision ?? this.#state.revision);
      return listState(this.#state, request);
    });
  }

  async write(write: Write): Promise<WriteResult> {
    assert(write.key !== '' && write.key.isWellFormed(), 'a key is well-formed text');
    assert(write.key.length <= MAX_KEY_CHARS, `a key has at most ${MAX_KEY_CHARS} characters`);
    assert((write.value?.length ?? 0) <= MAX_VALUE_CHARS, `a value has at most ${MAX_VALUE_CHARS} characters`);
    this.#checkOpen();
    return this.#queue.add(write);
  }

  async *watch({ prefix, afterRevision, signal }: WatchRequest): AsyncGenerator<WatchBatch> {
    this.#checkOpen();
    this.#checkRevision(prefix, afterRevision);
    let cursor = afterRevision;
    while (cursor < this.#state.revision) {
      if (signal.aborted || this.#closed) return;
      const after = cursor;
      const page = this.#read(() => {
        this.#checkRevision(prefix, after);
        return replayPage(this.#state, prefix, after);
      });
      cursor = page.revision;
      if (page.events.length > 0) yield page;
    }
    // No await between the last comparison and this call: nothing can be committed in between.
    if (!signal.aborted && !this.#closed) yield* watchLive(this.#hub, { prefix, revision: cursor, signal });
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen();
    if (revision > this.#state.revision) throw futureRevision(revision, this.#state.revision);
    if (revision <= this.#compacted) return;
    await this.#track(this.#compactInSlices(revision));
  }

  async snapshot(path: string): Promise<void> {
    this.#checkOpen();
    await this.#track(takeSnapshot(this.#db, path));
  }

  /** Moves what the write-ahead log holds into the database and gives the log's space back. */
  truncateWal(): void {
    this.#read(() => this.#db.pragma('wal_checkpoint(TRUNCATE)'));
  }

  /** The revision that `changes` durable changes are newer than; 0 when there are fewer. */
  revisionBefore(changes: number): number {
    return this.#read(() => this.#state.log.revisionBefore(changes));
  }

  /** What a ':memory:' store has on its "disk": a later store given this as `image` is this one after a restart. */
  image(): Uint8Array {
    return this.#read(() => this.#db.serialize());
  }

  stats(): StoreStats {
    const { revision } = this.#state;
    const db = this.#db;
    const pages = Number(db.pragma('page_count', { simple: true }));
    return {
      revision,
      compactRevision: this.#compacted,
      changes: this.#changes,
      diskChanges: this.#diskChanges,
      commits: this.#commits,
      historyChanges: this.#historyChanges,
      historyBytes: this.#historyBytes,
      databaseBytes: pages * Number(db.pragma('page_size', { simple: true })),
      walBytes: this.#path === MEMORY_PATH ? 0 : (statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0),
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#queue.flush();
    this.#closed = true;
    this.#hub.close();
    await Promise.allSettled(this.#underWay);
    this.#giveBackRevisions();
    this.#db.close();
  }

  /** Ends as a power cut would: what waits is refused and nothing is tidied up. For tests and simulations. */
  crash(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.abandon(closedError());
    this.#hub.close();
    this.#db.close();
  }

  /** The rest of the block was not used: the next start need not skip it. On a full disk it does. */
  #giveBackRevisions(): void {
    const { meta, revision, reserved } = this.#state;
    if (reserved <= revision) return;
    try {
      meta.reserve(revision);
    } catch (error) {
      this.#logger.warn('set aside revisions are not given back', {
        error: toStoreError(error, this.#subject),
      });
    }
  }

  #commit(writes: readonly Write[]): WriteResult[] {
    if (this.#closed) throw closedError();
    const batch = new WriteBatch(this.#state);
    let results: WriteResult[];
    let committed: ReturnType<WriteBatch['commit']>;
    try {
      results = writes.map((write) => batch.apply(write));
      committed = batch.commit();
    } catch (error) {
      batch.rollback();
      throw toStoreError(error, this.#subject);
    }
    this.#count(committed);
    if (committed.events.length > 0) this.#hub.publish(committed.revision, committed.events);
    return results;
  }

  #count({ events, durable, diskChanges, diskBytes }: ReturnType<WriteBatch['commit']>): void {
    this.#changes += events.length;
    this.#diskChanges += diskChanges;
    if (durable) this.#commits += 1;
    this.#historyChanges += diskChanges;
    this.#historyBytes += diskBytes;
  }

  async #compactInSlices(revision: number): Promise<void> {
    while (!this.#closed && this.#scanned < revision) {
      this.#scanned = this.#read(() => this.#compaction.slice(this.#scanned, revision, COMPACT_SLICE_ROWS));
      this.#compacted = Math.max(this.#compacted, revision);
      this.#state.history.forget(this.#compacted);
      await new Promise<void>((resolve) => this.#schedule(resolve));
    }
    if (this.#closed) return;
    const size = this.#state.log.sizeAfter(this.#compacted);
    this.#historyChanges = size.changes;
    this.#historyBytes = size.bytes;
  }

  /** Throws unless state and changes at `revision` can be known for the prefix. */
  #checkRevision(prefix: string, revision: number): void {
    if (revision > this.#state.revision) throw futureRevision(revision, this.#state.revision);
    const oldest = Math.max(this.#compacted, this.#state.history.floor(prefix));
    if (revision >= oldest) return;
    throw new StoreError('compacted', `revision ${revision} is compacted, the oldest is ${oldest}: list again`);
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  #read<T>(read: () => T): T {
    this.#checkOpen();
    try {
      return read();
    } catch (error) {
      throw toStoreError(error, this.#subject);
    }
  }

  async #track(work: Promise<unknown>): Promise<void> {
    this.#underWay.add(work);
    try {
      await work;
    } catch (error) {
      throw toStoreError(error, this.#subject);
    } finally {
      this.#underWay.delete(work);
    }
  }
}

function futureRevision(revision: number, present: number): StoreError {
  return new StoreError('future-revision', `revision ${revision} has not happened, the present one is ${present}`);
}

function closedError(): StoreError {
  return new StoreError('closed', 'the store is closed');
}
