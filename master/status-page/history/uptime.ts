/**
 * How much of each half hour of the last week a board was there, and how much of it is known, in a fixed piece of memory.
 * Invariant: a span of time is counted once, as up or as down.
 */
import type { UptimeView } from '../views/view-types.ts';

export const UPTIME_SLOT_MS = 1_800_000;

/** A week. */
export const UPTIME_SLOTS = 336;

const DAY_SLOTS = 48;
const SLOTS_A_WEEK_BAR = 4;

export class Uptime {
  /** Seconds, by the number of the slot modulo the length. */
  readonly #up = new Uint16Array(UPTIME_SLOTS);
  readonly #known = new Uint16Array(UPTIME_SLOTS);
  #newest: number | undefined;

  /** Counts the time from `fromMs` to `toMs`; what is older than a week is left out. */
  add(fromMs: number, toMs: number, isUp: boolean): void {
    const last = Math.floor(toMs / UPTIME_SLOT_MS);
    this.#advance(last);
    const oldestMs = (last - UPTIME_SLOTS + 1) * UPTIME_SLOT_MS;
    for (let atMs = Math.max(fromMs, oldestMs); atMs < toMs; ) {
      const slot = Math.floor(atMs / UPTIME_SLOT_MS);
      const endMs = Math.min(toMs, (slot + 1) * UPTIME_SLOT_MS);
      const seconds = Math.round(endMs / 1000) - Math.round(atMs / 1000);
      this.#known[slot % UPTIME_SLOTS] = (this.#known[slot % UPTIME_SLOTS] ?? 0) + seconds;
      if (isUp) this.#up[slot % UPTIME_SLOTS] = (this.#up[slot % UPTIME_SLOTS] ?? 0) + seconds;
      atMs = endMs;
    }
  }

  view(nowMs: number): UptimeView {
    const last = Math.floor(nowMs / UPTIME_SLOT_MS);
    const day = this.#sums(last, DAY_SLOTS, 1);
    const week = this.#sums(last, UPTIME_SLOTS, SLOTS_A_WEEK_BAR);
    return {
      day: day.map(renderSlot).join(''),
      week: week.map(renderSlot).join(''),
      dayShare: shareOf(day),
      weekShare: shareOf(week),
    };
  }

  #sums(last: number, slots: number, group: number): Sum[] {
    return Array.from({ length: slots / group }, (_, bar) => {
      const sum = { up: 0, known: 0 };
      for (let each = 0; each < group; each += 1) {
        const slot = last - slots + 1 + bar * group + each;
        if (this.#newest === undefined || slot > this.#newest || slot <= this.#newest - UPTIME_SLOTS) continue;
        sum.up += this.#up[slot % UPTIME_SLOTS] ?? 0;
        sum.known += this.#known[slot % UPTIME_SLOTS] ?? 0;
      }
      return sum;
    });
  }

  #advance(slot: number): void {
    const from =
      this.#newest === undefined ? slot - UPTIME_SLOTS + 1 : Math.max(this.#newest + 1, slot - UPTIME_SLOTS + 1);
    for (let each = from; each <= slot; each += 1) {
      this.#up[each % UPTIME_SLOTS] = 0;
      this.#known[each % UPTIME_SLOTS] = 0;
    }
    this.#newest = Math.max(slot, this.#newest ?? slot);
  }
}

interface Sum {
  up: number;
  known: number;
}

/** Any time away shows: only a slot without it is a 9. */
function renderSlot({ up, known }: Sum): string {
  if (known === 0) return '-';
  return up >= known ? '9' : String(Math.min(8, Math.floor((up / known) * 9)));
}

/** To a tenth of a thousandth, so that it does not change with each look. */
function shareOf(sums: readonly Sum[]): number | undefined {
  const up = sums.reduce((total, sum) => total + sum.up, 0);
  const known = sums.reduce((total, sum) => total + sum.known, 0);
  return known === 0 ? undefined : Math.floor((up / known) * 10_000) / 10_000;
}
