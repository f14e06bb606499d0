/** Runs seeds side by side, each worker one at a time. Invariant: what a seed does never depends on which worker runs it. */
import { Worker } from 'node:worker_threads';

export interface SeedRun {
  seed: number;
  /** Virtual. */
  minutes: number;
  nodes: number;
}

export interface SeedResult {
  run: SeedRun;
  complaints: string[];
}

export interface RunOptions {
  /** Workers. */
  jobs: number;
  /** In the order in which they end. */
  onResult(run: SeedRun, complaints: readonly string[]): void;
}

export async function runSeeds(runs: readonly SeedRun[], { jobs, onResult }: RunOptions): Promise<void> {
  const waiting = runs.values();
  const workers = Math.max(1, Math.min(jobs, runs.length));
  await Promise.all(Array.from({ length: workers }, () => runWorker(waiting, onResult)));
}

function runWorker(waiting: Iterator<SeedRun>, onResult: RunOptions['onResult']): Promise<void> {
  const worker = new Worker(new URL('./seed-worker.ts', import.meta.url));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const next = (): void => {
    const run = waiting.next();
    if (run.done) void worker.terminate().then(() => resolve());
    else worker.postMessage(run.value);
  };
  worker.on('message', ({ run, complaints }: SeedResult) => {
    onResult(run, complaints);
    next();
  });
  worker.on('error', reject);
  next();
  return promise;
}
