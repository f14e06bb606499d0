/**
 * One group commit: writes are applied in order, each sees those before it, and nothing of it is visible until `commit`.
 * Disk writes go into one transaction, begun at the first of them; memory writes are staged beside it.
 * Invariant: an error, wherever it comes from, leaves tables, overlay and revision as they were before the batch.
 */
import { directoryOf } from './key-range.ts';
import { MAX_VOLATILE_DIRECTORIES, REVISION_BLOCK } from './limits.ts';
import type { LogTable } from './log-table.ts';
import type { KeyValue, StoreEvent, Write, WriteResult } from './store.ts';
import type { StoreMeta } from './store-meta.ts';
import type { Transaction } from './transaction.ts';
import type { VolatileHistory } from './volatile-history.ts';
import type { Shadow, VolatileOverlay } from './volatile-overlay.ts';

/** What a batch reads and changes. */
export interface StoreState {
  transaction: Transaction;
  log: LogTable;
  meta: StoreMeta;
  overlay: VolatileOverlay;
  history: VolatileHistory;
  /** Latest visible revision. */
  revision: number;
  /** Revisions up to this one are set aside on disk for memory writes. */
  reserved: number;
}

export interface Committed {
  /** The store's revision now. */
  revision: number;
  /** In order; empty when every write lost its comparison. */
  events: StoreEvent[];
  /** Whether a transaction was committed. */
  durable: boolean;
  /** Rows added to the log and about what their values weigh. */
  diskChanges: number;
  diskBytes: number;
}

export class WriteBatch {
  readonly #state: StoreState;
  readonly #shadows = new Map<string, Shadow | undefined>();
  readonly #directories = new Set<string>();
  readonly #events: StoreEvent[] = [];
  readonly #volatileEvents: StoreEvent[] = [];
  #revision: number;
  #reserved: number;
  #diskChanges = 0;
  #diskBytes = 0;
  #inTransaction = false;

  constructor(state: StoreState) {
    this.#state = state;
    this.#revision = state.revision;
    this.#reserved = state.reserved;
  }

  apply(write: Write): WriteResult {
    const shadow = this.#shadow(write.key);
    const durable = shadow === undefined ? this.#state.log.get(write.key) : undefined;
    const current = shadow === undefined ? durable : shadow.keyValue;
    if (write.expectedRevision !== undefined && write.expectedRevision !== (current?.modRevision ?? 0)) {
      return { ok: false, reason: 'conflict', current };
    }
    const event = this.#eventOf(write, current);
    if (event === undefined) return { ok: true, revision: this.#revision, previous: undefined };
    const durableRevision = durable?.modRevision ?? (shadow ? this.#state.log.presentRevision(write.key) : 0);
    this.#record(write, event, { shadow, durableRevision });
    return { ok: true, revision: this.#revision, previous: current };
  }

  commit(): Committed {
    const state = this.#state;
    state.transaction.commit();
    state.overlay.apply(this.#shadows);
    for (const directory of this.#directories) state.history.addDirectory(directory);
    for (const event of this.#volatileEvents) state.history.push(event);
    state.revision = this.#revision;
    state.reserved = this.#reserved;
    return {
      revision: this.#revision,
      events: this.#events,
      durable: this.#inTransaction,
      diskChanges: this.#diskChanges,
      diskBytes: this.#diskBytes,
    };
  }

  rollback(): void {
    this.#state.transaction.rollback();
  }

  #shadow(key: string): Shadow | undefined {
    return this.#shadows.has(key) ? this.#shadows.get(key) : this.#state.overlay.get(key);
  }

  /** The change with the next revision; undefined when the deleted key is not there. */
  #eventOf(write: Write, current: KeyValue | undefined): StoreEvent | undefined {
    const { key, value } = write;
    if (value === undefined && current === undefined) return undefined;
    this.#revision += 1;
    const revision = this.#revision;
    if (value === undefined) return current && { type: 'delete', key, revision, previous: current };
    const createRevision = current?.createRevision ?? revision;
    return { type: 'put', keyValue: { key, value, modRevision: revision, createRevision }, previous: current };
  }

  #record(write: Write, event: StoreEvent, below: { shadow: Shadow | undefined; durableRevision: number }): void {
    this.#events.push(event);
    // There is nothing on disk that a deletion could remove: it needs no row either.
    const inMemory = write.durability === 'memory' || (event.type === 'delete' && below.durableRevision === 0);
    if (inMemory) this.#recordInMemory(event, below.durableRevision);
    else this.#recordOnDisk(event, below.durableRevision);
    // A disk write that ends a shadow is told from memory too: only there its `previous` is what watchers saw.
    if (inMemory || below.shadow !== undefined) this.#volatileEvents.push(event);
  }

  #recordOnDisk(event: StoreEvent, durableRevision: number): void {
    this.#begin();
    this.#diskChanges += 1;
    if (event.type === 'delete') {
      this.#state.log.delete(event.key, event.revision, durableRevision);
      this.#endShadow(event.key);
      return;
    }
    const { key, value, createRevision, modRevision } = event.keyValue;
    this.#diskBytes += value.length;
    this.#state.log.put({ key, value, createRevision, revision: modRevision, previousRevision: durableRevision });
    this.#endShadow(key);
  }

  #recordInMemory(event: StoreEvent, durableRevision: number): void {
    const key = event.type === 'put' ? event.keyValue.key : event.key;
    this.#remember(directoryOf(key));
    if (this.#revision > this.#reserved) {
      this.#begin();
      this.#reserved = this.#revision + REVISION_BLOCK;
      this.#state.meta.reserve(this.#reserved);
    }
    if (event.type === 'put') this.#shadows.set(key, { keyValue: event.keyValue });
    else this.#shadows.set(key, durableRevision === 0 ? undefined : { keyValue: undefined });
  }

  /** Writes to disk when a directory has its first volatile key, so that a restart knows whose watchers cannot resume. */
  #remember(directory: string): void {
    const { history, meta } = this.#state;
    if (history.knows(directory) || this.#directories.has(directory) || this.#directories.has('')) return;
    const full = history.directoryCount + this.#directories.size >= MAX_VOLATILE_DIRECTORIES;
    const remembered = full ? '' : directory;
    this.#begin();
    meta.addVolatileDirectory(remembered);
    this.#directories.add(remembered);
  }

  #endShadow(key: string): void {
    if (this.#shadow(key) !== undefined) this.#shadows.set(key, undefined);
  }

  #begin(): void {
    this.#state.transaction.begin();
    this.#inTransaction = true;
  }
}
