/**
 * A queue of keys. A key waits at most once and is handled by one worker at a time: added again while it is handled, it
 * comes again afterwards. Its size is bounded by the number of different keys.
 */
import { type BackoffPolicy, computeBackoffMs } from '../platform/backoff.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import type { QueueObserver } from './work-queue-metrics.ts';

export interface WorkQueueOptions {
  clock: Clock;
  random: Random;
  backoff?: BackoffPolicy;
  /** Hears what is counted. */
  observer?: QueueObserver;
}

/** 20 ms to about 17 minutes, as client-go's rate limiter ends up for one item. */
const DEFAULT_BACKOFF: BackoffPolicy = { initialMs: 20, maxMs: 1_000_000, factor: 2, jitter: 0.2 };

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** When each came, by monotonic time; 0 where nobody counts. */
  readonly #waiting = new Map<string, number>();
  readonly #active = new Set<string>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, { timer: Timer; dueMs: number }>();
  readonly #failures = new Map<string, number>();
  #takers: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(key: string): void {
    if (this.#closed) return;
    if (this.#active.has(key)) {
      this.#again.add(key);
      return;
    }
    const { observer, clock } = this.#options;
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      observer?.added();
      observer?.waited(0);
      this.#hand(key, taker);
    } else if (!this.#waiting.has(key)) {
      observer?.added();
      this.#waiting.set(key, observer === undefined ? 0 : clock.monotonicMs());
    }
  }

  /** Adds the key after a while; the earliest of several such wishes counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#closed) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const dueMs = this.#options.clock.monotonicMs() + delayMs;
    const pending = this.#timers.get(key);
    if (pending !== undefined && pending.dueMs <= dueMs) return;
    pending?.timer.cancel();
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { timer, dueMs });
  }

  /** Adds the key after a delay that grows with its failures since the last `forget`. */
  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#options.observer?.retried();
    this.addAfter(key, computeBackoffMs(this.#options.backoff ?? DEFAULT_BACKOFF, failures, this.#options.random));
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Next key; undefined once closed. Call `done` with it afterwards. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const [[key, sinceMs] = [undefined, 0]] = this.#waiting;
    return new Promise((resolve) => {
      if (key === undefined) {
        this.#takers.push(resolve);
        return;
      }
      this.#waiting.delete(key);
      const { observer, clock } = this.#options;
      observer?.waited((clock.monotonicMs() - sinceMs) / 1000);
      this.#hand(key, resolve);
    });
  }

  done(key: string): void {
    this.#active.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** Idempotent; waiting takers get undefined. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#waiting.clear();
    for (const taker of this.#takers) taker(undefined);
    this.#takers = [];
  }

  #hand(key: string, taker: (key: string) => void): void {
    this.#active.add(key);
    taker(key);
  }
}
