/**
 * `npm run sim`: a thousand seeds of random clusters and workloads under faults, on all cores, and what went wrong.
 * `npm run sim -- --seed N [--count M] [--minutes M] [--nodes N] [--jobs N]`; with `--trace` or `--log` one seed is told
 * line by line. With `--heat` boards that get warm are simulated instead, hours of weather each. Each seed has a cluster of its own size unless `--nodes` says otherwise.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { systemClock } from '../../shared/platform/clock.ts';
import { createLogger } from '../../shared/platform/logger.ts';
import { runSeeds, type SeedRun } from './run-seeds.ts';
import { nodesOf, simulate } from './simulation.ts';
import { runThermal } from './thermal/run-thermal.ts';

const DEFAULT_COUNT = 1_000;
/** A line of progress after so many seeds. */
const PROGRESS_SEEDS = 50;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string' },
    minutes: { type: 'string', default: '5' },
    nodes: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    trace: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
    heat: { type: 'boolean', default: false },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const first = Number(values.seed ?? 1);
// A seed that is named is wanted alone.
const count = Number(values.count ?? (values.seed === undefined ? DEFAULT_COUNT : 1));
const minutes = Number(values.minutes);
const nodes = values.nodes === undefined ? undefined : Number(values.nodes);
const runs = Array.from({ length: count }, (_, index): SeedRun => {
  const seed = first + index;
  return { seed, minutes, nodes: nodes ?? nodesOf(seed) };
});

const startMs = systemClock.monotonicMs();
const elapsed = (): string => `${((systemClock.monotonicMs() - startMs) / 1000).toFixed(0)} s`;
let done = 0;
let failures = 0;

function report(run: SeedRun, complaints: readonly string[]): void {
  done += 1;
  if (complaints.length > 0) {
    failures += 1;
    const { seed } = run;
    const rest = values.heat ? '--heat' : `--minutes ${run.minutes} --nodes ${run.nodes} --trace`;
    const again = `npm run sim -- --seed ${seed} ${rest}`;
    print(`seed ${seed} failed; again: ${again}`);
    for (const complaint of complaints) print(`  ${complaint}`);
  }
  if (done % PROGRESS_SEEDS === 0 && done < count) print(`${done} of ${count} seeds, ${failures} failed, ${elapsed()}`);
}

if (values.heat) {
  for (const run of runs) report(run, runThermal(run.seed).complaints);
} else if (values.trace || values.log) {
  const logger = createLogger({ level: 'debug', format: 'text', clock: systemClock, write: print });
  for (const run of runs) {
    const { complaints } = await simulate({
      ...run,
      ...(values.trace ? { onLine: print } : {}),
      ...(values.log ? { logger } : {}),
    });
    report(run, complaints);
  }
} else {
  await runSeeds(runs, { jobs: Number(values.jobs), onResult: report });
}
print(`${count} seeds of ${minutes} minutes, ${failures} failed, ${elapsed()}`);
process.exitCode = failures === 0 ? 0 : 1;
