/** Programs of the test image in the contract's words, and how the suites on a real engine wait. */
import assert from 'node:assert/strict';
import { sleep, systemClock } from '../../shared/platform/clock.ts';
import { TEST_IMAGE } from '../support/docker.ts';
import type { Programs } from './runtime-contract.ts';

export const programs: Programs = {
  image: TEST_IMAGE,
  forever: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait; done'],
  print: (line, exitCode) => ['sh', '-c', `echo ${line}; exit ${exitCode}`],
  missing: ['/no/such/program'],
};

const POLL_MS = 20;
const DEADLINE_MS = 60_000;

export async function until(check: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonicMs() + DEADLINE_MS;
  while (!(await check())) {
    assert.ok(systemClock.monotonicMs() < deadline, 'the condition never held');
    await sleep(systemClock, POLL_MS);
  }
}
