/**
 * The master's broker beside Debian's mosquitto, loaded by the same clients in the same run. Both by TLS: messages a second
 * and CPU a message for QoS 0 and 1 with 50 publishers and 50 subscribers, and how long the API takes while the broker is
 * under that load. By TLS and without: memory with 1,000 clients that only stay. The master is the whole one, from its bundle.
 */
import { mkdir } from 'node:fs/promises';
import { atLeast, atMost, type Bench, type BenchContext, type Figures } from './bench.ts';
import { type ApiProbe, startApiProbe } from './broker/api-probe.ts';
import { measureIdle } from './broker/idle.ts';
import { type LoadResult, startLoad } from './broker/loader.ts';
import { type Peer, startMaster, startMosquitto } from './broker/peers.ts';
import { readCpuMs } from './support/proc.ts';
import { median, percentile } from './support/statistics.ts';

const PAIRS = 50;
const SECONDS = 4;
const ROUNDS = 3;
const LEVELS = ['qos0', 'qos1'] as const;

const SHARE_BOUND = 0.7;
const MEMORY_BOUND_MB = 110;
const API_P99_BOUND_MS = 200;

interface Round {
  perSecond: number;
  cpuMicros: number;
}

export const brokerBench: Bench = {
  name: 'broker',
  description: "the master's MQTT broker beside mosquitto: messages, CPU, memory, and the API's latency meanwhile",
  async run(context) {
    await mkdir(context.directory, { recursive: true });
    const idle = await measureIdle(context);
    const master = await startMaster(context, 'master');
    try {
      const mosquitto = await startMosquitto(context, master);
      try {
        return await measure(context, { master, mosquitto, idle });
      } finally {
        await mosquitto?.stop();
      }
    } finally {
      await master.stop();
    }
  },
};

interface Measured {
  master: Peer & { kubeconfig: string };
  mosquitto: Peer | undefined;
  idle: Figures;
}

async function measure(context: BenchContext, { master, mosquitto, idle }: Measured) {
  const figures: Figures = { mosquitto: mosquitto?.version ?? 'not installed', ...idle };
  const waits: number[] = [];
  const probe = await startApiProbe(context, master.kubeconfig);
  for (const level of LEVELS) {
    const ours: Round[] = [];
    const theirs: Round[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      context.progress(`${level}, round ${round + 1} of ${ROUNDS}`);
      if (mosquitto !== undefined) theirs.push(await measureLoad(context, mosquitto, level));
      ours.push(await measureLoad(context, master, level, { probe, waits }));
    }
    Object.assign(figures, render('master', level, ours), render('mosquitto', level, theirs));
    figures[`${level}ShareOfMosquitto`] = median(ours.map(rate)) / median(theirs.map(rate));
    figures[`${level}CpuShareOfMosquitto`] = median(ours.map(cpu)) / median(theirs.map(cpu));
  }
  figures['apiRequests'] = waits.length;
  figures['apiP50Ms'] = percentile(waits, 50);
  figures['apiP99Ms'] = percentile(waits, 99);
  const share = (level: string) => atLeast(Number(figures[`${level}ShareOfMosquitto`]), SHARE_BOUND);
  return {
    figures,
    goals: {
      ...(mosquitto === undefined ? {} : { qos0ShareOfMosquitto: share('qos0'), qos1ShareOfMosquitto: share('qos1') }),
      // Without TLS, as most devices of a house speak MQTT; the figure over TLS stands beside it.
      masterPlainIdleRssMb: atMost(Number(figures['masterPlainIdleRssMb']), MEMORY_BOUND_MB),
      apiP99Ms: atMost(Number(figures['apiP99Ms']), API_P99_BOUND_MS),
    },
  };
}

const rate = ({ perSecond }: Round): number => perSecond;
const cpu = ({ cpuMicros }: Round): number => cpuMicros;

function render(name: string, level: string, rounds: readonly Round[]): Figures {
  if (rounds.length === 0) return {};
  const title = `${name}${level === 'qos0' ? 'Qos0' : 'Qos1'}`;
  return {
    [`${title}MessagesPerSecond`]: median(rounds.map(rate)),
    [`${title}CpuMicrosPerMessage`]: median(rounds.map(cpu)),
  };
}

async function measureLoad(
  context: BenchContext,
  peer: Peer,
  level: (typeof LEVELS)[number],
  api?: { probe: ApiProbe; waits: number[] },
): Promise<Round> {
  const load = await startLoad(context, peer, { mode: level, count: PAIRS, seconds: SECONDS, door: 'tls' });
  try {
    const before = await readCpuMs(peer.pid);
    load.go();
    const [result, waits] = await Promise.all([load.result(), api?.probe.during(SECONDS * 1_000)]);
    api?.waits.push(...(waits ?? []));
    const cpuMs = (await readCpuMs(peer.pid)) - before;
    return toRound(result, cpuMs);
  } finally {
    await load.stop();
  }
}

function toRound({ messages, perSecond }: LoadResult, cpuMs: number): Round {
  return { perSecond, cpuMicros: (cpuMs * 1_000) / messages };
}
