/**
 * What a pod asks of its node: CPU in thousandths, everything else in whole units. The larger of all containers together and
 * of each init container with the sidecars before it, plus the overhead. Pure.
 * Source: Kubernetes, "Resource Management for Pods and Containers" and "Sidecar Containers" (effective requests).
 */
import type { Container } from '../../../shared/api/container.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import { quantityToBytes, quantityToMillis } from '../../../shared/machinery/quantity.ts';

export type Amounts = ReadonlyMap<string, number>;

type Quantities = Readonly<Record<string, string>>;

const NOTHING: Amounts = new Map();

export function parseAmounts(quantities: Quantities = {}): Amounts {
  return new Map(Object.entries(quantities).map(([name, text]) => [name, parseAmount(name, text)]));
}

export function parseAmount(name: string, text: string): number {
  return name === 'cpu' ? quantityToMillis(text) : quantityToBytes(text);
}

export function computePodRequests(spec: PodSpec): Amounts {
  const mains = spec.containers.map(requestsOf).reduce(plus, NOTHING);
  let sidecars = NOTHING;
  let peak = NOTHING;
  for (const container of spec.initContainers ?? []) {
    const own = requestsOf(container);
    peak = maximum(peak, plus(sidecars, own));
    if (container.restartPolicy === 'Always') sidecars = plus(sidecars, own);
  }
  const total = maximum(plus(mains, sidecars), peak);
  // Amounts of the pod as a whole take the place of their sum.
  return plus(new Map([...total, ...parseAmounts(spec.resources?.requests)]), parseAmounts(spec.overhead));
}

/** Where only a limit is given, it is the request too. */
export function requestsOf({ resources }: Pick<Container, 'resources'>): Amounts {
  return parseAmounts({ ...resources?.limits, ...resources?.requests });
}

export function plus(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (x, y) => x + y);
}

function maximum(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, Math.max);
}

function combine(a: Amounts, b: Amounts, operation: (x: number, y: number) => number): Amounts {
  const names = new Set([...a.keys(), ...b.keys()]);
  return new Map([...names].map((name) => [name, operation(a.get(name) ?? 0, b.get(name) ?? 0)]));
}
