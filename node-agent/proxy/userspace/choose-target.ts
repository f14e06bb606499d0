/**
 * Which target a connection goes to, in a proxy without the kernel's help: at random, or the one that the client had last.
 * What is remembered is bounded: the client that was seen longest ago is forgotten first.
 */
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { Target } from '../services/portal.ts';

/** Clients that are remembered a service. */
const MAX_CLIENTS = 10_000;

export class TargetChooser {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #seen = new Map<string, { id: string; atMs: number }>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** undefined: nobody is there. */
  choose(targets: readonly Target[], client: string, affinitySeconds: number): Target | undefined {
    if (affinitySeconds === 0) return this.#pick(targets);
    const seen = this.#seen.get(client);
    const isFresh = seen !== undefined && this.#clock.monotonicMs() - seen.atMs < affinitySeconds * 1000;
    const again = isFresh ? targets.find((target) => idOf(target) === seen.id) : undefined;
    const target = again ?? this.#pick(targets);
    if (target !== undefined) this.#remember(client, idOf(target));
    return target;
  }

  #pick(targets: readonly Target[]): Target | undefined {
    return targets[this.#random.nextUint32() % Math.max(targets.length, 1)];
  }

  #remember(client: string, id: string): void {
    this.#seen.delete(client);
    this.#seen.set(client, { id, atMs: this.#clock.monotonicMs() });
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= MAX_CLIENTS) return;
      this.#seen.delete(oldest);
    }
  }
}

function idOf({ address, port }: Target): string {
  return `${address} ${port}`;
}
