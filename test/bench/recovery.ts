/**
 * How long things take on a LAN of five hosts, beside Docker Swarm on the same hosts in the same run: containers from the order
 * until they run, a rolling update, the loss of a host, the loss of the control process. Two cores carry all five hosts, so
 * that only the ratios say something.
 */
import { sleep } from '../../shared/platform/clock.ts';
import { startLanCluster } from '../support/lan/lan-cluster.ts';
import { waitFor } from '../support/wait.ts';
import { atMost, type Bench, type BenchContext, type BenchResult, type Figures } from './bench.ts';
import { createBramble } from './recovery/bramble.ts';
import type { Orchestrator } from './recovery/orchestrator.ts';
import { createSwarm } from './recovery/swarm.ts';
import { median } from './support/statistics.ts';

const HOSTS = 5;
const CUT_HOST = HOSTS;
const ONE_ROUNDS = 5;
const MANY_ROUNDS = 3;
const MANY = 50;
const UPDATED = 20;
const RATIO_BOUND = 0.8;
const TIMEOUT_MS = 180_000;

/** Without it Swarm asks registries that are not there. */
const ENGINE_ENV = { DOCKER_SERVICE_PREFER_OFFLINE_IMAGE: '1' };

/** Between two measurements: what the last one left is cleared away. */
const PAUSE_MS = 3_000;

/** What is judged, in seconds. */
const JUDGED = ['oneSeconds', 'manySeconds', 'updateSeconds', 'cutSeconds', 'killSeconds'] as const;

interface Run extends BenchContext {
  lan: { setForwarding(number: number, forwarding: boolean): Promise<void> };
}

export const recovery: Bench = {
  name: 'recovery',
  description: 'Start, update, loss of a host and of the control process on a LAN of five hosts, beside Docker Swarm',
  async run(context) {
    // Each as it is meant to run: our pods have addresses that all hosts reach, the contender's tasks the engine's own bridge,
    // which is the least that it can do.
    context.progress(`starting a LAN of ${HOSTS} hosts`);
    const cluster = await startLanCluster({ hosts: HOSTS, engineEnv: ENGINE_ENV });
    try {
      const run = { ...context, lan: cluster.lan };
      const ours = await measure(run, createBramble(cluster));
      const theirs = await measure(run, createSwarm(cluster.lan));
      return judge(ours, theirs);
    } finally {
      await cluster.stop();
    }
  },
};

function judge(ours: Record<string, number>, theirs: Record<string, number>): BenchResult {
  const figures: Figures = {};
  for (const [name, value] of Object.entries(ours)) figures[`bramble.${name}`] = value;
  for (const [name, value] of Object.entries(theirs)) figures[`swarm.${name}`] = value;
  const goals: BenchResult['goals'] = {};
  for (const name of JUDGED) {
    const ratio = (ours[name] ?? Number.NaN) / (theirs[name] ?? Number.NaN);
    figures[`ratio.${name}`] = ratio;
    goals[`ratio.${name}`] = atMost(ratio, RATIO_BOUND);
  }
  return { figures, goals };
}

async function measure(run: Run, subject: Orchestrator): Promise<Record<string, number>> {
  run.progress(`${subject.name}: starting`);
  await subject.start();
  try {
    const one: number[] = [];
    for (let round = 1; round <= ONE_ROUNDS; round += 1) one.push(await timeCreation(run, subject, `one-${round}`, 1));
    const many: number[] = [];
    for (let round = 1; round <= MANY_ROUNDS; round += 1)
      many.push(await timeCreation(run, subject, `many-${round}`, MANY));
    const updateSeconds = await timeUpdate(run, subject);
    const cut = await timeCut(run, subject);
    const killSeconds = await timeKill(run, subject);
    return { oneSeconds: median(one), manySeconds: median(many), updateSeconds, ...cut, killSeconds };
  } finally {
    await subject.stop();
  }
}

async function timeCreation(run: Run, subject: Orchestrator, service: string, replicas: number): Promise<number> {
  const seconds = await time(run, `${subject.name}: ${replicas} from the order until they run`, async () => {
    await subject.create(service, replicas);
    await untilRunning(subject, service, replicas);
  });
  await subject.remove(service);
  await sleep(run.clock, PAUSE_MS, run.signal);
  return seconds;
}

async function timeUpdate(run: Run, subject: Orchestrator): Promise<number> {
  await subject.create('updated', UPDATED);
  await untilRunning(subject, 'updated', UPDATED);
  const seconds = await time(run, `${subject.name}: update of ${UPDATED}, two at a time`, async () => {
    await subject.update('updated');
    await untilRunning(subject, 'updated', UPDATED);
  });
  await subject.remove('updated');
  await sleep(run.clock, PAUSE_MS, run.signal);
  return seconds;
}

async function timeCut(run: Run, subject: Orchestrator): Promise<{ noticeSeconds: number; cutSeconds: number }> {
  await subject.create('spread', MANY);
  await untilRunning(subject, 'spread', MANY);
  const here = (await subject.running('spread')) - (await subject.running('spread', CUT_HOST));
  run.progress(`${subject.name}: ${here} run on the host that is cut off`);
  const startMs = run.clock.monotonicMs();
  await run.lan.setForwarding(CUT_HOST, false);
  try {
    await poll('the host is known to be lost', () => subject.isLost(CUT_HOST));
    const noticeSeconds = (run.clock.monotonicMs() - startMs) / 1000;
    await untilRunning(subject, 'spread', MANY, CUT_HOST);
    const cutSeconds = (run.clock.monotonicMs() - startMs) / 1000;
    run.progress(
      `${subject.name}: host lost after ${noticeSeconds.toFixed(1)} s, all run elsewhere after ${cutSeconds.toFixed(1)} s`,
    );
    return { noticeSeconds, cutSeconds };
  } finally {
    await run.lan.setForwarding(CUT_HOST, true);
    await poll('the host is back', async () => !(await subject.isLost(CUT_HOST)));
    await subject.remove('spread');
    await sleep(run.clock, PAUSE_MS, run.signal);
  }
}

/** The control process serves again when a new service runs. */
async function timeKill(run: Run, subject: Orchestrator): Promise<number> {
  await subject.create('before', 10);
  await untilRunning(subject, 'before', 10);
  const seconds = await time(run, `${subject.name}: control process killed until a new service runs`, async () => {
    await subject.killControl();
    await poll('the order is taken', async () => {
      await subject.create('after', 1);
      return true;
    });
    await untilRunning(subject, 'after', 1);
  });
  return seconds;
}

async function time({ clock, progress }: Run, what: string, work: () => Promise<void>): Promise<number> {
  const startMs = clock.monotonicMs();
  await work();
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  progress(`${what}: ${seconds.toFixed(2)} s`);
  return seconds;
}

function untilRunning(subject: Orchestrator, service: string, count: number, except?: number): Promise<unknown> {
  return poll(`${count} of ${service} run`, async () => (await subject.running(service, except)) >= count);
}

function poll(what: string, probe: () => Promise<boolean>): Promise<unknown> {
  return waitFor(what, probe, TIMEOUT_MS);
}
