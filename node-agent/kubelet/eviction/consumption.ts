/** What each pod uses of what runs out, beside what it asked for. Pure. */
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodUsage } from '../../sensors/dead-band.ts';
import { computePodRequests, requestsOf } from '../admission/pod-requests.ts';
import type { ContainerConsumption, PodConsumption } from './ranking.ts';
import type { Signal } from './signals.ts';

/** Bytes on disk of one pod, by where they lie. */
export interface PodDiskUsage {
  /** On the file system of volumes. */
  volumesBytes: number;
  /** On the file system of images: what containers have written to their own root. */
  layers: ReadonlyMap<string, number>;
}

export interface Usages {
  /** Of memory and processes, by uid. */
  pods: ReadonlyMap<string, PodUsage>;
  /** By uid; measured only when a disk is full. */
  disks: ReadonlyMap<string, PodDiskUsage>;
  /** Volumes and images share one file system. */
  isOneDisk: boolean;
}

type Measured = Pick<PodConsumption, 'used' | 'containers'>;

export function computeConsumption(pod: Pod, signal: Signal, usages: Usages): PodConsumption {
  const { uid } = pod.metadata;
  switch (signal) {
    case 'memory.available':
      return consume(
        pod,
        'memory',
        sumOf(pod, 'memory', (name) => memoryOf(usages.pods.get(uid), name)),
      );
    case 'pid.available':
      return consume(
        pod,
        'pids',
        sumOf(pod, 'pids', (name) => processesOf(usages.pods.get(uid), name)),
      );
    case 'nodefs.available':
    case 'imagefs.available':
      return consume(pod, 'ephemeral-storage', measureDisk(pod, signal, usages));
  }
}

function consume(pod: Pod, resource: string, measured: Measured): PodConsumption {
  return { pod, ...measured, requested: computePodRequests(pod.spec).get(resource) ?? 0 };
}

function sumOf({ spec }: Pod, resource: string, usedBy: (container: string) => number): Measured {
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  const containers: ContainerConsumption[] = all.map((container) => ({
    name: container.name,
    used: usedBy(container.name),
    requested: requestsOf(container).get(resource) ?? 0,
  }));
  return { used: containers.reduce((total, { used }) => total + used, 0), containers };
}

function memoryOf(usage: PodUsage | undefined, container: string): number {
  return usage?.containers.find(({ name }) => name === container)?.memoryBytes ?? 0;
}

function processesOf(usage: PodUsage | undefined, container: string): number {
  return usage?.containers.find(({ name }) => name === container)?.processes ?? 0;
}

/** Volumes count where they lie, writable layers where they do; both where that is one place. */
function measureDisk(pod: Pod, signal: Signal, { disks, isOneDisk }: Usages): Measured {
  const disk = disks.get(pod.metadata.uid);
  const countsLayers = isOneDisk || signal === 'imagefs.available';
  const countsVolumes = isOneDisk || signal === 'nodefs.available';
  const layers = sumOf(pod, 'ephemeral-storage', (name) => (countsLayers ? (disk?.layers.get(name) ?? 0) : 0));
  return { ...layers, used: layers.used + (countsVolumes ? (disk?.volumesBytes ?? 0) : 0) };
}
