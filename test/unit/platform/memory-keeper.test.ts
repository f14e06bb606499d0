import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MemoryKeeper } from '../../../shared/platform/memory-keeper.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const INTERVAL_MS = 3_000;

/** The times of collections, in intervals, of an agent that uses so much processor time in each interval. */
async function collectionsOf(workMs: readonly number[]): Promise<number[]> {
  const clock = createVirtualClock();
  const used = { cpuMs: 0 };
  const collections: number[] = [];
  const collect = (): void => {
    collections.push(clock.monotonicMs() / INTERVAL_MS);
    used.cpuMs += 500;
  };
  const keeper = new MemoryKeeper({ clock, usedCpuMs: () => used.cpuMs, collect });
  await keeper.start();
  for (const ms of workMs) {
    used.cpuMs += ms;
    await clock.advance(INTERVAL_MS);
  }
  await keeper.stop();
  used.cpuMs += 1_000;
  await clock.advance(10 * INTERVAL_MS);
  return collections;
}

const CASES: { title: string; workMs: number[]; collections: number[] }[] = [
  {
    title: 'once after the start, when it has been quiet for a while',
    workMs: [900, 400, 5, 5, 5, 5],
    collections: [5],
  },
  { title: 'never while there is work', workMs: [900, 900, 900, 900], collections: [] },
  { title: 'not after little work', workMs: [200, 5, 5, 5], collections: [] },
  { title: 'little work adds up', workMs: [200, 5, 200, 5, 200, 5, 5, 5], collections: [8] },
  { title: 'not between bursts that follow each other', workMs: [900, 5, 5, 900, 5, 5, 900], collections: [] },
  {
    title: 'an agent that only waits collects never',
    workMs: Array.from({ length: 1_000 }, () => 80),
    collections: [],
  },
  { title: 'once a burst; its own work is none', workMs: [900, 5, 5, 5, 900, 5, 5, 5, 5], collections: [4, 8] },
];

for (const { title, workMs, collections } of CASES) {
  it(`gives memory back: ${title}`, async () => {
    assert.deepEqual(await collectionsOf(workMs), collections);
  });
}
