/**
 * Keeps the store small: compacts old history when enough of it has gathered, and gives a large write-ahead log's space back.
 * Invariant: it acts on durable changes only, so a cluster that writes nothing is never compacted and writes nothing.
 */
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { SqliteStore } from './sqlite-store.ts';
import { StoreError } from './store.ts';

/** Kubernetes' own interval for compacting etcd. */
export const COMPACT_INTERVAL_MS = 5 * 60_000;
/** History above this many changes, or this many bytes of values, is compacted… */
export const MAX_HISTORY_CHANGES = 10_000;
export const MAX_HISTORY_BYTES = 16 * 2 ** 20;
/** …down to this share of its changes, so that watchers and paging clients of the last minutes can go on. */
export const KEPT_HISTORY_SHARE = 0.5;
/** SQLite's own checkpoints keep the write-ahead log near 4 MB, unless a reader or a large commit was in the way. */
export const MAX_WAL_BYTES = 8 * 2 ** 20;

/** The part of the store that it needs. */
export type CompactableStore = Pick<SqliteStore, 'stats' | 'revisionBefore' | 'compact' | 'truncateWal'>;

export interface CompactorOptions {
  store: CompactableStore;
  clock: Clock;
  logger: Logger;
  intervalMs?: number;
}

export class Compactor implements Component {
  readonly #store: CompactableStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  #timer: Timer | undefined;
  #pass: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor({ store, clock, logger, intervalMs = COMPACT_INTERVAL_MS }: CompactorOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger.with({ component: 'compactor' });
    this.#intervalMs = intervalMs;
  }

  async start(): Promise<void> {
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#pass;
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.after(this.#intervalMs, () => {
      this.#pass = this.#run().then(() => this.#arm());
    });
  }

  async #run(): Promise<void> {
    try {
      await this.#compact();
      if (this.#store.stats().walBytes > MAX_WAL_BYTES) this.#store.truncateWal();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.reason !== 'closed') this.#logger.warn('compaction failed, it is tried again later', { error });
    }
  }

  async #compact(): Promise<void> {
    const { historyChanges, historyBytes } = this.#store.stats();
    if (historyChanges <= MAX_HISTORY_CHANGES && historyBytes <= MAX_HISTORY_BYTES) return;
    const revision = this.#store.revisionBefore(Math.floor(historyChanges * KEPT_HISTORY_SHARE));
    await this.#store.compact(revision);
    this.#logger.info('history is compacted', { revision, historyChanges, historyBytes });
  }
}
