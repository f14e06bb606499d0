/** Memory, CPU and writes of the one agent of a cluster, as the kernel counts them. */
import { readRunning } from '../../../cli/setup/processes.ts';
import { sleep } from '../../../shared/platform/clock.ts';
import type { TestCluster } from '../../support/cluster.ts';
import type { BenchContext } from '../bench.ts';
import { readCpuMs, readMemory, readWrittenBytes } from '../support/proc.ts';
import { median } from '../support/statistics.ts';
import type { PodStarter } from './pod-starter.ts';

export interface Subject {
  cluster: TestCluster;
  starter: PodStarter;
}

const MEGABYTE = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** Heaps breathe: three readings, with the time of a collection between them. */
const READING_INTERVAL_MS = 3_000;

/** RSS in MB. */
export async function readAgent({ cluster }: Subject): Promise<number> {
  return (await readMemory(await pidOf(cluster))).rssBytes / MEGABYTE;
}

export async function median3(read: () => Promise<number>, { clock, signal }: BenchContext): Promise<number> {
  const values: number[] = [];
  for (let reading = 0; reading < 3; reading += 1) {
    values.push(await read());
    await sleep(clock, READING_INTERVAL_MS, signal);
  }
  return median(values);
}

export interface Idle {
  cpuPercent: number;
  bytesWrittenPerHour: number;
}

export async function measureIdle({ clock, signal }: BenchContext, subject: Subject, forMs: number): Promise<Idle> {
  const pid = await pidOf(subject.cluster);
  const [cpuMs, bytes] = [await readCpuMs(pid), await readWrittenBytes(pid)];
  await sleep(clock, forMs, signal);
  return {
    cpuPercent: (((await readCpuMs(pid)) - cpuMs) / forMs) * 100,
    bytesWrittenPerHour: (((await readWrittenBytes(pid)) - bytes) / forMs) * HOUR_MS,
  };
}

async function pidOf({ folder, nodes, log }: TestCluster): Promise<number> {
  const [node = ''] = nodes;
  const record = await readRunning(folder.pidFile(node));
  if (record === undefined) throw new Error(`the agent does not run:\n${await log(node)}`);
  return record.pid;
}
