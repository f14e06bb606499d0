/**
 * Amounts that pods ask for and nodes give: CPU in thousandths, memory in bytes, everything else in whole units by name.
 * Source: Kubernetes, "Resource Management for Pods and Containers" and "Sidecar Containers" (effective requests).
 */

import { quantityToBytes, quantityToMillis } from '../machinery/quantity.ts';
import type { Container } from './container.ts';
import type { PodSpec } from './pod-spec.ts';

export interface Amounts {
  cpuMillis: number;
  memoryBytes: number;
  /** Extended resources, `ephemeral-storage`, huge pages: whole units. */
  others: ReadonlyMap<string, number>;
}

export interface Allocatable extends Amounts {
  pods: number;
}

export interface PodRequests extends Amounts {
  /** What scoring assumes of pods that do not say: an empty request is not an empty pod. */
  scoringCpuMillis: number;
  scoringMemoryBytes: number;
}

type QuantityMap = Readonly<Record<string, string>>;

const NOTHING: ReadonlyMap<string, number> = new Map();

/** A container that asks for no CPU is scored as if it asked for a tenth of one. */
const ASSUMED_CPU_MILLIS = 100;

/** A container that asks for no memory is scored as if it asked for this; boards are small. */
const ASSUMED_MEMORY_BYTES = 64 * 1024 * 1024;

export function parseAmounts(quantities: QuantityMap = {}): Amounts {
  const others = Object.entries(quantities).filter(([name]) => name !== 'cpu' && name !== 'memory' && name !== 'pods');
  return {
    cpuMillis: quantityToMillis(quantities['cpu'] ?? '0'),
    memoryBytes: quantityToBytes(quantities['memory'] ?? '0'),
    others: others.length === 0 ? NOTHING : new Map(others.map(([name, text]) => [name, quantityToBytes(text)])),
  };
}

export function parseAllocatable(quantities: QuantityMap = {}): Allocatable {
  return { ...parseAmounts(quantities), pods: quantityToBytes(quantities['pods'] ?? '0') };
}

/**
 * What a node must have free for the pod: the larger of all containers together and of each init container with the
 * sidecars that were started before it, plus the overhead. Amounts of the pod as a whole take their place where given.
 */
export function computePodRequests(spec: PodSpec): PodRequests {
  const exact = effective(spec, (container) => parseAmounts(container.resources?.requests));
  const assumed = effective(spec, (container) => withAssumptions(parseAmounts(container.resources?.requests)));
  return { ...exact, scoringCpuMillis: assumed.cpuMillis, scoringMemoryBytes: assumed.memoryBytes };
}

function withAssumptions(amounts: Amounts): Amounts {
  return {
    ...amounts,
    cpuMillis: amounts.cpuMillis || ASSUMED_CPU_MILLIS,
    memoryBytes: amounts.memoryBytes || ASSUMED_MEMORY_BYTES,
  };
}

function effective(spec: PodSpec, amountsOf: (container: Container) => Amounts): Amounts {
  let total = spec.containers.map(amountsOf).reduce(plus, zero());
  let sidecars = zero();
  let peak = zero();
  for (const container of spec.initContainers ?? []) {
    const amounts = amountsOf(container);
    const isSidecar = container.restartPolicy === 'Always';
    peak = maximum(peak, plus(sidecars, amounts));
    if (isSidecar) sidecars = plus(sidecars, amounts);
  }
  total = maximum(plus(total, sidecars), peak);
  return plus(replaceGiven(total, spec.resources?.requests), parseAmounts(spec.overhead));
}

function replaceGiven(total: Amounts, ofPod: QuantityMap | undefined): Amounts {
  if (ofPod === undefined) return total;
  const given = parseAmounts(ofPod);
  return {
    cpuMillis: ofPod['cpu'] === undefined ? total.cpuMillis : given.cpuMillis,
    memoryBytes: ofPod['memory'] === undefined ? total.memoryBytes : given.memoryBytes,
    others: given.others.size === 0 ? total.others : new Map([...total.others, ...given.others]),
  };
}

function zero(): Amounts {
  return { cpuMillis: 0, memoryBytes: 0, others: NOTHING };
}

function plus(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (x, y) => x + y);
}

function maximum(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, Math.max);
}

function combine(a: Amounts, b: Amounts, operation: (x: number, y: number) => number): Amounts {
  return {
    cpuMillis: operation(a.cpuMillis, b.cpuMillis),
    memoryBytes: operation(a.memoryBytes, b.memoryBytes),
    others: combineOthers(a.others, b.others, operation),
  };
}

function combineOthers(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
  operation: (x: number, y: number) => number,
): ReadonlyMap<string, number> {
  if (a.size === 0 && b.size === 0) return NOTHING;
  const names = new Set([...a.keys(), ...b.keys()]);
  return new Map([...names].map((name) => [name, operation(a.get(name) ?? 0, b.get(name) ?? 0)]));
}
