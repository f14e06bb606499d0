/** What pods have on the disk: measured only when it is full, as it means looking at every file. */
import type { Pod } from '../../../shared/api/pod.ts';
import type { ContainerRuntime } from '../../container-runtime/runtime.ts';
import { type PodPaths, podDirectory, volumeDirectory } from '../paths.ts';
import type { ObservedPod } from '../pod/observed-pod.ts';
import type { HostFiles } from '../volumes/host-files.ts';
import type { PodDiskUsage } from './consumption.ts';

export interface DiskUsageContext {
  runtime: ContainerRuntime;
  files: HostFiles;
  paths: PodPaths;
  observed: ReadonlyMap<string, ObservedPod>;
}

export async function measurePodDisks(
  pods: readonly Pod[],
  context: DiskUsageContext,
): Promise<ReadonlyMap<string, PodDiskUsage>> {
  const { runtime, files, paths, observed } = context;
  const layers = (await runtime.writtenBytes?.()) ?? new Map<string, number>();
  const usage = new Map<string, PodDiskUsage>();
  for (const { metadata, spec } of pods) {
    // Projected volumes are small, memory is not on the disk, and what lies elsewhere is not lost with the pod.
    const onDisk = (spec.volumes ?? []).filter(
      ({ emptyDir }) => emptyDir !== undefined && emptyDir.medium !== 'Memory',
    );
    let volumesBytes = 0;
    for (const { name } of onDisk) {
      const directory = volumeDirectory(podDirectory(paths, metadata.uid), 'empty-dir', name);
      volumesBytes += (await files.usedBytes(directory)) ?? 0;
    }
    const records = observed.get(metadata.uid)?.containers ?? [];
    const own = Map.groupBy(records, ({ name }) => name);
    const sums = [...own].map(([name, runs]): [string, number] => [
      name,
      runs.reduce((total, { id }) => total + (layers.get(id) ?? 0), 0),
    ]);
    usage.set(metadata.uid, { volumesBytes, layers: new Map(sums) });
  }
  return usage;
}
