/**
 * Whether a pod that was assigned to this node may come in: the scheduler knows the node as it was a moment ago. Pure.
 * Source: Kubernetes, pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/eviction (Admit), pkg/kubelet/cm/devicemanager.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { TAINT_KEYS, tolerates } from '../../../shared/machinery/taints.ts';
import type { Shortage } from '../devices/allocation.ts';
import { RESOURCE_PREFIX, resourceOf } from '../devices/device.ts';
import type { PressureType } from '../eviction/pressure.ts';
import { computeQosClass } from '../spec/qos.ts';
import { type Amounts, computePodRequests, parseAmounts, plus } from './pod-requests.ts';

export interface Rejection {
  reason: string;
  message: string;
}

/** Pods of this priority and above keep the cluster itself alive; no node turns them away or evicts them. */
export const SYSTEM_CRITICAL_PRIORITY = 2_000_000_000;

export function isCritical({ spec }: Pod): boolean {
  return (spec.priority ?? 0) >= SYSTEM_CRITICAL_PRIORITY;
}

/** `others`: the pods that are here already, and run or will. */
export function checkRoom(
  pod: Pod,
  others: readonly Pod[],
  allocatable: Readonly<Record<string, string>>,
): Rejection | undefined {
  const capacity = parseAmounts(allocatable);
  // Before the node knows itself, the scheduler knows better.
  if (!capacity.has('cpu')) return undefined;
  const used = others.map(({ spec }) => computePodRequests(spec)).reduce(plus, new Map());
  const pods = capacity.get('pods') ?? 0;
  if (others.length + 1 > pods) return outOf('pods', { requested: 1, used: others.length, capacity: pods });
  const requested = [...computePodRequests(pod.spec)].filter(
    ([name, amount]) => amount > 0 && isCounted(name, capacity),
  );
  for (const [name, amount] of requested) {
    const [there, taken] = [capacity.get(name) ?? 0, used.get(name) ?? 0];
    if (taken + amount > there) return outOf(name, { requested: amount, used: taken, capacity: there });
  }
  return undefined;
}

/** The size of the disk is read a moment after the start; devices are given one by one, see devices/allocation.ts. */
function isCounted(name: string, capacity: Amounts): boolean {
  if (name.startsWith(RESOURCE_PREFIX)) return false;
  return name !== 'ephemeral-storage' || capacity.has(name);
}

function outOf(name: string, amounts: { requested: number; used: number; capacity: number }): Rejection {
  const { requested, used, capacity } = amounts;
  const message = `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${name}`, message };
}

export function rejectForDevices({ name, requested, available }: Shortage): Rejection {
  const message =
    `Allocate failed due to requested number of devices unavailable for ${resourceOf(name)}. ` +
    `Requested: ${requested}, Available: ${available}, which is unexpected`;
  return { reason: 'UnexpectedAdmissionError', message };
}

/** Memory pressure turns only those away who asked for nothing and do not tolerate it, other pressures everybody. */
export function checkPressure(pod: Pod, pressures: readonly PressureType[]): Rejection | undefined {
  if (pressures.length === 0 || isCritical(pod)) return undefined;
  const isMemoryOnly = pressures.every((type) => type === 'MemoryPressure');
  if (isMemoryOnly && (computeQosClass(pod.spec) !== 'BestEffort' || toleratesMemoryPressure(pod))) return undefined;
  return { reason: 'Evicted', message: `The node had condition: [${pressures.join(' ')}]. ` };
}

function toleratesMemoryPressure({ spec }: Pod): boolean {
  const taint = { key: TAINT_KEYS.memoryPressure, effect: 'NoSchedule' } as const;
  return (spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint));
}
