/** Usage of containers: from the cgroup files where they can be read, from the engine otherwise. */
import { type CgroupReaderOptions, readCgroupStats } from './cgroup-stats.ts';
import type { DockerClient } from './docker-client.ts';
import { isRuntimeError } from './docker-errors.ts';
import type { ContainerStats } from './runtime.ts';

export async function readStats(
  docker: DockerClient,
  cgroup: CgroupReaderOptions,
  ids: readonly string[],
  atMs: number,
): Promise<ContainerStats[]> {
  const all: ContainerStats[] = [];
  // One after the other: nobody waits for these figures, and a board has few cores.
  for (const id of ids) {
    const stats = readCgroupStats(cgroup, id, atMs) ?? (await askEngine(docker, id, atMs));
    if (stats !== undefined) all.push(stats);
  }
  return all;
}

async function askEngine(docker: DockerClient, containerId: string, atMs: number): Promise<ContainerStats | undefined> {
  try {
    const { cpu_stats: cpu, memory_stats: memory } = await docker.stats(containerId);
    const inactive = memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0;
    return {
      containerId,
      atMs,
      cpuNanos: cpu.cpu_usage.total_usage,
      workingSetBytes: Math.max(0, (memory.usage ?? 0) - inactive),
    };
  } catch (error) {
    if (isRuntimeError(error, 'unavailable')) throw error;
    return undefined;
  }
}
