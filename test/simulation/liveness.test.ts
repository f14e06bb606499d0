/**
 * How soon the master knows that a board is lost, in virtual time and so to the millisecond: a process that dies, and a cable
 * that is pulled. The worst of many moments is printed and judged.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NodeKind } from '../../shared/api/node.ts';
import { isConditionTrue } from '../../shared/machinery/conditions.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { nextInt, seededRandom } from '../../shared/platform/random.ts';
import { createMemoryBroker } from '../support/memory-broker.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { SimulatedBoard } from './simulated-board.ts';
import { SimulatedMaster } from './simulated-master.ts';
import { planOfTask } from './task-plans.ts';

const MOMENTS = 8;
const STEP_MS = 20;
const LIMIT_MS = 60_000;

const LOSSES = [
  { what: 'a process that dies', boundMs: 2_000, lose: (board: SimulatedBoard) => board.killAgent() },
  { what: 'a board that falls silent', boundMs: 10_000, lose: (board: SimulatedBoard) => board.session?.partition() },
];

for (const { what, boundMs, lose } of LOSSES) {
  test(`${what} is known to be lost within ${boundMs / 1000} s`, async (context) => {
    const noticedMs: number[] = [];
    for (let seed = 1; seed <= MOMENTS; seed += 1) noticedMs.push(await measure(seed, lose));
    const worstMs = Math.max(...noticedMs);
    context.diagnostic(`${what}: not ready after ${worstMs} ms at the worst of ${MOMENTS} moments`);
    assert.ok(worstMs <= boundMs, `${worstMs} ms`);
  });
}

async function measure(seed: number, lose: (board: SimulatedBoard) => void): Promise<number> {
  const clock = createVirtualClock();
  const random = seededRandom(seed);
  const faults = { minDelayMs: 1, maxDelayMs: 30 };
  const broker = createMemoryBroker({ clock, random: seededRandom(random.nextUint32()), faults });
  const base = { clock, logger: silentLogger, broker };
  const master = new SimulatedMaster({ ...base, random: seededRandom(random.nextUint32()), onWrite: () => undefined });
  const boards = [1, 2, 3].map((index) => {
    const own = { name: `board-${index}`, index, random: seededRandom(random.nextUint32()) };
    return new SimulatedBoard({ ...base, ...own, planOf: planOfTask, onStart: () => undefined });
  });
  const [lost] = boards;
  const isReady = async (): Promise<boolean> => {
    const asked = master.client?.get(NodeKind, { name: 'board-1' });
    await clock.settle();
    return isConditionTrue((await asked)?.status.conditions, 'Ready');
  };
  void master.start();
  await clock.advance(100);
  for (const board of boards) void board.startAgent();
  // Past the time in which a new master waits for its boards, at any moment between two keep-alives.
  await clock.advance(30_000 + nextInt(random, 10_000));
  assert.ok(await isReady());
  if (lost !== undefined) lose(lost);
  let passedMs = 0;
  while ((await isReady()) && passedMs < LIMIT_MS) {
    await clock.advance(STEP_MS);
    passedMs += STEP_MS;
  }
  for (const board of boards) board.killAgent();
  master.kill();
  return passedMs;
}
