/**
 * Pods a second through the real store and the real API handler, for three sizes of cluster; and the same with pods that ask
 * for spreading or for distance, which plain pods must not pay for.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atLeast, type Bench, type BenchContext, type BenchResult } from './bench.ts';
import type { PodFlavour } from './scheduler/cluster.ts';
import { startChild } from './support/child.ts';

interface Case {
  name: string;
  nodes: number;
  pods: number;
  flavour: PodFlavour;
  /** Pods a second to reach. */
  bound?: number;
}

const CASES: readonly Case[] = [
  { name: 'nodes100', nodes: 100, pods: 1_000, flavour: 'plain' },
  { name: 'nodes1000', nodes: 1_000, pods: 10_000, flavour: 'plain', bound: 1_500 },
  { name: 'nodes5000', nodes: 5_000, pods: 20_000, flavour: 'plain', bound: 810 },
  { name: 'nodes1000spread', nodes: 1_000, pods: 10_000, flavour: 'spread' },
  { name: 'nodes1000antiAffinity', nodes: 1_000, pods: 10_000, flavour: 'anti-affinity' },
];

const PROGRAM = fileURLToPath(new URL('./scheduler/main.ts', import.meta.url));
const TIMEOUT_MS = 300_000;

export const scheduler: Bench = {
  name: 'scheduler',
  description: 'Pods a second through store and API handler at 100, 1,000 and 5,000 boards, time per decision, memory',
  async run(context) {
    const result: BenchResult = { figures: {}, goals: {} };
    for (const one of CASES) {
      context.signal.throwIfAborted();
      context.progress(`${one.pods} ${one.flavour} pods on ${one.nodes} boards`);
      const figures = await runCase(context, one);
      for (const [name, value] of Object.entries(figures)) result.figures[`${one.name}.${name}`] = value;
      const { bound } = one;
      const figure = `${one.name}.podsPerSecond`;
      if (bound !== undefined) result.goals[figure] = atLeast(figures['podsPerSecond'] ?? Number.NaN, bound);
    }
    return result;
  },
};

async function runCase(context: BenchContext, { name, nodes, pods, flavour }: Case): Promise<Record<string, number>> {
  const directory = join(context.directory, name);
  await mkdir(directory);
  const size = ['--nodes', String(nodes), '--pods', String(pods), '--flavour', flavour, '--directory', directory];
  const child = await startChild({
    clock: context.clock,
    command: process.execPath,
    args: [PROGRAM, ...size],
    ready: /^RESULT (.*)$/m,
    timeoutMs: TIMEOUT_MS,
  });
  await child.stop();
  const figures: Record<string, number> = JSON.parse(child.readyMatch?.[1] ?? '{}');
  return figures;
}
