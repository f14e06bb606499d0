/**
 * What a pod takes from a quota, and what it must say of itself to be counted. Pure. Source: Kubernetes, "Resource Quotas",
 * compute resource quota.
 */
import type { QuantityMap } from '../../machinery/quantity-map.ts';
import { parseTime } from '../../platform/clock.ts';
import type { Container } from '../container.ts';
import type { Pod } from '../pod.ts';
import { podLimits, podRequests } from '../pod-amounts.ts';
import type { PodSpec } from '../pod-spec.ts';

/** Names without a prefix are requests, too. */
const UNPREFIXED: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

const LIMITED: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** `count/pods` is every pod that is stored, `pods` and amounts are those that may still run. */
export function podUsage(pod: Pod, nowMs: number): QuantityMap {
  const stored = { 'count/pods': '1' };
  return isOver(pod, nowMs) ? stored : { ...stored, pods: '1', ...amountsOf(pod.spec) };
}

function amountsOf(spec: PodSpec): QuantityMap {
  const requests = Object.entries(podRequests(spec)).flatMap(([name, amount]) => [
    [`requests.${name}`, amount],
    ...(UNPREFIXED.has(name) || name.startsWith('hugepages-') ? [[name, amount]] : []),
  ]);
  const limits = Object.entries(podLimits(spec)).filter(([name]) => LIMITED.has(name));
  return Object.fromEntries([...requests, ...limits.map(([name, amount]) => [`limits.${name}`, amount])]);
}

/** Ended, or past the time that it had to end: a pod on a lost board does not keep the quota for ever. */
function isOver(pod: Pod, nowMs: number): boolean {
  if (pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') return true;
  const endMs = graceEndMs(pod);
  return endMs !== undefined && nowMs > endMs;
}

/** When a pod that is being deleted stops counting; undefined for others. */
export function graceEndMs({ metadata: { deletionTimestamp } }: Pod): number | undefined {
  return deletionTimestamp === undefined ? undefined : parseTime(deletionTimestamp);
}

/** A quota on these wants each container to say what it takes. */
const EXPLICIT: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
]);

/** `must specify limits.cpu for: main; requests.memory for: helper,main`; undefined when nothing is missing. */
export function missingAmounts(spec: PodSpec, names: readonly string[]): string | undefined {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const parts = names
    .filter((name) => EXPLICIT.has(name) && !isSaid(spec, name))
    .sort()
    .flatMap((name) => {
      const silent = containers.filter((container) => !isSaid(container, name));
      return silent.length === 0 ? [] : [`${name} for: ${namesOf(silent)}`];
    });
  return parts.length === 0 ? undefined : `must specify ${parts.join('; ')}`;
}

function namesOf(containers: readonly Container[]): string {
  return [...new Set(containers.map(({ name }) => name))].sort().join(',');
}

interface Holder {
  resources?: { requests?: QuantityMap | undefined; limits?: QuantityMap | undefined } | undefined;
}

function isSaid({ resources }: Holder, name: string): boolean {
  const [part, resource] = name.includes('.') ? name.split('.') : ['requests', name];
  const amounts = part === 'limits' ? resources?.limits : resources?.requests;
  return amounts?.[resource ?? ''] !== undefined;
}
