/**
 * What pods use, as their boards' agents tell it, and what pods ask for. Pure. Amounts are thousandths of the unit: of a CPU,
 * of a byte.
 */
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { quantityToMillis } from '../../../shared/machinery/quantity.ts';
import { parseTime } from '../../../shared/platform/clock.ts';

/** Agents say something at least every minute; what is three times as old is of a board that nobody hears. */
export const MAX_SAMPLE_AGE_MS = 180_000;

/** Agents average the CPU over the time between two samples. */
export const SAMPLE_WINDOW_MS = 10_000;

export interface ResourceName {
  resource: string;
  /** One container alone; all of them unless given. */
  container?: string;
}

export interface Sample {
  millis: number;
  takenMs: number;
}

/** By name of the pod, in one namespace. */
export type Samples = ReadonlyMap<string, Sample>;

type PodUsage = NonNullable<NodeSensors['pods']>[number];

export function collectSamples(
  sensors: readonly NodeSensors[],
  namespace: string,
  { resource, container, nowMs }: ResourceName & { nowMs: number },
): Samples {
  const samples = new Map<string, Sample>();
  for (const { timestamp, pods = [] } of sensors) {
    const takenMs = parseTime(timestamp ?? '') ?? 0;
    if (nowMs - takenMs > MAX_SAMPLE_AGE_MS) continue;
    for (const usage of pods.filter((pod) => pod.namespace === namespace)) {
      const millis = usedMillis(usage, resource, container);
      const known = samples.get(usage.name);
      if (millis !== undefined && (known === undefined || known.takenMs < takenMs)) {
        samples.set(usage.name, { millis, takenMs });
      }
    }
  }
  return samples;
}

/** Nothing uses no memory: that is a board without a memory cgroup, which does not know. */
function usedMillis({ containers }: PodUsage, resource: string, container: string | undefined): number | undefined {
  const chosen = containers.filter(({ name, usage }) => {
    return (container === undefined || name === container) && usage?.[resource] !== undefined;
  });
  if (chosen.length === 0) return undefined;
  const total = chosen.reduce((sum, { usage }) => sum + quantityToMillis(usage?.[resource] ?? '0'), 0);
  return total === 0 && resource === 'memory' ? undefined : total;
}

/** A container that does not ask for the resource has no share of it: the metric cannot be computed. */
export class MissingRequestError extends Error {
  override readonly name = 'MissingRequestError';
}

/** What the pod asks for. Throws MissingRequestError. */
export function requestedMillis(pod: Pod, { resource, container }: ResourceName): number {
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const all = [...pod.spec.containers, ...sidecars].filter(({ name }) => container === undefined || name === container);
  return all.reduce((sum, { name, resources }) => {
    const request = resources?.requests?.[resource];
    if (request !== undefined) return sum + quantityToMillis(request);
    throw new MissingRequestError(`missing request for ${resource} in container ${name} of Pod ${pod.metadata.name}`);
  }, 0);
}
