/**
 * Pure: whether a pod has more on the node's disk than it may: in an emptyDir volume, in all together, or in what one container
 * wrote to its own root. Source: Kubernetes, pkg/kubelet/eviction, localStorageEviction; logs are bounded by their rotation
 * and do not count here.
 */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { formatBytes, quantityToBytes } from '../../../shared/machinery/quantity.ts';

const RESOURCE = 'ephemeral-storage';

/** Bytes by name. */
export interface LocalUsage {
  /** emptyDir volumes on the disk. */
  volumes: ReadonlyMap<string, number>;
  /** What containers have written to their own root. */
  containers: ReadonlyMap<string, number>;
}

/** What has to be measured; nothing, where a pod sets no limit. */
export interface LocalLimits {
  volumes: ReadonlyMap<string, string>;
  /** The pod as a whole may have the sum of these. */
  containers: ReadonlyMap<string, string>;
}

export function localLimitsOf({ spec }: Pod): LocalLimits {
  const bounded = emptyDirsOf(spec.volumes).filter(({ emptyDir }) => emptyDir?.sizeLimit);
  return {
    volumes: new Map(bounded.map(({ name, emptyDir }) => [name, emptyDir?.sizeLimit ?? ''])),
    containers: new Map(
      containersIn(spec).flatMap(({ name, resources }): [string, string][] => {
        const limit = resources?.limits?.[RESOURCE];
        return limit === undefined ? [] : [[name, limit]];
      }),
    ),
  };
}

/** Memory is not on the disk. */
export function emptyDirsOf(volumes: Pod['spec']['volumes'] = []): NonNullable<Pod['spec']['volumes']> {
  return volumes.filter(({ emptyDir }) => emptyDir !== undefined && emptyDir.medium !== 'Memory');
}

function containersIn({ containers, initContainers = [] }: Pod['spec']): Container[] {
  return [...initContainers, ...containers];
}

/** Words of an eviction; undefined: all is within its bounds. */
export function findExcess(limits: LocalLimits, usage: LocalUsage): string | undefined {
  const volume = [...limits.volumes].find(([name, limit]) => exceeds(usage.volumes.get(name), limit));
  if (volume !== undefined) return `Usage of EmptyDir volume "${volume[0]}" exceeds the limit "${volume[1]}". `;
  const total = computeTotal(limits, usage);
  if (total !== undefined) return `Pod ephemeral local storage usage exceeds the total limit of containers ${total}. `;
  const container = [...limits.containers].find(([name, limit]) => exceeds(usage.containers.get(name), limit));
  if (container === undefined) return undefined;
  return `Container ${container[0]} exceeded its local ephemeral storage limit "${container[1]}". `;
}

/** The sum of the limits, where all that the pod has on the disk is more. */
function computeTotal({ containers }: LocalLimits, usage: LocalUsage): string | undefined {
  if (containers.size === 0) return undefined;
  const limitBytes = sum([...containers.values()].map(quantityToBytes));
  const usedBytes = sum([...usage.volumes.values(), ...usage.containers.values()]);
  return usedBytes > limitBytes ? formatBytes(limitBytes) : undefined;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function exceeds(bytes: number | undefined, limit: string): boolean {
  return bytes !== undefined && bytes > quantityToBytes(limit);
}
