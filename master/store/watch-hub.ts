/**
 * Tells live watchers what was committed. Watchers of one prefix share one filtered batch, so a commit costs as many scans as
 * there are different prefixes; a watcher that leaves too much unread is dropped, never waited for.
 * Invariant: a live watcher has been given every change under its prefix up to the hub's last published revision.
 */
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import { PROGRESS_INTERVAL_MS } from './limits.ts';
import { StoreError, type StoreEvent, type WatchBatch } from './store.ts';
import { keyOf } from './volatile-history.ts';

export class LiveWatcher {
  readonly #bufferEvents: number;
  #batches: WatchBatch[] = [];
  #events = 0;
  #revision: number;
  #end: 'open' | 'ended' | StoreError = 'open';
  #wake: (() => void) | undefined;

  constructor(revision: number, bufferEvents: number) {
    this.#revision = revision;
    this.#bufferEvents = bufferEvents;
    this.#batches.push({ revision, events: [] });
  }

  /** Revision of the newest batch that it was given. */
  get revision(): number {
    return this.#revision;
  }

  /** The next batch; undefined when the watch is over. Throws `slow-watcher`. One caller at a time. */
  async next(): Promise<WatchBatch | undefined> {
    for (;;) {
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        this.#events -= batch.events.length;
        return batch;
      }
      if (this.#end === 'ended') return undefined;
      if (this.#end !== 'open') throw this.#end;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  push(batch: WatchBatch): void {
    if (this.#end !== 'open') return;
    this.#revision = batch.revision;
    this.#events += batch.events.length;
    if (this.#events > this.#bufferEvents) {
      this.end(new StoreError('slow-watcher', `a watcher left more than ${this.#bufferEvents} events unread`));
      return;
    }
    // Progress replaces progress: a reader that sleeps finds one empty batch, not one for each interval.
    if (this.#batches.at(-1)?.events.length === 0) this.#batches.pop();
    this.#batches.push(batch);
    this.#wakeUp();
  }

  /** What is unread is dropped. */
  end(how: 'ended' | StoreError): void {
    if (this.#end !== 'open') return;
    this.#end = how;
    this.#batches = [];
    this.#events = 0;
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

export class WatchHub {
  readonly #clock: Clock;
  readonly #bufferEvents: number;
  readonly #watchers = new Map<string, Set<LiveWatcher>>();
  #revision = 0;
  #progress: Timer | undefined;

  constructor(clock: Clock, bufferEvents: number) {
    this.#clock = clock;
    this.#bufferEvents = bufferEvents;
  }

  /** The caller has told the watcher everything up to `revision`, which is the present one; its first batch says so. */
  attach(prefix: string, revision: number): LiveWatcher {
    const watcher = new LiveWatcher(revision, this.#bufferEvents);
    const sharing = this.#watchers.get(prefix);
    if (sharing === undefined) this.#watchers.set(prefix, new Set([watcher]));
    else sharing.add(watcher);
    return watcher;
  }

  detach(prefix: string, watcher: LiveWatcher): void {
    const sharing = this.#watchers.get(prefix);
    sharing?.delete(watcher);
    if (sharing?.size === 0) this.#watchers.delete(prefix);
  }

  publish(revision: number, events: readonly StoreEvent[]): void {
    this.#revision = revision;
    for (const [prefix, sharing] of this.#watchers) {
      const mine = events.filter((event) => keyOf(event).startsWith(prefix));
      if (mine.length === 0) continue;
      const batch: WatchBatch = { revision, events: mine };
      for (const watcher of sharing) watcher.push(batch);
    }
    if (this.#watchers.size > 0) this.#progress ??= this.#clock.after(PROGRESS_INTERVAL_MS, () => this.#tellProgress());
  }

  /** Ends every watch and the timer. */
  close(): void {
    this.#progress?.cancel();
    this.#progress = undefined;
    for (const sharing of this.#watchers.values()) for (const watcher of sharing) watcher.end('ended');
    this.#watchers.clear();
  }

  /** One timer for all, armed by a commit only: a store without commits has no timer. */
  #tellProgress(): void {
    this.#progress = undefined;
    const batch: WatchBatch = { revision: this.#revision, events: [] };
    for (const sharing of this.#watchers.values()) {
      for (const watcher of sharing) if (watcher.revision < batch.revision) watcher.push(batch);
    }
  }
}

/** What a watcher gets once it has been told everything up to `revision`; ends with the signal or the hub. */
export async function* watchLive(
  hub: WatchHub,
  { prefix, revision, signal }: { prefix: string; revision: number; signal: AbortSignal },
): AsyncGenerator<WatchBatch> {
  const watcher = hub.attach(prefix, revision);
  const onAbort = (): void => watcher.end('ended');
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (let batch = await watcher.next(); batch !== undefined; batch = await watcher.next()) yield batch;
  } finally {
    signal.removeEventListener('abort', onAbort);
    hub.detach(prefix, watcher);
  }
}
