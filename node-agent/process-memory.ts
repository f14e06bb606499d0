/** The memory and the processor time of this process (adapter: V8's collector, which --expose-gc makes known, and getrusage). */
import type { MemoryKeeperOptions } from './memory-keeper.ts';

/** undefined: this process was started without --expose-gc. */
export function createProcessMemory(): Pick<MemoryKeeperOptions, 'usedCpuMs' | 'collect'> | undefined {
  const { gc } = globalThis;
  if (gc === undefined) return undefined;
  return {
    usedCpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    // What V8 does before it gives up: only so it gives pages back, and forgets code that has not run for long.
    collect: () => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
  };
}
