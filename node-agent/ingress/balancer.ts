/** In which order endpoints are tried: each in its turn, those that refused a moment ago last. Bounded by what it remembers. */
import type { Clock } from '../../shared/platform/clock.ts';
import type { Target } from './endpoints.ts';

/** How long an endpoint that could not be reached is tried last. */
const AVOID_MS = 5_000;
const MAX_AVOIDED = 1_000;

/** Endpoints that one request is tried at. */
export const MAX_TRIES = 3;

export class Balancer {
  readonly #clock: Clock;
  readonly #avoidUntil = new Map<string, number>();
  #turn = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** At most `MAX_TRIES`. */
  order(groups: readonly (readonly Target[])[]): Target[] {
    this.#turn += 1;
    const all = groups.flatMap((group) => {
      const start = this.#turn % group.length;
      return [...group.slice(start), ...group.slice(0, start)];
    });
    const nowMs = this.#clock.monotonicMs();
    const isAvoided = (target: Target): boolean => (this.#avoidUntil.get(keyOf(target)) ?? 0) > nowMs;
    return [...all.filter((target) => !isAvoided(target)), ...all.filter(isAvoided)].slice(0, MAX_TRIES);
  }

  avoid(target: Target): void {
    if (this.#avoidUntil.size >= MAX_AVOIDED) this.#avoidUntil.clear();
    this.#avoidUntil.set(keyOf(target), this.#clock.monotonicMs() + AVOID_MS);
  }
}

function keyOf({ address, port }: Target): string {
  return `${address} ${port}`;
}
