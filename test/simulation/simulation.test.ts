/** A fixed share of the simulation, the same in every run: seeds in a row, and every seed that once showed a fault. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodesOf, simulate } from './simulation.ts';

/** `minutes` as found; what was wrong, in a few words. */
const PAST_FAULTS: readonly { seed: number; minutes: number; nodes: number; fault: string }[] = [
  { seed: 787, minutes: 2, nodes: 3, fault: 'a pod that its node ends is told to have failed while it still runs' },
  { seed: 590, minutes: 2, nodes: 4, fault: 'an index of a job starts again that has succeeded on a lost board' },
];

const SEEDS = 100;

/** The first ones go on for longer: what needs time to go wrong, and many beginnings. */
const minutesOf = (seed: number): number => (seed <= 25 ? 3 : 1);

test('the same seed gives the same trace', async () => {
  const [first, second] = [await simulate({ seed: 42, minutes: 2 }), await simulate({ seed: 42, minutes: 2 })];
  assert.equal(first.traceHash, second.traceHash);
  const other = await simulate({ seed: 43, minutes: 2 });
  assert.notEqual(first.traceHash, other.traceHash);
});

describe('seeds that once showed a fault', () => {
  for (const { seed, minutes, nodes, fault } of PAST_FAULTS) {
    test(`${fault} (seed ${seed})`, async () => {
      const { complaints } = await simulate({ seed, minutes, nodes });
      assert.deepEqual(complaints, [], again(seed, minutes, nodes));
    });
  }
});

test(`${SEEDS} seeds keep every property and converge`, async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const [nodes, minutes] = [nodesOf(seed), minutesOf(seed)];
    const { complaints } = await simulate({ seed, minutes, nodes });
    assert.deepEqual(complaints, [], again(seed, minutes, nodes));
  }
});

function again(seed: number, minutes: number, nodes: number): string {
  return `seed ${seed}; again: npm run sim -- --seed ${seed} --minutes ${minutes} --nodes ${nodes} --trace`;
}
