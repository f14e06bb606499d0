/** The memory and the processor time of this process (adapter: V8's collector, which --expose-gc makes known, and getrusage). */
import type { Clock } from './clock.ts';
import type { Component } from './lifecycle.ts';
import { MemoryKeeper } from './memory-keeper.ts';

/** To look through more of it would stop the process for too long: a second for as much on a small board. */
const MAX_HEAP_BYTES = 64 * 1024 * 1024;

/** Keeps this process small; nothing when it was started without --expose-gc. */
export function createMemoryKeeper(clock: Clock): Component[] {
  const { gc } = globalThis;
  if (gc === undefined) return [];
  const keeper = new MemoryKeeper({
    clock,
    usedCpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    // What V8 does before it gives up: only so it gives pages back, and forgets code that has not run for long.
    collect: () => {
      if (process.memoryUsage().heapUsed > MAX_HEAP_BYTES) return;
      gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    },
  });
  return [keeper];
}
