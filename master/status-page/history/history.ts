/**
 * What is remembered of the boards, in memory only: some 13 KB a board, of so many boards and no more. Nothing is written to
 * the disk: after a start of the master the bars begin with what the nodes' conditions tell.
 */
import type { TrendView, UptimeView } from '../views/view-types.ts';
import { Ring, type Sample, SERIES, type Series, SLOT_MS, SLOTS } from './ring.ts';
import { computeTrend, TREND_SLOTS, thin } from './trend.ts';
import { Uptime } from './uptime.ts';
import { Wear } from './wear.ts';

/** Further boards have no history: 13 MB are enough. */
export const MAX_BOARDS = 1_000;

/** Of the small picture on a tile: two minutes a point. */
const PICTURE_SLOTS = 120;
const PICTURE_STEP = 4;

interface Memory {
  ring: Ring;
  uptime: Uptime;
  wear: Wear;
  state?: { isUp: boolean; sinceMs: number };
}

export interface BoardHistory {
  /** Start of the first slot. */
  startMs: number;
  stepMs: number;
  series: Record<Series, (number | null)[]>;
}

export class History {
  readonly #boards = new Map<string, Memory>();

  addSample(board: string, atMs: number, sample: Sample & { diskWrittenBytes?: number }): void {
    const memory = this.#memoryOf(board);
    memory?.ring.add(atMs, sample);
    if (sample.diskWrittenBytes !== undefined) memory?.wear.add(atMs, sample.diskWrittenBytes);
  }

  /**
   * The board is there, or not, now. `sinceMs` is when that began as far as is known: what lies between it and the last
   * word is counted so, once.
   */
  setState(board: string, nowMs: number, { isUp, sinceMs }: { isUp: boolean; sinceMs: number }): void {
    const memory = this.#memoryOf(board);
    if (memory === undefined) return;
    const { state } = memory;
    const startMs = Math.min(Math.max(sinceMs, state?.sinceMs ?? 0), nowMs);
    if (state === undefined) memory.uptime.add(startMs, nowMs, isUp);
    else if (state.isUp === isUp) memory.uptime.add(state.sinceMs, nowMs, isUp);
    else {
      memory.uptime.add(state.sinceMs, startMs, state.isUp);
      memory.uptime.add(startMs, nowMs, isUp);
    }
    memory.state = { isUp, sinceMs: Math.max(nowMs, state?.sinceMs ?? 0) };
  }

  forget(board: string): void {
    this.#boards.delete(board);
  }

  trend(board: string, nowMs: number): TrendView | undefined {
    const memory = this.#boards.get(board);
    if (memory === undefined) return undefined;
    return {
      ...computeTrend(memory.ring.read('celsius', nowMs, TREND_SLOTS)),
      celsius: thin(
        memory.ring.read('celsius', nowMs - (nowMs % (SLOT_MS * PICTURE_STEP)) - 1, PICTURE_SLOTS),
        PICTURE_STEP,
      ),
      writtenPerDayBytes: memory.wear.bytesPerDay(),
    };
  }

  uptime(board: string, nowMs: number): UptimeView | undefined {
    return this.#boards.get(board)?.uptime.view(nowMs);
  }

  read(board: string, nowMs: number): BoardHistory | undefined {
    const memory = this.#boards.get(board);
    if (memory === undefined) return undefined;
    const series = SERIES.map((name): [Series, (number | null)[]] => [name, memory.ring.read(name, nowMs)]);
    return {
      startMs: (Math.floor(nowMs / SLOT_MS) - SLOTS + 1) * SLOT_MS,
      stepMs: SLOT_MS,
      series: Object.fromEntries(series) as Record<Series, (number | null)[]>,
    };
  }

  #memoryOf(board: string): Memory | undefined {
    const known = this.#boards.get(board);
    if (known !== undefined || this.#boards.size >= MAX_BOARDS) return known;
    const memory = { ring: new Ring(), uptime: new Uptime(), wear: new Wear() };
    this.#boards.set(board, memory);
    return memory;
  }
}
