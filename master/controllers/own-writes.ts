/**
 * Which version of an object a controller has written over. As long as its informer shows that version, it does not show
 * the write yet: planning again from it would only write the same again, or be refused.
 * Invariant: a write that changed nothing, and so is never shown, holds the controller up for LAG_LIMIT_MS at most.
 */
import type { Clock } from '../../shared/platform/clock.ts';

const LAG_LIMIT_MS = 1_000;

export class OwnWrites {
  readonly #clock: Clock;
  readonly #over = new Map<string, { version: string; untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The write has been accepted; `version` is what the informer showed when it was planned. */
  note(key: string, version: string): void {
    this.#over.set(key, { version, untilMs: this.#clock.monotonicMs() + LAG_LIMIT_MS });
  }

  /** How long to wait for the informer; 0: it shows something newer, or has had its time. */
  lagMs(key: string, version: string): number {
    const written = this.#over.get(key);
    if (written === undefined) return 0;
    const leftMs = written.version === version ? written.untilMs - this.#clock.monotonicMs() : 0;
    if (leftMs <= 0) this.#over.delete(key);
    return Math.max(0, leftMs);
  }

  forget(key: string): void {
    this.#over.delete(key);
  }
}
