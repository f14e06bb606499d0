/** SQLite stores for tests: on a file in a folder of their own, or in memory; restarted cleanly or as after a power cut. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from '../../master/store/sqlite-store.ts';
import type { Store, StoreEvent, WatchBatch } from '../../master/store/store.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { createVirtualClock } from './virtual-clock.ts';

export type Restart = 'clean' | 'crash';

export interface StoreFixture<S extends Store = Store> {
  store: S;
  /** Ends `store` and puts its successor in its place. */
  restart(how: Restart): Promise<S>;
  /** Opens what `snapshot` wrote to `snapshotPath`. */
  openSnapshot(): Promise<S>;
  snapshotPath: string;
  /** Closes every store that it made. */
  dispose(): Promise<void>;
}

type Overrides = Partial<SqliteStoreOptions>;

export async function createStoreFixture(
  where: 'file' | 'memory',
  overrides: Overrides = {},
): Promise<StoreFixture<SqliteStore>> {
  const directory = await mkdtemp(join(tmpdir(), 'bramble-store-'));
  const opened: SqliteStore[] = [];
  const open = async (path: string, more: Overrides = {}): Promise<SqliteStore> => {
    const defaults = { clock: createVirtualClock(), logger: silentLogger, schedule: queueMicrotask };
    const store = await openSqliteStore({ path, ...defaults, ...overrides, ...more });
    opened.push(store);
    return store;
  };
  const path = where === 'file' ? join(directory, 'data', 'store.db') : ':memory:';
  const snapshotPath = join(directory, 'snapshot.db');
  const fixture: StoreFixture<SqliteStore> = {
    store: await open(path),
    snapshotPath,
    async restart(how) {
      const image = where === 'memory' ? { image: fixture.store.image() } : {};
      if (how === 'crash') fixture.store.crash();
      else await fixture.store.close();
      fixture.store = await open(path, image);
      return fixture.store;
    },
    openSnapshot: () => open(snapshotPath),
    async dispose() {
      for (const store of opened) await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return fixture;
}

/** Reads a watch until it has caught up with the revision that the store had when it began; returns what it was told. */
export async function readHistory(store: Store, prefix: string, afterRevision: number): Promise<StoreEvent[]> {
  const abort = new AbortController();
  const events: StoreEvent[] = [];
  for await (const batch of store.watch({ prefix, afterRevision, signal: abort.signal })) {
    if (batch.events.length === 0) abort.abort();
    events.push(...batch.events);
  }
  return events;
}

/** A watch that a test reads batch by batch. */
export class WatchReader {
  readonly #abort = new AbortController();
  readonly #batches: AsyncIterator<WatchBatch>;

  constructor(store: Store, prefix: string, afterRevision: number) {
    this.#batches = store.watch({ prefix, afterRevision, signal: this.#abort.signal })[Symbol.asyncIterator]();
  }

  /** undefined: the watch is over. */
  async next(): Promise<WatchBatch | undefined> {
    const result = await this.#batches.next();
    return result.done ? undefined : result.value;
  }

  /** The next `count` events, progress left out. */
  async events(count: number): Promise<StoreEvent[]> {
    const events: StoreEvent[] = [];
    while (events.length < count) {
      const batch = await this.next();
      if (batch === undefined) break;
      events.push(...batch.events);
    }
    return events;
  }

  stop(): void {
    this.#abort.abort();
  }
}
