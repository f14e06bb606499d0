/** What is told of an eviction, in Kubernetes' words. Pure. Source: Kubernetes, pkg/kubelet/eviction/helpers.go. */
import { formatBytes } from '../../../shared/machinery/quantity.ts';
import type { PodConsumption } from './ranking.ts';
import type { Signal } from './signals.ts';

/** Kubernetes' names of what runs out. */
export const RESOURCE_OF: Readonly<Record<Signal, string>> = {
  'memory.available': 'memory',
  'nodefs.available': 'ephemeral-storage',
  'imagefs.available': 'ephemeral-storage',
  'pid.available': 'pids',
};

export interface Shortfall {
  signal: Signal;
  available: number;
  minimum: number;
}

export function renderEvictionMessage({ signal, available, minimum }: Shortfall, consumption: PodConsumption): string {
  const resource = RESOURCE_OF[signal];
  const format = signal === 'pid.available' ? String : formatBytes;
  const greedy = consumption.containers
    .filter(({ used, requested }) => used > requested)
    .map(
      ({ name, used, requested }) =>
        `Container ${name} was using ${format(used)}, request is ${format(requested)}, has larger consumption of ${resource}. `,
    );
  return [
    `The node was low on resource: ${resource}. `,
    `Threshold quantity: ${format(minimum)}, available: ${format(available)}. `,
    ...greedy,
  ].join('');
}
