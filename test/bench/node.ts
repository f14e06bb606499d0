/**
 * What a node costs: how long pods take from their creation in the API to Ready, beside `docker run` of the same containers
 * in the same run; and the agent's memory, CPU and writes, as it ships. Pods and their peers alternate, because the machine
 * is never quiet; ratios of medians are judged.
 */
import { sleep } from '../../shared/platform/clock.ts';
import { startTestCluster } from '../support/cluster.ts';
import { TEST_IMAGE } from '../support/docker.ts';
import { atMost, type Bench, type BenchContext, type BenchResult, type Figures } from './bench.ts';
import { measureIdle, median3, readAgent, type Subject } from './node/agent-readings.ts';
import { timeDockerRun } from './node/docker-run.ts';
import { openPodStarter, type PodStarter } from './node/pod-starter.ts';
import { median } from './support/statistics.ts';

const BOUNDS = { onePodRatio: 1.5, thirtyPodsRatio: 1.3, rss10Mb: 64, rss50Mb: 80, idleCpuPercent: 1, idleWrites: 0 };

const MANY_PODS = 30;
const ONE_POD_ROUNDS = 9;
const MANY_PODS_ROUNDS = 3;

/** Long enough for the heap to have settled after pods were started. */
const SETTLE_MS = 20_000;
const IDLE_MS = 120_000;

export const node: Bench = {
  name: 'node',
  description: 'Pods from create to Ready beside docker run, and what the agent costs with 0, 10 and 50 pods',
  async run(context) {
    context.progress('starting a master and an agent');
    // An engine of its own: nobody else's containers are in the way, and nobody stops it meanwhile.
    const cluster = await startTestCluster({ nodes: 1, engine: { isolated: true } });
    try {
      const starter = await openPodStarter(cluster, context.clock);
      try {
        return await measure(context, { cluster, starter });
      } finally {
        starter.close();
      }
    } finally {
      await cluster.stop();
    }
  },
};

async function measure(context: BenchContext, subject: Subject): Promise<BenchResult> {
  await sleep(context.clock, SETTLE_MS, context.signal);
  const empty = await readAgent(subject);
  const one = await race(context, subject, { count: 1, rounds: ONE_POD_ROUNDS });
  const many = await race(context, subject, { count: MANY_PODS, rounds: MANY_PODS_ROUNDS });
  const idle = await measureCosts(context, subject);
  const figures: Figures = { image: TEST_IMAGE, ...named(1, one), ...named(MANY_PODS, many), rss0Mb: empty, ...idle };
  const onePodRatio = one.podMs / one.dockerMs;
  const thirtyPodsRatio = many.podMs / many.dockerMs;
  return {
    figures,
    goals: {
      onePodRatio: atMost(onePodRatio, BOUNDS.onePodRatio),
      thirtyPodsRatio: atMost(thirtyPodsRatio, BOUNDS.thirtyPodsRatio),
      rss10Mb: atMost(idle.rss10Mb, BOUNDS.rss10Mb),
      rss10RestartedMb: atMost(idle.rss10RestartedMb, BOUNDS.rss10Mb),
      rss50Mb: atMost(idle.rss50Mb, BOUNDS.rss50Mb),
      idleCpuPercent10: atMost(idle.idleCpuPercent10, BOUNDS.idleCpuPercent),
      idleBytesWrittenPerHour: atMost(idle.idleBytesWrittenPerHour, BOUNDS.idleWrites),
    },
  };
}

interface Race {
  podMs: number;
  dockerMs: number;
}

/** Alternately, and in both orders: whoever comes second finds warm caches. */
async function race(context: BenchContext, subject: Subject, size: { count: number; rounds: number }): Promise<Race> {
  const podMs: number[] = [];
  const dockerMs: number[] = [];
  const { starter, cluster } = subject;
  for (let round = 0; round < size.rounds; round += 1) {
    context.signal.throwIfAborted();
    const pods = async (): Promise<unknown> => podMs.push(await timePods(starter, size.count));
    const docker = async (): Promise<unknown> =>
      dockerMs.push(await timeDockerRun(context.clock, cluster.engine, size.count));
    for (const contender of round % 2 === 0 ? [pods, docker] : [docker, pods]) await contender();
    context.progress(
      `${size.count} at once: pods ${podMs.at(-1)?.toFixed()} ms, docker run ${dockerMs.at(-1)?.toFixed()} ms`,
    );
  }
  return { podMs: median(podMs), dockerMs: median(dockerMs) };
}

async function timePods(starter: PodStarter, count: number): Promise<number> {
  const tookMs = await starter.start(count);
  await starter.removeAll();
  return tookMs;
}

function named(count: number, { podMs, dockerMs }: Race): Figures {
  return { [`pods${count}ReadyMs`]: podMs, [`dockerRun${count}Ms`]: dockerMs, [`pods${count}Ratio`]: podMs / dockerMs };
}

/** The agent's memory with 10 and with 50 pods, also of an agent that found its pods running; and what it does when idle. */
async function measureCosts(context: BenchContext, subject: Subject) {
  const settle = async (): Promise<number> => {
    await sleep(context.clock, SETTLE_MS, context.signal);
    return median3(() => readAgent(subject), context);
  };
  context.progress('10 pods, then nothing for two minutes');
  await subject.starter.start(10);
  const rss10Mb = await settle();
  const idle = await measureIdle(context, subject, IDLE_MS);
  context.progress('the agent is killed and started again');
  await subject.cluster.kill(subject.cluster.nodes[0] ?? '');
  await subject.cluster.start();
  const rss10RestartedMb = await settle();
  context.progress('50 pods');
  await subject.starter.start(40);
  const rss50Mb = await settle();
  await subject.starter.removeAll();
  return {
    rss10Mb,
    rss10RestartedMb,
    rss50Mb,
    idleCpuPercent10: idle.cpuPercent,
    idleBytesWrittenPerHour: idle.bytesWrittenPerHour,
  };
}
