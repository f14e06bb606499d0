/**
 * A clock that stands still until it is told to go on. Timers fire in order of their time, then of their making, and all
 * promise work that a timer started is finished before the next one fires: the same calls give the same order.
 */
import type { Clock, Timer } from '../../shared/platform/clock.ts';

export interface VirtualClock extends Clock {
  /** Lets `ms` of virtual time go by, firing what falls due. */
  advance(ms: number): Promise<void>;
  /** Finishes all promise work that needs no time. */
  settle(): Promise<void>;
  /** The wall clock jumps; monotonic time does not. */
  jumpWallClock(ms: number): void;
  /** Monotonic time of the next timer; undefined when none is set. */
  nextTimerMs(): number | undefined;
}

interface Entry {
  dueMs: number;
  order: number;
  callback: () => void;
}

/** 2026-01-01T00:00:00Z */
const DEFAULT_START_MS = 1_767_225_600_000;

export function createVirtualClock(startMs = DEFAULT_START_MS): VirtualClock {
  const heap: Entry[] = [];
  let nowMs = 0;
  let offsetMs = startMs;
  let order = 0;

  const runDue = async (untilMs: number): Promise<void> => {
    for (let next = heap[0]; next !== undefined && next.dueMs <= untilMs; next = heap[0]) {
      popHeap(heap);
      nowMs = Math.max(nowMs, next.dueMs);
      next.callback();
      await settle();
    }
  };
  return {
    nowMs: () => offsetMs + nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, callback): Timer {
      const entry: Entry = { dueMs: nowMs + Math.max(0, delayMs), order: order++, callback };
      pushHeap(heap, entry);
      return {
        cancel: () => {
          entry.callback = nothing;
        },
      };
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      await runDue(untilMs);
      nowMs = untilMs;
    },
    settle,
    jumpWallClock(ms) {
      offsetMs += ms;
    },
    nextTimerMs: () => heap[0]?.dueMs,
  };
}

const nothing = (): void => undefined;

/** One turn of the event loop: every promise callback that can run without I/O has run afterwards. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function before(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

function pushHeap(heap: Entry[], entry: Entry): void {
  heap.push(entry);
  let index = heap.length - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!swapIfBefore(heap, index, parent)) return;
    index = parent;
  }
}

function popHeap(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  let index = 0;
  for (;;) {
    const left = 2 * index + 1;
    const child = smallerChild(heap, left);
    if (child === undefined || !swapIfBefore(heap, child, index)) return;
    index = child;
  }
}

function smallerChild(heap: Entry[], left: number): number | undefined {
  const [a, b] = [heap[left], heap[left + 1]];
  if (a === undefined) return undefined;
  return b !== undefined && before(b, a) ? left + 1 : left;
}

/** Swaps the entries when that at `index` comes before that at `other`. */
function swapIfBefore(heap: Entry[], index: number, other: number): boolean {
  const [a, b] = [heap[index], heap[other]];
  if (a === undefined || b === undefined || !before(a, b)) return false;
  heap[index] = b;
  heap[other] = a;
  return true;
}
