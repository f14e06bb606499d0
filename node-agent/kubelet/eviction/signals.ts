/** What a node can run out of, read from a sample. Pure. Source: Kubernetes, "Node-pressure Eviction", eviction signals. */
import type { DiskReading, Sample } from '../../sensors/sensors.ts';

/** In the order in which they are relieved: memory is the most urgent. */
export const SIGNALS = ['memory.available', 'nodefs.available', 'imagefs.available', 'pid.available'] as const;

export type Signal = (typeof SIGNALS)[number];

/** In bytes; processes for `pid.available`. */
export interface Observation {
  available: number;
  capacity: number;
}

/** Signals that the board cannot tell are absent. */
export type Observations = ReadonlyMap<Signal, Observation>;

/** `nodefs` holds the agent's data and the pods' volumes, `imagefs` images and containers; often they are one. */
export function observeSignals(sample: Sample): Observations {
  const { processes } = sample;
  const memory = { available: sample.memoryAvailableBytes, capacity: sample.memoryTotalBytes };
  const pids = processes && { available: Math.max(0, processes.max - processes.count), capacity: processes.max };
  const all: [Signal, Observation | undefined][] = [
    ['memory.available', memory],
    ...observeDisks(sample),
    ['pid.available', pids],
  ];
  return new Map(all.flatMap(([signal, seen]) => (seen && seen.capacity > 0 ? [[signal, seen] as const] : [])));
}

export function observeDisks(sample: DiskReading): [Signal, Observation][] {
  const images = { available: sample.diskAvailableBytes, capacity: sample.diskTotalBytes };
  const { nodeDisk } = sample;
  const node = nodeDisk ? { available: nodeDisk.availableBytes, capacity: nodeDisk.totalBytes } : images;
  return [
    ['nodefs.available', node],
    ['imagefs.available', images],
  ];
}

/** Whether pods' volumes and images share one file system; two of the same size and fill are taken for one. */
export function isOneDisk(observations: Observations): boolean {
  const [node, images] = [observations.get('nodefs.available'), observations.get('imagefs.available')];
  return node?.capacity === images?.capacity && node?.available === images?.available;
}
