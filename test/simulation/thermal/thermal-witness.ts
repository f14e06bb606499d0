/** Named properties of heat protection, looked at from outside while a seed runs; each complaint says when. */
import { SYSTEM_PRIORITY } from '../../../master/controllers/heat/candidates.ts';
import type { HeatMove } from '../../../master/controllers/heat/moves.ts';
import { type SimulatedPod, STEP_MS, type ThermalWorld, type Witness } from './thermal-world.ts';

export interface Move {
  atMs: number;
  type: 'move' | 'shed';
  from: string;
  workload: string;
}

/** A replacement must have a place within this time: the cluster could take it. */
const PLACE_LIMIT_MS = 60_000;

/** In the weather that stays, the cluster must come to rest: nothing may happen in the last of it. */
const QUIET_MS = 3 * 3_600_000;

/** More journeys of pods of one workload in hours of wild weather are no protection but a nuisance. */
const MAX_MOVES_A_POD = 12;

export class ThermalWitness implements Witness {
  readonly complaints: string[] = [];
  readonly moves: Move[] = [];
  readonly taintChanges: { atMs: number; node: string }[] = [];
  /** Workload → replacements that need a place, and since when. */
  readonly #homeless = new Map<string, number>();

  onMove(world: ThermalWorld, move: HeatMove): void {
    const one = world.pods.get(move.candidate.pod.metadata.uid);
    if (one === undefined) return;
    const from = move.board.node.metadata.name;
    this.#check(world, 'a pod is moved only from a board that is hot', isHot(world, move));
    this.#check(world, 'the least important pod goes first', !hasLesser(world, one, from));
    this.#check(world, 'pods of the cluster and of the board stay', isMovable(one));
    this.#check(world, 'one board is relieved step by step', this.#isSettled(world, from));
    this.#check(world, 'the cluster moves one pod at a time', this.#homeless.size === 0);
    this.#check(world, 'a replacement stays where it is for a while', !this.#isReplacement(world, one));
    this.#check(
      world,
      'budgets are respected',
      world.availableOf(one.workload) > one.workload.minAvailable || one.workload.minAvailable === 0,
    );
    if (move.type === 'shed') this.#checkShed(world, one, from);
    else this.#homeless.set(one.workload.name, world.nowMs);
    this.moves.push({ atMs: world.nowMs, type: move.type, from, workload: one.workload.name });
  }

  onTaints(world: ThermalWorld, node: string): void {
    this.taintChanges.push({ atMs: world.nowMs, node });
  }

  afterStep(world: ThermalWorld): void {
    for (const [name, sinceMs] of this.#homeless) {
      const isHoused = world.plan.workloads.every(
        (workload) => workload.name !== name || world.podsOf(workload).filter(isHomeless).length <= this.#shedOf(name),
      );
      if (isHoused) this.#homeless.delete(name);
      else
        this.#check(
          world,
          `never more than the cluster can take: ${name} has no place`,
          world.nowMs - sinceMs < PLACE_LIMIT_MS,
        );
    }
    const { coldFromMs, endMs } = world.plan;
    if (world.nowMs + STEP_MS === coldFromMs) this.#checkRest(world);
    if (world.nowMs + STEP_MS === endMs) this.#checkRecovery(world);
  }

  #checkShed(world: ThermalWorld, one: SimulatedPod, from: string): void {
    const isFree = [...world.nodes.values()].some(({ spec }) => (spec.taints ?? []).length === 0);
    this.#check(world, 'pods are given up only where it is warm everywhere', !isFree);
    const { priority } = one.workload;
    const others = world.podsOn(from).filter(({ workload }) => workload.priority < SYSTEM_PRIORITY);
    const isLess = priority < 0 || others.some(({ workload }) => workload.priority > priority);
    this.#check(world, 'pods are given up only for more important ones', isLess);
  }

  #checkRest(world: ThermalWorld): void {
    const sinceMs = world.nowMs - QUIET_MS;
    const moves = this.moves.filter(({ atMs }) => atMs > sinceMs);
    this.#check(world, `no oscillation of pods: ${moves.length} late moves`, moves.length === 0);
    // A board that stays a hair below its limit is pushed over it once, by the noise of its sensor, however late.
    const late = Map.groupBy(
      this.taintChanges.filter(({ atMs }) => atMs > sinceMs),
      ({ node }) => node,
    );
    const swinging = [...late.values()].filter((changes) => changes.length > 1);
    this.#check(world, `no oscillation of taints: ${swinging.map(describe)}`, swinging.length === 0);
    for (const workload of world.plan.workloads) {
      const count = this.moves.filter((move) => move.workload === workload.name).length;
      const limit = MAX_MOVES_A_POD * workload.replicas;
      this.#check(world, `pods of ${workload.name} travelled ${count} times`, count <= limit);
    }
    for (const name of world.boards.keys()) this.#checkHelped(world, name);
  }

  /** A board that is still too hot has no pod that another board could obviously have. */
  #checkHelped(world: ThermalWorld, name: string): void {
    const board = world.state().boards.find(({ node }) => node.metadata.name === name);
    if (board?.heat.level !== 'hot') return;
    const helpable = world.podsOn(name).filter((one) => isMovable(one) && hasObviousRefuge(world, one, name));
    this.#check(
      world,
      `${name} stays hot though ${helpable.map(({ pod }) => pod.metadata.name)} could leave`,
      helpable.length === 0,
    );
  }

  #checkRecovery(world: ThermalWorld): void {
    for (const { metadata, spec } of world.nodes.values()) {
      this.#check(world, `${metadata.name} is free when it is cold`, (spec.taints ?? []).length === 0);
    }
  }

  #isSettled({ nowMs, ledger }: ThermalWorld, from: string): boolean {
    const last = this.moves.findLast((move) => move.from === from);
    return last === undefined || nowMs - last.atMs >= ledger.settings.settleMs;
  }

  #isReplacement({ nowMs, ledger }: ThermalWorld, { createdMs, workload }: SimulatedPod): boolean {
    const { podRestMs } = ledger.settings;
    return this.moves.some(
      (move) => move.workload === workload.name && move.atMs === createdMs && nowMs - createdMs < podRestMs,
    );
  }

  #shedOf(workload: string): number {
    return this.moves.filter((move) => move.workload === workload && move.type === 'shed').length;
  }

  #check({ nowMs }: ThermalWorld, property: string, holds: boolean): void {
    if (!holds) this.complaints.push(`after ${(nowMs / 60_000).toFixed(1)} min: ${property}`);
  }
}

function isHot({ boards }: ThermalWorld, { board }: HeatMove): boolean {
  const celsius = boards.get(board.node.metadata.name)?.celsius ?? 0;
  // What it told last may be two degrees, a tremble and the hysteresis away from what it is.
  return celsius >= board.limits.hardCelsius - 8;
}

function isMovable({ workload }: SimulatedPod): boolean {
  return workload.kind === 'ReplicaSet' && workload.priority < SYSTEM_PRIORITY;
}

/** One that is less important, and fits wherever the other one does. */
function hasLesser(world: ThermalWorld, one: SimulatedPod, from: string): boolean {
  const { nowMs, ledger } = world;
  const refused = ledger.refusedUntilMs(nowMs);
  const resting = ledger.resting(nowMs);
  return world.podsOn(from).some(({ pod, workload }) => {
    const rest = resting.get(workload.name);
    const mayGo = !refused.has(pod.metadata.uid) && (rest === undefined || rest.older.has(pod.metadata.uid));
    const isSmaller =
      workload.requestMillis <= one.workload.requestMillis && workload.usageMillis * 1.3 < one.workload.usageMillis;
    return (
      mayGo &&
      isSmaller &&
      isMovable({ pod, workload, createdMs: 0, boundMs: 0 }) &&
      workload.priority < one.workload.priority
    );
  });
}

function isHomeless({ boundMs }: SimulatedPod): boolean {
  return boundMs === undefined;
}

/** By the true bodies of the boards, and with much room to spare. */
function hasObviousRefuge(world: ThermalWorld, { workload }: SimulatedPod, from: string): boolean {
  if (workload.minAvailable > 0) return false;
  return [...world.boards].some(([name, board]) => {
    const node = world.nodes.get(name);
    const there = world.podsOn(name);
    const requested = there.reduce((sum, one) => sum + one.workload.requestMillis, workload.requestMillis);
    const used = there.reduce((sum, one) => sum + one.workload.usageMillis, 0);
    const isFree = (node?.spec.taints ?? []).length === 0 && requested <= board.body.cpus * 1000;
    const settled = board.equilibriumCelsius(used, world.ambientCelsius);
    return name !== from && isFree && board.body.hasSensor && settled + 25 * (workload.usageMillis / 4_000) < 72 - 8;
  });
}

function describe(changes: readonly { node: string }[]): string {
  return `${changes[0]?.node} changes ${changes.length} times`;
}
