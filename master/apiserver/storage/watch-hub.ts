/**
 * One watch of the store a kind, however many clients watch the kind: each change is read once and given to all.
 * Invariant: a subscriber that was attached after revision R hears of each change with a revision greater than R once and
 * in order, from the short history first and then as it happens, until it is detached or ended.
 */
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Store, StoreEvent, WatchBatch } from '../../store/store.ts';
import type { AnyKind } from './api-object.ts';
import { Change } from './change.ts';
import { prefixOf } from './keys.ts';
import type { ObjectCache } from './object-cache.ts';
import type { Trigger } from './object-filter.ts';
import { type Subscriber, Subscribers } from './subscribers.ts';

/** Changes kept for watchers that come a little late; older ones are read from the store. */
const MAX_HISTORY_CHANGES = 256;

/** Kubernetes sends bookmarks about once a minute. */
const PROGRESS_INTERVAL_MS = 60_000;

export interface WatchHubOptions {
  store: Store;
  cache: ObjectCache;
  kind: AnyKind;
  clock: Clock;
  logger: Logger;
}

export class WatchHub {
  readonly #options: WatchHubOptions;
  readonly #prefix: string;
  readonly #subscribers: Subscribers;
  #history: Change[] = [];
  /** History holds every change after this revision. */
  #floor = 0;
  #revision = 0;
  #abort: AbortController | undefined;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: WatchHubOptions) {
    this.#options = options;
    this.#prefix = prefixOf(options.kind);
    this.#subscribers = new Subscribers(options.kind);
  }

  /** Every change up to it has been given to the subscribers. */
  get revision(): number {
    return this.#revision;
  }

  get watchers(): number {
    return this.#subscribers.size;
  }

  /** Idempotent. Called before a list that a watch shall follow, so that history begins before the list. */
  start(): void {
    if (this.#abort !== undefined || this.#stopped) return;
    this.#abort = new AbortController();
    this.#revision = this.#options.store.revision();
    this.#floor = this.#revision;
    this.#history = [];
    void this.#run(this.#abort.signal);
  }

  /** Idempotent; ends every subscriber, those that come later too. */
  stop(): void {
    this.#stopped = true;
    this.#abort?.abort();
    this.#end();
  }

  /** Whether every change after this revision is in the history or still to come. */
  reachesBackTo(revision: number): boolean {
    return revision >= this.#floor;
  }

  /** False when `afterRevision` lies before the history: read the store up to a later revision first. */
  attach(subscriber: Subscriber, afterRevision: number, trigger: Trigger | undefined): boolean {
    this.start();
    if (this.#stopped) {
      subscriber.onEnd();
      return true;
    }
    if (!this.reachesBackTo(afterRevision)) return false;
    for (const change of this.#history) if (change.revision > afterRevision) subscriber.onChange(change);
    this.#subscribers.add(subscriber, trigger);
    this.#armTimer();
    return true;
  }

  detach(subscriber: Subscriber, trigger: Trigger | undefined): void {
    this.#subscribers.remove(subscriber, trigger);
    if (this.#subscribers.size === 0) this.#disarmTimer();
  }

  /** What the store has of changes after a revision, for those whom `attach` refused. */
  readStore(afterRevision: number, signal: AbortSignal): AsyncIterable<WatchBatch> {
    return this.#options.store.watch({ prefix: this.#prefix, afterRevision, signal });
  }

  changeOf(event: StoreEvent): Change {
    return new Change(event, this.#options.cache);
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      for await (const batch of this.readStore(this.#revision, signal)) this.#accept(batch);
    } catch (error) {
      if (!signal.aborted) this.#options.logger.warn('watch of the store ended', { prefix: this.#prefix, error });
    }
    if (this.#abort?.signal === signal) this.#end();
  }

  #accept(batch: WatchBatch): void {
    for (const event of batch.events) {
      const change = this.changeOf(event);
      this.#remember(change);
      this.#subscribers.dispatch(change);
      if (event.type === 'delete') this.#options.cache.forget(event.key);
    }
    this.#revision = Math.max(this.#revision, batch.revision);
  }

  #remember(change: Change): void {
    this.#history.push(change);
    this.#revision = change.revision;
    if (this.#history.length < 2 * MAX_HISTORY_CHANGES) return;
    const dropped = this.#history.splice(0, MAX_HISTORY_CHANGES);
    this.#floor = dropped.at(-1)?.revision ?? this.#floor;
  }

  #end(): void {
    this.#abort = undefined;
    this.#history = [];
    this.#disarmTimer();
    this.#subscribers.endAll();
  }

  #armTimer(): void {
    this.#timer ??= this.#options.clock.after(PROGRESS_INTERVAL_MS, () => {
      this.#timer = undefined;
      this.#subscribers.progress(this.#revision);
      if (this.#subscribers.size > 0) this.#armTimer();
    });
  }

  #disarmTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
