/**
 * How soon a failed daemon pod is replaced: at once for the first time, later and later while it keeps failing on that node.
 * Kept in memory: a new master begins anew. The size is bounded by the number of nodes with failing pods.
 */
import type { Clock } from '../../../shared/platform/clock.ts';

const INITIAL_MS = 1_000;
const MAX_MS = 15 * 60_000;
/** A node without failures for this long has recovered. */
const FORGET_AFTER_MS = 2 * MAX_MS;

interface Entry {
  delayMs: number;
  failedMs: number;
}

export class FailureBackoff {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long to wait before the next replacement; 0: now. */
  remainingMs(key: string): number {
    const entry = this.#entries.get(key);
    if (entry === undefined) return 0;
    return Math.max(0, entry.failedMs + entry.delayMs - this.#clock.monotonicMs());
  }

  /** A failed pod is being replaced. */
  note(key: string): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [other, { failedMs }] of this.#entries) {
      if (nowMs - failedMs > FORGET_AFTER_MS) this.#entries.delete(other);
    }
    const delayMs = Math.min(MAX_MS, (this.#entries.get(key)?.delayMs ?? INITIAL_MS / 2) * 2);
    this.#entries.set(key, { delayMs, failedMs: nowMs });
  }
}
