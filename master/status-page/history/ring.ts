/**
 * The last hours of one board, in a fixed piece of memory: a slot each half minute, the oldest overwritten. Slots in which
 * nothing was heard read as null.
 */
export const SLOT_MS = 30_000;

/** 12 hours. */
export const SLOTS = 1_440;

export const SERIES = ['celsius', 'cpuPercent', 'memoryPercent', 'diskPercent'] as const;
export type Series = (typeof SERIES)[number];
export type Sample = Partial<Record<Series, number>>;

/** Kept in tenths, so that two bytes hold what matters. */
const SCALE = 10;
const UNKNOWN = -32_768;

export class Ring {
  readonly #values: Record<Series, Int16Array>;
  /** Number of the newest slot since the epoch; undefined: nothing yet. */
  #newest: number | undefined;

  constructor() {
    const empty = (): Int16Array => new Int16Array(SLOTS).fill(UNKNOWN);
    this.#values = { celsius: empty(), cpuPercent: empty(), memoryPercent: empty(), diskPercent: empty() };
  }

  /** Times that go back (a clock that was set) are ignored until they are ahead again, a long way back begins anew. */
  add(atMs: number, sample: Sample): void {
    const slot = Math.floor(atMs / SLOT_MS);
    if (this.#newest !== undefined && slot < this.#newest) {
      if (slot > this.#newest - SLOTS) return;
      this.#newest = undefined;
    }
    this.#blank(slot);
    this.#newest = slot;
    for (const series of SERIES) {
      const value = sample[series];
      if (value !== undefined)
        this.#values[series][slot % SLOTS] = Math.round(Math.min(Math.max(value, -200), 3_000) * SCALE);
    }
  }

  /** The slots from `count` before the one of `untilMs` up to that one, oldest first. */
  read(series: Series, untilMs: number, count = SLOTS): (number | null)[] {
    const last = Math.floor(untilMs / SLOT_MS);
    return Array.from({ length: count }, (_, index) => this.#at(series, last - count + 1 + index));
  }

  #at(series: Series, slot: number): number | null {
    if (this.#newest === undefined || slot > this.#newest || slot <= this.#newest - SLOTS) return null;
    const value = this.#values[series][slot % SLOTS] ?? UNKNOWN;
    return value === UNKNOWN ? null : value / SCALE;
  }

  /** What lies between the newest slot and this one was not heard; what was there is 12 hours old. */
  #blank(slot: number): void {
    const from = this.#newest === undefined ? slot - SLOTS + 1 : Math.max(this.#newest + 1, slot - SLOTS + 1);
    for (let each = from; each <= slot; each += 1) {
      for (const series of SERIES) this.#values[series][each % SLOTS] = UNKNOWN;
    }
  }
}
