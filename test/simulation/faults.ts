/** What happens to boards in the field, chosen by the seed. Each fault is one thing; it stays until another ends it. */

import type { Write } from '../../master/store/store.ts';
import { nextInt, type Random } from '../../shared/platform/random.ts';
import type { SimulatedBoard } from './simulated-board.ts';
import type { World } from './world.ts';

const DARK_MS = 2_000;

type Fault = (world: World) => void;

/** More likely ones stand more often. */
const FAULTS: readonly Fault[] = [
  crashContainer,
  crashContainer,
  killAgent,
  startAgent,
  startAgent,
  cutPower,
  switchOff,
  partition,
  heal,
  heal,
  resetLink,
  engineDown,
  engineUp,
  engineUp,
  restartEngine,
  damageCard,
  failCard,
  mendCards,
  mendCards,
  killMaster,
  killMasterAtWork,
  killMasterAtWork,
  goDark,
  startMaster,
  startMaster,
  startMaster,
  jumpClock,
  jumpClockFar,
  badNetwork,
  goodNetwork,
  heatWave,
  coolDown,
];

export function randomFault(world: World): void {
  const fault = FAULTS[nextInt(world.random, FAULTS.length)];
  fault?.(world);
}

/** The sun, a fan that fails: warm enough for the taint, or hot enough for pods to be moved. */
function heatWave(world: World): void {
  const board = anyBoard(world);
  board.heatCelsius = 15 + nextInt(world.random, 30);
  world.note(`${board.name} gets ${board.heatCelsius} °C warmer`);
}

function coolDown(world: World): void {
  world.note('the air is cool');
  for (const board of world.boards) board.heatCelsius = 0;
}

function crashContainer(world: World): void {
  const board = anyBoard(world);
  const ids = board.runtime.running().map((container) => container.id);
  const id = ids[nextInt(world.random, ids.length)];
  if (id === undefined) return;
  world.note(`crash ${id} on ${board.name}`);
  board.runtime.crash(id, 1);
}

function killAgent(world: World): void {
  const board = anyBoard(world);
  world.note(`kill agent of ${board.name}`);
  board.killAgent();
}

function startAgent(world: World): void {
  for (const board of world.boards.filter((candidate) => !candidate.agentRuns)) {
    world.note(`start agent of ${board.name}`);
    void board.startAgent();
  }
}

function cutPower(world: World): void {
  const board = anyBoard(world);
  world.note(`cut power of ${board.name}`);
  board.cutPower();
}

/** Somebody shuts it down as one should. */
function switchOff(world: World): void {
  const board = anyBoard(world);
  world.note(`switch ${board.name} off`);
  board.switchOff();
}

function partition(world: World): void {
  const board = anyBoard(world);
  world.note(`silence ${board.name}`);
  board.session?.partition();
}

function heal(world: World): void {
  world.note('heal all links');
  for (const board of world.boards) board.session?.heal();
}

function resetLink(world: World): void {
  const board = anyBoard(world);
  world.note(`reset link of ${board.name}`);
  board.session?.cut();
}

function engineDown(world: World): void {
  const board = anyBoard(world);
  world.note(`engine of ${board.name} down`);
  board.runtime.setAvailable(false);
}

function engineUp(world: World): void {
  world.note('all engines up');
  for (const board of world.boards) board.runtime.setAvailable(true);
}

function restartEngine(world: World): void {
  const board = anyBoard(world);
  world.note(`restart engine of ${board.name}`);
  board.restartEngine();
}

function damageCard(world: World): void {
  const board = anyBoard(world);
  world.note(`bad spot on the card of ${board.name}`);
  board.damageCard((count) => nextInt(world.random, count));
}

function failCard(world: World): void {
  const board = anyBoard(world);
  world.note(`card of ${board.name} fails`);
  board.failCard('input/output error');
}

function mendCards(world: World): void {
  world.note('all cards work');
  for (const board of world.boards) board.failCard(undefined);
}

function killMaster(world: World): void {
  world.note('kill master');
  world.master.kill();
}

/** What controllers write in several steps. */
const STEPS = ['', 'pods', 'jobs', 'replicasets', 'controllerrevisions', 'persistentvolumeclaims'] as const;

function killMasterAtWork(world: World): void {
  const resource = STEPS[nextInt(world.random, STEPS.length)] ?? '';
  const writes = 1 + nextInt(world.random, resource === '' ? 15 : 3);
  world.note(`kill master after ${writes} writes ${resource}`);
  world.master.killAfter(writes, ({ key }) => key.includes(`/${resource}`));
}

/** The whole house, in the moment in which the end of a pod was stored. Boards are back before the master is. */
function goDark(world: World): void {
  world.note('the house goes dark when a pod has ended');
  world.master.killAfter(1, isEndOfPod, () => {
    for (const board of world.boards) board.cutPower();
    world.clock.after(DARK_MS, () => startAgent(world));
  });
}

function isEndOfPod({ key, value }: Write): boolean {
  return key.includes('/pods/') && (value === undefined || /"phase":"(Failed|Succeeded)"/.test(value));
}

function startMaster(world: World): void {
  if (world.master.runs) return;
  world.note('start master');
  void world.master.start();
}

/** NTP finds out that the board was wrong, by up to an hour in either direction. */
function jumpClock(world: World): void {
  const ms = nextInt(world.random, 7_200_000) - 3_600_000;
  world.note(`clock jumps by ${ms} ms`);
  world.clock.jumpWallClock(ms);
}

/** A battery of a clock has failed, or the time comes at last: years are wrong, then right again. */
function jumpClockFar(world: World): void {
  const days = nextInt(world.random, 800) - 400;
  world.note(`clock jumps by ${days} days`);
  world.clock.jumpWallClock(days * 86_400_000);
}

function badNetwork(world: World): void {
  world.note('network turns bad');
  Object.assign(world.broker.faults, { lossRate: 0.05, duplicateRate: 0.05, maxDelayMs: 500 });
}

function goodNetwork(world: World): void {
  world.note('network turns good');
  Object.assign(world.broker.faults, { lossRate: 0, duplicateRate: 0, maxDelayMs: 30 });
}

function anyBoard({ boards, random }: { boards: readonly SimulatedBoard[]; random: Random }): SimulatedBoard {
  const board = boards[nextInt(random, boards.length)];
  if (board === undefined) throw new Error('a cluster has boards');
  return board;
}
