/**
 * What a container uses, read from its cgroup: two or three small files instead of a request that costs the engine
 * milliseconds. Source: the kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
 */
import { readFile } from 'node:fs/promises';
import type { ContainerStats } from './runtime.ts';

export interface CgroupReaderOptions {
  /** `/sys/fs/cgroup`, or a tree of files in a test. */
  root: string;
  /** Docker's cgroup driver. */
  driver: 'cgroupfs' | 'systemd';
  version: 1 | 2;
}

const NANOS_PER_MICRO = 1000;

/** undefined: the files are not there, ask the engine instead. */
export async function readCgroupStats(
  options: CgroupReaderOptions,
  containerId: string,
  atMs: number,
): Promise<ContainerStats | undefined> {
  const read = options.version === 2 ? readVersion2 : readVersion1;
  try {
    return { containerId, atMs, ...(await read(options, containerId)) };
  } catch {
    // The container has ended, or the engine keeps its cgroups elsewhere; both are normal.
    return undefined;
  }
}

type Usage = Pick<ContainerStats, 'cpuNanos' | 'workingSetBytes'>;

async function readVersion2(options: CgroupReaderOptions, id: string): Promise<Usage> {
  const folder = `${options.root}/${scopeOf(options.driver, id)}`;
  const cpu = parseFlat(await readFile(`${folder}/cpu.stat`, 'utf8'));
  const memory = await readMemory(`${folder}/memory.current`, `${folder}/memory.stat`, 'inactive_file');
  return { cpuNanos: (cpu.get('usage_usec') ?? 0) * NANOS_PER_MICRO, workingSetBytes: memory };
}

async function readVersion1(options: CgroupReaderOptions, id: string): Promise<Usage> {
  const scope = scopeOf(options.driver, id);
  const cpu = await readFile(`${options.root}/cpuacct/${scope}/cpuacct.usage`, 'utf8');
  const folder = `${options.root}/memory/${scope}`;
  const memory = await readMemory(`${folder}/memory.usage_in_bytes`, `${folder}/memory.stat`, 'total_inactive_file');
  return { cpuNanos: Number(cpu), workingSetBytes: memory };
}

/** Kubernetes' working set: what is used less the file pages that were not touched lately; 0 without the controller. */
async function readMemory(usagePath: string, statPath: string, inactiveKey: string): Promise<number> {
  try {
    const [usage, stat] = await Promise.all([readFile(usagePath, 'utf8'), readFile(statPath, 'utf8')]);
    return Math.max(0, Number(usage) - (parseFlat(stat).get(inactiveKey) ?? 0));
  } catch {
    return 0;
  }
}

function scopeOf(driver: CgroupReaderOptions['driver'], id: string): string {
  return driver === 'systemd' ? `system.slice/docker-${id}.scope` : `docker/${id}`;
}

/** The kernel's flat keyed files: `key value` a line. */
export function parseFlat(text: string): Map<string, number> {
  const pairs = text.split('\n').map((line) => line.split(' '));
  return new Map(pairs.flatMap(([key, value]) => (key && value !== undefined ? [[key, Number(value)] as const] : [])));
}
