/**
 * How long pods wait for names: the agent's name server, with the agent's own flags, with 1,000 services and 5,000 endpoints,
 * asked by 1 and by 50 clients that each wait for their answer. The clients' own work is in the figures.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { encode, type RecordType } from 'dns-packet';
import { PROGRAM_ENV, PROGRAM_FLAGS } from '../../cli/setup/bundles.ts';
import { atMost, type Bench, type BenchContext, type Figures, type Goal } from './bench.ts';
import { startChild } from './support/child.ts';
import { readCpuMs } from './support/proc.ts';
import { median, percentile } from './support/statistics.ts';

const RUN_MS = 3_000;
/** The middle one of as many is told: one pause of the machine is not the name server's. */
const ROUNDS = 3;
const P99_BOUND_MS = 5;
const MEMORY_BOUND_MB = 4;
const SERVER = join(import.meta.dirname, 'dns/main.ts');

export const dns: Bench = {
  name: 'dns',
  description: 'answers of the name server with 1,000 services and 5,000 endpoints, 1 and 50 clients',
  async run(context) {
    const figures = await measureDns(context);
    return { figures, goals: dnsGoals(figures) };
  },
};

export function dnsGoals(figures: Figures): Record<string, Goal> {
  return {
    dnsP99Ms1: atMost(Number(figures['dnsP99Ms1']), P99_BOUND_MS),
    dnsP99Ms50: atMost(Number(figures['dnsP99Ms50']), P99_BOUND_MS),
    dnsNamesMb: atMost(Number(figures['dnsNamesMb']), MEMORY_BOUND_MB),
  };
}

/** For benches that print names beside other things of the network. */
export async function measureDns(context: BenchContext): Promise<Figures> {
  const child = await startChild({
    clock: context.clock,
    command: process.execPath,
    args: [...PROGRAM_FLAGS.agent, '--expose-gc', SERVER],
    env: PROGRAM_ENV,
    ready: /ready (\d+) (-?\d+)/,
  });
  try {
    const port = Number(child.readyMatch?.[1]);
    const figures: Figures = { dnsNamesMb: Number(child.readyMatch?.[2]) / 1024 / 1024 };
    for (const clients of [1, 50]) {
      context.progress(`names, ${clients} ${clients === 1 ? 'client' : 'clients'}`);
      const rounds: Round[] = [];
      for (let round = 0; round < ROUNDS; round += 1)
        rounds.push(await measureRound(context, child.pid, port, clients));
      const middle = (read: (round: Round) => number): number => median(rounds.map(read));
      figures[`dnsP50Ms${clients}`] = middle(({ p50Ms }) => p50Ms);
      figures[`dnsP99Ms${clients}`] = middle(({ p99Ms }) => p99Ms);
      figures[`dnsAnswersPerSecond${clients}`] = middle(({ perSecond }) => perSecond);
      figures[`dnsCpuMicrosPerAnswer${clients}`] = middle(({ cpuMicros }) => cpuMicros);
    }
    return figures;
  } finally {
    await child.stop();
  }
}

interface Round {
  p50Ms: number;
  p99Ms: number;
  perSecond: number;
  cpuMicros: number;
}

async function measureRound(context: BenchContext, pid: number, port: number, clients: number): Promise<Round> {
  const cpuBeforeMs = await readCpuMs(pid);
  const waits = await ask(context, port, clients);
  const cpuMs = (await readCpuMs(pid)) - cpuBeforeMs;
  return {
    p50Ms: percentile(waits, 50),
    p99Ms: percentile(waits, 99),
    perSecond: (waits.length * 1000) / RUN_MS,
    cpuMicros: (cpuMs * 1000) / waits.length,
  };
}

/** What pods of a board ask for all day, and now and then something else: of all kinds, also what is not there. */
const HOT_SERVICES = 48;
const COLD_SHARE = 20;

function makeQuestions(): Buffer[] {
  const kinds: readonly ((index: number) => { name: string; type: RecordType })[] = [
    (index) => ({ name: `s-${index}.bench.svc.cluster.local`, type: 'A' }),
    (index) => ({ name: `s-${index}.bench.svc.cluster.local`, type: 'AAAA' }),
    (index) => ({ name: `s-${index}.bench.svc.cluster.local.bench.svc.cluster.local`, type: 'A' }),
    (index) => ({ name: `_http._tcp.s-${index}.bench.svc.cluster.local`, type: 'SRV' }),
  ];
  return Array.from({ length: 4_000 }, (_, index) => {
    const service = (index * 7) % (index % COLD_SHARE === 0 ? 1_000 : HOT_SERVICES);
    const question = kinds[(index >> 3) % kinds.length]?.(service) ?? { name: 'x', type: 'A' };
    return encode({ id: index & 0xffff, flags: 0x100, questions: [question] });
  });
}

async function ask({ clock }: BenchContext, port: number, clients: number): Promise<number[]> {
  const questions = makeQuestions();
  const waits: number[] = [];
  const endMs = clock.monotonicMs() + RUN_MS;
  let next = 0;
  const client = async (): Promise<void> => {
    const socket = createSocket('udp4');
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    while (clock.monotonicMs() < endMs) {
      next += 1;
      const startMs = clock.monotonicMs();
      socket.send(questions[next % questions.length] ?? Buffer.alloc(0));
      await once(socket, 'message');
      waits.push(clock.monotonicMs() - startMs);
    }
    socket.close();
  };
  await Promise.all(Array.from({ length: clients }, client));
  return waits;
}
