/** How much a client may send: a bucket that fills with time. Who has emptied it waits, and with it the network before it. */
import type { Clock } from '../../shared/platform/clock.ts';

export class RateLimit {
  readonly #perSecond: number;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #left: number;
  #filledMs: number;

  /** A second's worth may come at once. */
  constructor(perSecond: number, clock: Pick<Clock, 'monotonicMs'>) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#left = perSecond;
    this.#filledMs = clock.monotonicMs();
  }

  take(count: number): void {
    this.#left -= count;
  }

  /** Until more may be read; 0: now. */
  waitMs(): number {
    if (this.#left > 0) return 0;
    const nowMs = this.#clock.monotonicMs();
    this.#left = Math.min(this.#perSecond, this.#left + ((nowMs - this.#filledMs) * this.#perSecond) / 1_000);
    this.#filledMs = nowMs;
    return this.#left > 0 ? 0 : Math.ceil(((1 - this.#left) * 1_000) / this.#perSecond);
  }
}
