/**
 * What a container uses, read from its cgroup: two or three small files instead of a request that costs the engine
 * milliseconds. Read synchronously: the kernel answers from memory, and a thread of the pool would cost more than the file. Source: the kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
 */
import { readFileSync } from 'node:fs';
import type { ContainerStats } from './runtime.ts';

export interface CgroupReaderOptions {
  /** `/sys/fs/cgroup`, or a tree of files in a test. */
  root: string;
  /** Docker's cgroup driver. */
  driver: 'cgroupfs' | 'systemd';
  version: 1 | 2;
  /** `/proc`; absent: just that. */
  procRoot?: string;
}

const NANOS_PER_MICRO = 1000;

/** undefined: the files are not there, ask the engine instead. */
export function readCgroupStats(
  options: CgroupReaderOptions,
  containerId: string,
  atMs: number,
): ContainerStats | undefined {
  const read = options.version === 2 ? readVersion2 : readVersion1;
  try {
    return { containerId, atMs, ...read(options, containerId) };
  } catch {
    // The container has ended, or the engine keeps its cgroups elsewhere; both are normal.
    return undefined;
  }
}

type Usage = Pick<ContainerStats, 'cpuNanos' | 'workingSetBytes' | 'processes'>;

function readVersion2(options: CgroupReaderOptions, id: string): Usage {
  const folder = `${options.root}/${scopeOf(options.driver, id)}`;
  const cpu = parseFlat(readFileSync(`${folder}/cpu.stat`, 'utf8'));
  const memory = readMemory(`${folder}/memory.current`, `${folder}/memory.stat`, 'inactive_file');
  const workingSetBytes = memory ?? sumResident(options, `${folder}/cgroup.procs`);
  const processes = readCount(`${folder}/pids.current`);
  return { cpuNanos: (cpu.get('usage_usec') ?? 0) * NANOS_PER_MICRO, workingSetBytes, processes };
}

function readVersion1(options: CgroupReaderOptions, id: string): Usage {
  const scope = scopeOf(options.driver, id);
  const cpu = readFileSync(`${options.root}/cpuacct/${scope}/cpuacct.usage`, 'utf8');
  const folder = `${options.root}/memory/${scope}`;
  const memory = readMemory(`${folder}/memory.usage_in_bytes`, `${folder}/memory.stat`, 'total_inactive_file');
  const workingSetBytes = memory ?? sumResident(options, `${options.root}/cpuacct/${scope}/cgroup.procs`);
  const processes = readCount(`${options.root}/pids/${scope}/pids.current`);
  return { cpuNanos: Number(cpu), workingSetBytes, processes };
}

/** Kubernetes' working set: what is used less the file pages that were not touched lately; undefined without the controller. */
function readMemory(usagePath: string, statPath: string, inactiveKey: string): number | undefined {
  try {
    const usage = Number(readFileSync(usagePath, 'utf8'));
    return Math.max(0, usage - (parseFlat(readFileSync(statPath, 'utf8')).get(inactiveKey) ?? 0));
  } catch {
    return undefined;
  }
}

function readCount(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** A board whose memory cgroup is off counts nothing: what the processes hold of their own is the next best answer. */
function sumResident({ procRoot = '/proc' }: CgroupReaderOptions, procsPath: string): number {
  const ids = readFileSync(procsPath, 'utf8')
    .split('\n')
    .filter((id) => id !== '');
  return ids.reduce((total, id) => total + residentBytes(`${procRoot}/${id}/status`), 0);
}

/** Source: proc(5), /proc/pid/status: `RssAnon:      1234 kB`. */
function residentBytes(statusPath: string): number {
  try {
    const status = readFileSync(statusPath, 'utf8');
    return ['RssAnon', 'RssShmem'].reduce((total, name) => total + readKilobytes(status, name) * 1024, 0);
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}

function readKilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}

function scopeOf(driver: CgroupReaderOptions['driver'], id: string): string {
  return driver === 'systemd' ? `system.slice/docker-${id}.scope` : `docker/${id}`;
}

/** The kernel's flat keyed files: `key value` a line. */
export function parseFlat(text: string): Map<string, number> {
  const pairs = text.split('\n').map((line) => line.split(' '));
  return new Map(pairs.flatMap(([key, value]) => (key && value !== undefined ? [[key, Number(value)] as const] : [])));
}
