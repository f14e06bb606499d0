/**
 * `npm run bench -- NAME [--json]`: runs one bench and prints a table for people; with --json the last line on stdout is one
 * JSON object for machines. Exit code 0: it was measured (a missed goal is a figure, not a failure); 1: it failed; 2: usage.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../shared/platform/clock.ts';
import type { BenchResult } from './bench.ts';
import { BENCHES } from './registry.ts';
import { describeMachine } from './support/machine.ts';
import { renderTable } from './support/table.ts';

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function usage(): Promise<number> {
  print('usage: npm run bench -- NAME [--json]');
  for (const [name, load] of Object.entries(BENCHES)) print(`  ${name.padEnd(12)} ${(await load()).description}`);
  return 2;
}

async function measure(name: string, json: boolean): Promise<BenchResult> {
  const load = BENCHES[name];
  if (load === undefined) throw new Error(`there is no bench ${name}; without a name the benches are listed`);
  const directory = await mkdtemp(join(tmpdir(), `bramble-bench-${name}-`));
  const abort = new AbortController();
  const onInterrupt = (): void => abort.abort(new Error('interrupted'));
  process.once('SIGINT', onInterrupt);
  try {
    const bench = await load();
    const progress = (line: string): void => {
      process.stderr.write(`  ${line}\n`);
    };
    if (!json) print(bench.description);
    return await bench.run({ clock: systemClock, directory, signal: abort.signal, progress });
  } finally {
    process.off('SIGINT', onInterrupt);
    await rm(directory, { recursive: true, force: true });
  }
}

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const name = args.find((arg) => !arg.startsWith('-'));
  if (name === undefined) return usage();
  const result = await measure(name, json);
  const machine = describeMachine();
  print(renderTable({ machine, ...result }));
  if (json) print(JSON.stringify({ name, machine, figures: result.figures, goals: result.goals }));
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
