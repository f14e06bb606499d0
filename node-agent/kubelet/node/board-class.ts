/** What a board can be asked to do at once. Pure. */
import type { Inventory } from '../../sensors/sensors.ts';

/** Boards of 1 GB show a little less: the graphics chip and the kernel have their part. */
const SMALL_MEMORY_BYTES = 1024 * 1024 * 1024;
const SMALL_CPUS = 1;

const PARALLEL_PODS = 4;

/**
 * Pods worked on at the same time. A small board starts its containers one by one: several starts at once drive its load above
 * 40 and let everything time out, while the same starts in a row take less time altogether.
 */
export function computeParallelPods({ cpus, memoryBytes }: Pick<Inventory, 'cpus' | 'memoryBytes'>): number {
  return memoryBytes <= SMALL_MEMORY_BYTES || cpus <= SMALL_CPUS ? 1 : PARALLEL_PODS;
}
