/**
 * One client's watch: the changes after a revision that its filter lets through, in order, without a gap, and now and then
 * word of how far it has come. First `catchUp` reads what the store remembers, then `next` gives what happens.
 */
import type { Change, ChangeType } from './change.ts';
import { EventQueue } from './event-queue.ts';
import type { ObjectFilter } from './object-filter.ts';
import type { Subscriber } from './subscribers.ts';
import type { WatchHub } from './watch-hub.ts';

/** A client that has not taken this many events in time is cut off; it resumes from its last revision. */
const MAX_QUEUED_EVENTS = 16_384;

export interface ChangeSignal {
  type: ChangeType;
  change: Change;
}

export type WatchSignal = ChangeSignal | { type: 'PROGRESS'; revision: number };

export class Watcher {
  readonly #hub: WatchHub;
  readonly #filter: ObjectFilter;
  readonly #queue = new EventQueue<WatchSignal>(MAX_QUEUED_EVENTS);
  readonly #abort = new AbortController();
  #subscriber: Subscriber | undefined;

  constructor(hub: WatchHub, filter: ObjectFilter) {
    this.#hub = hub;
    this.#filter = filter;
  }

  /**
   * Gives the changes that happened before the hub's own history begins, then attaches to the hub. Throws the store's
   * `compacted`.
   */
  async *catchUp(afterRevision: number): AsyncGenerator<ChangeSignal> {
    let reached = afterRevision;
    while (!this.#abort.signal.aborted && !this.#attach(reached)) {
      const batches = this.#hub.readStore(reached, this.#abort.signal);
      const before = reached;
      for await (const batch of batches) {
        for (const event of batch.events) {
          const change = this.#hub.changeOf(event);
          const type = this.#filter.typeOf(change);
          if (type !== undefined) yield { type, change };
        }
        reached = batch.revision;
        if (this.#hub.reachesBackTo(reached)) break;
      }
      // The store has closed.
      if (reached === before && !this.#hub.reachesBackTo(reached)) this.close();
    }
  }

  /** undefined: the watch is over. One caller at a time. */
  next(): Promise<WatchSignal | undefined> {
    return this.#queue.next();
  }

  /** Idempotent. */
  close(): void {
    this.#abort.abort();
    this.#queue.close();
    if (this.#subscriber !== undefined) this.#hub.detach(this.#subscriber, this.#filter.trigger);
    this.#subscriber = undefined;
  }

  #attach(afterRevision: number): boolean {
    const subscriber = this.#subscriberAfter(afterRevision);
    if (!this.#hub.attach(subscriber, afterRevision, this.#filter.trigger)) return false;
    this.#subscriber = subscriber;
    return true;
  }

  /** The hub may lag behind what the client has already seen: nothing up to `afterRevision` is queued. */
  #subscriberAfter(afterRevision: number): Subscriber {
    const filter = this.#filter;
    const queue = this.#queue;
    return {
      onChange(change) {
        if (change.revision <= afterRevision) return;
        const type = filter.typeOf(change);
        if (type !== undefined) queue.push({ type, change });
      },
      onProgress(revision) {
        if (revision > afterRevision) queue.push({ type: 'PROGRESS', revision });
      },
      onEnd: () => queue.close(),
    };
  }
}
