/**
 * Objects that a controller has made and its informer does not show yet: a plan made without them would make them, or others
 * in their place, again. Invariant: one that is never shown, as somebody removed it at once, holds up for LAG_LIMIT_MS at most.
 */
import type { Clock } from '../../shared/platform/clock.ts';

const LAG_LIMIT_MS = 1_000;

export class OwnCreations {
  readonly #clock: Clock;
  readonly #awaited = new Map<string, Map<string, number>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `object` was made on behalf of `key`. */
  note(key: string, object: string): void {
    const objects = this.#awaited.get(key) ?? new Map<string, number>();
    this.#awaited.set(key, objects.set(object, this.#clock.monotonicMs() + LAG_LIMIT_MS));
  }

  /** How long to wait for the informer; 0: it shows all of them, or has had its time. */
  lagMs(key: string, isShown: (object: string) => boolean): number {
    const objects = this.#awaited.get(key);
    if (objects === undefined) return 0;
    const nowMs = this.#clock.monotonicMs();
    for (const [object, untilMs] of objects) if (untilMs <= nowMs || isShown(object)) objects.delete(object);
    if (objects.size === 0) this.#awaited.delete(key);
    return Math.max(0, ...[...objects.values()].map((untilMs) => untilMs - nowMs));
  }

  forget(key: string): void {
    this.#awaited.delete(key);
  }
}
