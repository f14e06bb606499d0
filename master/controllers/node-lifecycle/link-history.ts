/**
 * What happened to the nodes' links: since when each is down, and how restless it is. A node that is lost again and again is
 * damped, as routers damp routes that flap: each loss adds to a figure that fades with time; above a bound the node gets no
 * new pods until the figure is low again. Times are monotonic.
 */

/** The figure halves in this time. */
export const HALF_LIFE_MS = 120_000;

/** Three losses within two minutes or so. */
export const DAMP_ABOVE = 2.4;
export const FREE_BELOW = 1.2;

/** A node that was restless all day is not kept waiting for hours. */
export const MAX_PENALTY = 6;

interface Entry {
  /** undefined: it is up. */
  downMs: number | undefined;
  penalty: number;
  penaltyMs: number;
  isDamped: boolean;
}

export class LinkHistory {
  readonly #entries = new Map<string, Entry>();

  /** The link is known to be so. */
  note(node: string, isUp: boolean, nowMs: number): void {
    const entry = this.#entries.get(node);
    if (entry === undefined) {
      this.#entries.set(node, { downMs: isUp ? undefined : nowMs, penalty: 0, penaltyMs: nowMs, isDamped: false });
      return;
    }
    if (isUp === (entry.downMs === undefined)) return;
    entry.downMs = isUp ? undefined : nowMs;
    if (isUp) return;
    entry.penalty = Math.min(MAX_PENALTY, penaltyAt(entry, nowMs) + 1);
    entry.penaltyMs = nowMs;
    if (entry.penalty > DAMP_ABOVE) entry.isDamped = true;
  }

  forget(node: string): void {
    this.#entries.delete(node);
  }

  /** undefined: it is up, or nothing is known. */
  downSinceMs(node: string): number | undefined {
    return this.#entries.get(node)?.downMs;
  }

  /** Milliseconds until the node is free of damping; undefined: it is not damped. */
  dampedForMs(node: string, nowMs: number): number | undefined {
    const entry = this.#entries.get(node);
    if (!entry?.isDamped) return undefined;
    const leftMs = HALF_LIFE_MS * Math.log2(penaltyAt(entry, nowMs) / FREE_BELOW);
    if (leftMs > 0) return leftMs;
    entry.isDamped = false;
    return undefined;
  }

  /** When each node that is down was lost, and how many are up. */
  census(): { lostMs: number[]; up: number } {
    const lostMs = [...this.#entries.values()].flatMap(({ downMs }) => downMs ?? []);
    return { lostMs, up: this.#entries.size - lostMs.length };
  }

  names(): string[] {
    return [...this.#entries.keys()];
  }
}

function penaltyAt({ penalty, penaltyMs }: Entry, nowMs: number): number {
  return penalty * 2 ** (-(nowMs - penaltyMs) / HALF_LIFE_MS);
}
