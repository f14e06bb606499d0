/**
 * A cluster of boards that get warm, in virtual time: heat protection's real ledger and plan, the scheduler's real cache and
 * decisions, and a ReplicaSet in a few lines. A seed gives hours of a cluster in a fraction of a second.
 */

import { cpuMillisOf, HeatLedger } from '../../../master/controllers/heat/heat-ledger.ts';
import type { BoardState, HeatState } from '../../../master/controllers/heat/heat-state.ts';
import type { HeatMove } from '../../../master/controllers/heat/moves.ts';
import type { HeatAction } from '../../../master/controllers/heat/plan.ts';
import { computeHeatPlan } from '../../../master/controllers/heat/plan.ts';
import { DEFAULT_HEAT_SETTINGS } from '../../../master/controllers/heat/settings.ts';
import { Cache } from '../../../master/scheduler/cache.ts';
import { computeDecision } from '../../../master/scheduler/decision.ts';
import { computePodInfo } from '../../../master/scheduler/pod-info.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { setCondition } from '../../../shared/machinery/conditions.ts';
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { nextFloat, type Random, seededRandom } from '../../../shared/platform/random.ts';
import { makeNode, makePod } from '../../unit/scheduler/cluster.ts';
import { ThermalBoard } from './thermal-board.ts';
import { createThermalPlan, type ThermalPlan, type Workload } from './thermal-plan.ts';

export interface SimulatedPod {
  pod: Pod;
  workload: Workload;
  createdMs: number;
  /** Since when it has a node. */
  boundMs: number | undefined;
}

/** Hears what happens, with the world as it was just before. */
export interface Witness {
  onMove(world: ThermalWorld, move: HeatMove): void;
  onTaints(world: ThermalWorld, node: string, isWarm: boolean): void;
  afterStep(world: ThermalWorld): void;
}

export const STEP_MS = 10_000;
const READY_MS = 10_000;
const REFUSED_MS = 60_000;
const RETRY_MS = 60_000;
const START_WALL_MS = Date.parse('2026-07-01T00:00:00Z');

export class ThermalWorld {
  readonly plan: ThermalPlan;
  readonly boards = new Map<string, ThermalBoard>();
  readonly nodes = new Map<string, Node>();
  readonly pods = new Map<string, SimulatedPod>();
  readonly ledger = new HeatLedger(DEFAULT_HEAT_SETTINGS, 0);
  nowMs = 0;
  readonly #cache = new Cache();
  readonly #random: Random;
  readonly #witness: Witness;
  #created = 0;
  #start = 0;
  #lookMs: number | undefined = 0;
  /** Something happened that may help waiting pods. */
  #mayHelp = true;

  constructor(seed: number, witness: Witness) {
    this.#random = seededRandom(seed);
    this.#witness = witness;
    this.plan = createThermalPlan(this.#random);
    for (const body of this.plan.boards) {
      this.boards.set(body.name, new ThermalBoard(body, this.ambientCelsius));
      const labels = { 'kubernetes.io/hostname': body.name };
      this.#setNode(makeNode({ name: body.name, cpu: `${body.cpus}`, memory: '4Gi', labels }));
    }
    for (const workload of this.plan.workloads) this.#createPods(workload);
  }

  get ambientCelsius(): number {
    return this.plan.weather.findLast(({ fromMs }) => fromMs <= this.nowMs)?.celsius ?? 20;
  }

  run(): void {
    while (this.nowMs < this.plan.endMs) {
      this.#step();
      this.#witness.afterStep(this);
      this.nowMs += STEP_MS;
    }
  }

  podsOn(node: string): SimulatedPod[] {
    return [...this.pods.values()].filter(({ pod }) => pod.spec.nodeName === node);
  }

  podsOf(workload: Workload): SimulatedPod[] {
    return [...this.pods.values()].filter((one) => one.workload === workload);
  }

  /** Those that a budget counts. */
  availableOf(workload: Workload): number {
    return this.podsOf(workload).filter(({ boundMs }) => boundMs !== undefined && this.nowMs - boundMs >= READY_MS)
      .length;
  }

  state(): HeatState {
    const { nowMs, ledger } = this;
    return {
      ...{ nowMs, wallMs: START_WALL_MS + nowMs, settings: ledger.settings },
      boards: [...this.nodes.values()].map((node) => this.#boardState(node)),
      resting: ledger.resting(nowMs),
      refusedUntilMs: ledger.refusedUntilMs(nowMs),
      lastMoveMs: ledger.lastMoveMs,
      boundOf: (uid) => this.#siblings(uid).filter(({ boundMs }) => boundMs !== undefined).length,
      reachesVolumes: () => true,
    };
  }

  #boardState(node: Node): BoardState {
    const { heat, limits, reading } = this.ledger.update(node, this.nowMs);
    const { celsius, trendCelsiusPerMinute, usage } = reading;
    const pods = this.podsOn(node.metadata.name).map(({ pod }) => pod);
    return { ...{ node, heat, limits, celsius, trendCelsiusPerMinute, usage, pods }, cpuMillis: cpuMillisOf(node) };
  }

  #step(): void {
    const isHeard = this.#heatAndReport();
    this.#schedule();
    if (!isHeard && (this.#lookMs === undefined || this.nowMs < this.#lookMs)) return;
    const { actions, requeueAfterMs } = computeHeatPlan(this.state());
    for (const action of actions) this.#execute(action);
    this.#lookMs = requeueAfterMs === undefined ? undefined : this.nowMs + requeueAfterMs;
  }

  #heatAndReport(): boolean {
    let isHeard = false;
    for (const [name, board] of this.boards) {
      const loads = this.podsOn(name).map(({ pod, workload }) => ({
        ...{ uid: pod.metadata.uid, name: pod.metadata.name },
        cpuMillis: workload.usageMillis * (0.9 + 0.2 * nextFloat(this.#random)),
      }));
      const cpuMillis = loads.reduce((sum, load) => sum + load.cpuMillis, 0);
      board.step(cpuMillis, this.ambientCelsius, STEP_MS);
      const sensors = board.report(loads, this.nowMs, this.#random);
      if (sensors === undefined) continue;
      this.ledger.noteReading(name, sensors, this.nowMs);
      this.#cache.setSensors(name, sensors, this.nowMs);
      isHeard = true;
    }
    return isHeard;
  }

  #schedule(): void {
    if (!this.#mayHelp && this.nowMs % RETRY_MS !== 0) return;
    this.#mayHelp = false;
    const waiting = [...this.pods.values()].filter(({ boundMs }) => boundMs === undefined);
    for (const one of waiting.sort((a, b) => b.workload.priority - a.workload.priority || a.createdMs - b.createdMs)) {
      const snapshot = this.#cache.snapshot(this.nowMs);
      const info = computePodInfo(one.pod);
      const decision = computeDecision({ pod: info, snapshot, random: this.#random, start: this.#start });
      if (decision.type !== 'place') continue;
      this.#start = decision.nextStart;
      this.#bind(one, decision.node);
    }
  }

  #bind(one: SimulatedPod, nodeName: string): void {
    one.pod = { ...one.pod, spec: { ...one.pod.spec, nodeName } };
    one.boundMs = this.nowMs;
    this.#cache.assume(computePodInfo(one.pod), nodeName, this.nowMs);
  }

  #execute(action: HeatAction): void {
    switch (action.type) {
      case 'setTaints': {
        const { node, taints } = action;
        this.#witness.onTaints(this, node.metadata.name, taints.length > 0);
        this.#setNode({ ...this.#node(node), spec: { ...node.spec, taints: [...taints] } });
        return;
      }
      case 'setCondition': {
        const node = this.#node(action.board.node);
        const conditions = setCondition(
          node.status.conditions,
          action.condition,
          formatTime(START_WALL_MS + this.nowMs),
        );
        this.#setNode({ ...node, status: { ...node.status, conditions } });
        return;
      }
      case 'evict':
        this.#evict(action.move);
        return;
      case 'tellStuck':
        return;
    }
  }

  #evict(move: HeatMove): void {
    const { uid } = move.candidate.pod.metadata;
    const one = this.pods.get(uid);
    if (one === undefined) throw new Error('a pod that is gone cannot be moved');
    const { workload } = one;
    if (workload.minAvailable > 0 && this.availableOf(workload) <= workload.minAvailable) {
      this.ledger.noteRefusal(uid, this.nowMs + REFUSED_MS);
      return;
    }
    this.#witness.onMove(this, move);
    const siblings = this.podsOf(workload);
    const { podRestMs } = this.ledger.settings;
    this.ledger.noteMove(move.board.node.metadata.name, controllerOf(one.pod)?.uid ?? '', {
      movedMs: this.nowMs,
      untilMs: this.nowMs + podRestMs,
      older: new Set(siblings.map(({ pod }) => pod.metadata.uid)),
      boundBefore: siblings.filter(({ boundMs }) => boundMs !== undefined).length,
      cpuMillis: move.candidate.cpuMillis,
      isShed: move.type === 'shed',
    });
    this.#cache.removePod(computePodInfo(one.pod).key);
    this.pods.delete(uid);
    this.#create(workload);
  }

  #createPods(workload: Workload): void {
    if (workload.kind === 'ReplicaSet') {
      for (let count = 0; count < workload.replicas; count += 1) this.#create(workload);
      return;
    }
    for (const name of this.boards.keys()) this.#bind(this.#create(workload), name);
  }

  #create(workload: Workload): SimulatedPod {
    this.#created += 1;
    this.#mayHelp = true;
    const { name: owner, priority, requestMillis } = workload;
    const name = `${owner}-${this.#created}`;
    const pod = makePod({ name, owner, priority, requests: { cpu: `${requestMillis}m`, memory: '64Mi' } });
    const creationTimestamp = formatTime(START_WALL_MS + this.nowMs);
    const ownerReferences =
      pod.metadata.ownerReferences?.map((reference) => ({ ...reference, kind: workload.kind })) ?? [];
    const metadata = { ...pod.metadata, creationTimestamp, ownerReferences };
    const one: SimulatedPod = { pod: { ...pod, metadata }, workload, createdMs: this.nowMs, boundMs: undefined };
    this.pods.set(metadata.uid, one);
    return one;
  }

  #siblings(ownerUid: string): SimulatedPod[] {
    return [...this.pods.values()].filter(({ workload }) => workload.name === ownerUid);
  }

  #setNode(node: Node): void {
    this.nodes.set(node.metadata.name, node);
    this.#mayHelp = true;
    this.#cache.setNode(node);
  }

  #node({ metadata }: Node): Node {
    const node = this.nodes.get(metadata.name);
    if (node === undefined) throw new Error(`there is no ${metadata.name}`);
    return node;
  }
}
