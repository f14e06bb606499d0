/**
 * A cluster under faults from one seed: the real store, API server, scheduler, controllers and kubelets in virtual time.
 * After each step the checkers look at the world; at the end the faults stop and everything must converge.
 * Invariant: the same seed and options give the same trace, character for character.
 */
import { createHash } from 'node:crypto';
import type { ContainerRecord } from '../../node-agent/container-runtime/runtime.ts';
import { DaemonSetKind } from '../../shared/api/daemon-set.ts';
import { type Deployment, DeploymentKind } from '../../shared/api/deployment.ts';
import { JobKind } from '../../shared/api/job.ts';
import { NodeKind } from '../../shared/api/node.ts';
import { PodKind } from '../../shared/api/pod.ts';
import { StatefulSetKind } from '../../shared/api/stateful-set.ts';
import type { Client } from '../../shared/client/client.ts';
import { type Logger, silentLogger } from '../../shared/platform/logger.ts';
import { nextInt, seededRandom } from '../../shared/platform/random.ts';
import { createMemoryBroker } from '../support/memory-broker.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import {
  boundPodsStay,
  type Checker,
  converged,
  neverAboveSurge,
  neverOverAllocatable,
  type Observation,
  oneCopyPerPod,
} from './checkers.ts';
import { randomFault } from './faults.ts';
import { Journal } from './journal.ts';
import { isLeftAlone, leaveAlone } from './left-alone.ts';
import { nodeWitnesses } from './node-witnesses.ts';
import { SimulatedBoard } from './simulated-board.ts';
import { SimulatedMaster } from './simulated-master.ts';
import { planOfTask } from './task-plans.ts';
import { LAG_MS, workloadWitnesses } from './witnesses.ts';
import { act, makePeace } from './workload.ts';
import { workloadsConverged } from './workload-convergence.ts';
import type { Workload, World } from './world.ts';

export interface SimulationOptions {
  seed: number;
  /** Virtual time of faults and users; the time to converge comes on top. */
  minutes: number;
  nodes?: number;
  /** Hears every line of the trace as it happens. */
  onLine?(line: string): void;
  logger?: Logger;
}

export interface SimulationResult {
  seed: number;
  /** What was wrong, and when; empty when all went well. */
  complaints: string[];
  /** SHA-256 of the trace: equal for equal runs. */
  traceHash: string;
  steps: number;
}

/** Longest time between two actions. */
const MAX_STEP_MS = 15_000;

/** Users do not wait for each other. */
const MAX_ACTIONS_A_STEP = 3;

/** What a cluster may take to converge: a lost node's toleration, a back-off of five minutes, and room. */
const CONVERGE_LIMIT_MS = 20 * 60_000;
const CONVERGE_STEP_MS = 10_000;

/** Clusters of two to four boards. */
export function nodesOf(seed: number): number {
  return 2 + (seed % 3);
}

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const hash = createHash('sha256');
  const world = createWorld(options, (line) => {
    hash.update(`${line}\n`);
    options.onLine?.(line);
  });
  const complaints: string[] = [];
  const wantedOf = (deployment: Deployment): number => world.journal.mostReplicas(deployment, LAG_MS);
  const checkers = [oneCopyPerPod, neverOverAllocatable, boundPodsStay(), neverAboveSurge(wantedOf)];
  let steps = 0;
  await startWorld(world);
  const endMs = world.clock.monotonicMs() + options.minutes * 60_000;
  while (world.clock.monotonicMs() < endMs && complaints.length === 0) {
    steps += 1;
    await takeStep(world);
    complaints.push(...world.journal.takeComplaints(), ...(await check(world, checkers)));
  }
  if (complaints.length === 0 && isLeftAlone(options.seed)) {
    complaints.push(...(await leaveAlone(world)), ...world.journal.takeComplaints());
  }
  if (complaints.length === 0) complaints.push(...(await converge(world, checkers)));
  endWorld(world);
  for (const complaint of complaints) world.note(`WRONG ${complaint}`);
  return { seed: options.seed, complaints, traceHash: hash.digest('hex'), steps };
}

function createWorld(options: SimulationOptions, emit: (line: string) => void): World {
  const clock = createVirtualClock();
  const random = seededRandom(options.seed);
  const logger = options.logger ?? silentLogger;
  const broker = createMemoryBroker({
    clock,
    random: seededRandom(random.nextUint32()),
    faults: { minDelayMs: 1, maxDelayMs: 30 },
  });
  const boards: SimulatedBoard[] = [];
  const hasBadCard = (name: string): boolean => boards.some((board) => board.name === name && board.hasBadCard);
  const journal = new Journal([...workloadWitnesses(), ...nodeWitnesses(hasBadCard)], () => clock.monotonicMs());
  const onWrite = journal.noteWrite.bind(journal);
  const master = new SimulatedMaster({ clock, random: seededRandom(random.nextUint32()), logger, broker, onWrite });
  for (let index = 0; index < (options.nodes ?? nodesOf(options.seed)); index += 1) {
    const name = `board-${index + 1}`;
    const onStart = ({ id, pod }: ContainerRecord): void => {
      const others = boards.flatMap((board) => board.runningPods().filter((other) => other.containerId !== id));
      journal.noteStart({ pod: { ...pod, board: name }, others });
    };
    const ownRandom = seededRandom(random.nextUint32());
    const planOf = planOfTask;
    boards.push(new SimulatedBoard({ name, index, clock, random: ownRandom, logger, broker, planOf, onStart }));
  }
  const note = (line: string): void => emit(`${clock.monotonicMs().toFixed(0)} @${master.revision} ${line}`);
  return { clock, random, broker, master, boards, journal, note };
}

async function startWorld({ clock, master, boards }: World): Promise<void> {
  void master.start();
  await clock.advance(100);
  for (const board of boards) void board.startAgent();
  await clock.advance(5_000);
}

function endWorld({ master, boards }: World): void {
  for (const board of boards) board.killAgent();
  master.kill();
}

async function takeStep(world: World): Promise<void> {
  const { clock, random, master } = world;
  if (nextInt(random, 3) === 0) randomFault(world);
  else {
    for (let actions = 1 + nextInt(random, MAX_ACTIONS_A_STEP); actions > 0; actions -= 1) {
      if (master.client !== undefined) await during(world, act(workloadOf(world, master.client)));
    }
  }
  await clock.advance(nextInt(random, MAX_STEP_MS));
  world.note('step');
}

function workloadOf({ random, note }: World, client: Client): Workload {
  return { client, random, note };
}

/** Users wait for their answers, and answers may need time to go by; a master that died meanwhile never answers. */
async function during({ clock, master }: World, work: Promise<void>): Promise<void> {
  const { client } = master;
  let done = false;
  const finished = work.finally(() => {
    done = true;
  });
  finished.catch(() => undefined);
  for (let turn = 0; turn < 100 && !done; turn += 1) await clock.advance(10);
  if (done && master.client === client) await finished;
}

async function check(world: World, checkers: readonly Checker[]): Promise<string[]> {
  const observation = await observe(world);
  // Nobody can be asked while the master is dead; the witnesses still look.
  return observation === undefined ? [] : checkers.flatMap((checker) => checker(observation));
}

async function observe({ clock, master, boards }: World): Promise<Observation | undefined> {
  const { client } = master;
  if (client === undefined) return undefined;
  const running = new Map<string, ReadonlyMap<string, readonly string[]>>();
  for (const board of boards) running.set(board.name, board.running());
  const lists = Promise.all([
    client.list(PodKind),
    client.list(NodeKind),
    client.list(DeploymentKind),
    client.list(StatefulSetKind),
    client.list(DaemonSetKind),
    client.list(JobKind),
  ]);
  const answer = lists.catch((error: unknown) => {
    // It died before it could answer.
    if (master.client === client) throw error;
    return undefined;
  });
  answer.catch(() => undefined);
  await clock.settle();
  const found = master.client === client ? await answer : undefined;
  if (found === undefined) return undefined;
  const [pods, nodes, deployments, statefulSets, daemonSets, jobs] = found;
  return {
    pods: pods.items,
    nodes: nodes.items,
    deployments: deployments.items,
    statefulSets: statefulSets.items,
    daemonSets: daemonSets.items,
    jobs: jobs.items,
    running,
  };
}

/** Ends all faults and waits until nothing is left to do. */
async function converge(world: World, checkers: readonly Checker[]): Promise<string[]> {
  const { clock, master, boards, broker } = world;
  world.note('peace');
  Object.assign(broker.faults, { lossRate: 0, duplicateRate: 0, maxDelayMs: 30 });
  master.killAfter(undefined);
  void master.start();
  await clock.advance(1_000);
  for (const board of boards) {
    board.endFaults();
    void board.startAgent();
  }
  if (master.client !== undefined) await during(world, makePeace(workloadOf(world, master.client)));
  let complaints: string[] = [];
  for (let waitedMs = 0; waitedMs < CONVERGE_LIMIT_MS; waitedMs += CONVERGE_STEP_MS) {
    await clock.advance(CONVERGE_STEP_MS);
    const unsafe = [...world.journal.takeComplaints(), ...(await check(world, checkers))];
    if (unsafe.length > 0) return unsafe;
    if (!master.runs) return ['the master is dead though nobody killed it'];
    complaints = await check(world, [converged, workloadsConverged]);
    if (complaints.length === 0) return [];
  }
  return complaints.map((complaint) => `not converged: ${complaint}`);
}
