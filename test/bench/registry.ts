/** The list of benches: one file each, loaded only when asked for, so that none weighs on another's memory or breaks it. */
import type { Bench } from './bench.ts';

export const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  broker: async () => (await import('./broker.ts')).brokerBench,
  cli: async () => (await import('./cli.ts')).cliBench,
  dns: async () => (await import('./dns.ts')).dns,
  memory: async () => (await import('./memory.ts')).memory,
  network: async () => (await import('./network.ts')).network,
  node: async () => (await import('./node.ts')).node,
  recovery: async () => (await import('./recovery.ts')).recovery,
  scheduler: async () => (await import('./scheduler.ts')).scheduler,
  store: async () => (await import('./store.ts')).storeBench,
};
