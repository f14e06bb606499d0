/**
 * How long a person waits for the command line itself: from the launcher's start to its end, without a cluster. Beside kubectl,
 * in turns on the same machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ensureKubectl, ROOT } from '../support/kubectl.ts';
import { atMost, type Bench, type BenchContext } from './bench.ts';
import { median } from './support/statistics.ts';

const ROUNDS = 15;

/** Of the issue: a person does not notice less. */
const START_BOUND_MS = 250;

export const cliBench: Bench = {
  name: 'cli',
  description: 'How long bramble takes to start and end: help, and the help of one command; beside kubectl',
  async run(context) {
    const kubectl = await ensureKubectl();
    const bramble = join(ROOT, 'cli/bramble');
    const programs: Record<string, readonly [string, ...string[]]> = {
      startMs: [bramble, 'version', '--client'],
      helpMs: [bramble, 'help', 'get'],
      kubectlMs: [kubectl, 'version', '--client'],
    };
    const samples = new Map<string, number[]>(Object.keys(programs).map((name) => [name, []]));
    // The first start makes the bundle where it is missing.
    await time(context, programs['startMs'] ?? [bramble]);
    for (let round = 0; round < ROUNDS; round += 1) {
      context.progress(`round ${round + 1} of ${ROUNDS}`);
      for (const [name, command] of Object.entries(programs)) {
        samples.get(name)?.push(await time(context, command));
      }
    }
    const figures = Object.fromEntries([...samples].map(([name, list]) => [name, Math.round(median(list))] as const));
    return { figures, goals: { startMs: atMost(figures['startMs'] ?? Number.POSITIVE_INFINITY, START_BOUND_MS) } };
  },
};

async function time(
  { clock, signal }: BenchContext,
  [program, ...args]: readonly [string, ...string[]],
): Promise<number> {
  const startMs = clock.monotonicMs();
  const child = spawn(program, args, { stdio: 'ignore', signal });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  return clock.monotonicMs() - startMs;
}
