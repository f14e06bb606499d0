/** One worker of `npm run sim`: runs the seeds that it is sent. A seed that throws is one that went wrong. */
import { parentPort } from 'node:worker_threads';
import type { SeedResult, SeedRun } from './run-seeds.ts';
import { simulate } from './simulation.ts';

parentPort?.on('message', async (run: SeedRun) => {
  const complaints = await complaintsOf(run);
  parentPort?.postMessage({ run, complaints } satisfies SeedResult);
});

async function complaintsOf(run: SeedRun): Promise<string[]> {
  try {
    return (await simulate(run)).complaints;
  } catch (error) {
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
}
