/**
 * Pure: what a node gives to a pod of what it asks for. It is what the pod asked for when it came in; when it asks for more
 * later and the node does not have it, it stays what it was. Source: Kubernetes documentation, "Resize CPU and Memory
 * Resources assigned to Containers".
 */
import type { Container } from '../../../shared/api/container.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodSpec } from '../../../shared/api/pod-spec.ts';
import type { ResourceRequirements } from '../../../shared/api/resources.ts';
import { parseQuantity } from '../../../shared/machinery/quantity.ts';
import { isSidecar, shownStatus } from '../pod/pod-containers.ts';

export interface Allocation {
  resourcesOf(container: Pick<Container, 'name' | 'resources'>): ResourceRequirements;
  /** Why the pod does not get what it asks for now; undefined: it does. */
  pending: { reason: 'Deferred' | 'Infeasible'; message: string } | undefined;
}

/** The pod gets what it asks for. */
export const AS_ASKED: Allocation = { resourcesOf: ({ resources }) => resources ?? {}, pending: undefined };

/** The pod keeps what the API shows that it has. */
export function asShown(pod: Pod, pending: NonNullable<Allocation['pending']>): Allocation {
  return { resourcesOf: (container) => shownResources(pod, container) ?? container.resources ?? {}, pending };
}

const RESIZABLE = ['cpu', 'memory'] as const;

/** Whether a container of the pod asks for other amounts of CPU or memory than the API shows that it has. */
export function asksForResize(pod: Pod): boolean {
  return resizable(pod.spec).some((container) => {
    const shown = shownResources(pod, container);
    if (shown === undefined) return false;
    const { requests, limits } = container.resources ?? {};
    return RESIZABLE.some(
      (name) => !isSame(shown.requests?.[name], requests?.[name]) || !isSame(shown.limits?.[name], limits?.[name]),
    );
  });
}

function resizable({ containers, initContainers = [] }: PodSpec): Container[] {
  return [...containers, ...initContainers.filter(isSidecar)];
}

/** undefined: the container has not been given anything yet. */
function shownResources(
  pod: Pod,
  { name, resources }: Pick<Container, 'name' | 'resources'>,
): ResourceRequirements | undefined {
  const shown = shownStatus(pod, name);
  if (!shown?.containerID || shown.resources === undefined) return undefined;
  const { requests, limits } = shown.resources;
  return {
    ...resources,
    ...(requests ? { requests: { ...resources?.requests, ...requests } } : {}),
    ...(limits ? { limits: { ...resources?.limits, ...limits } } : {}),
  };
}

function isSame(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return parseQuantity(a).nanos === parseQuantity(b).nanos;
}

/** By name of the resource, in billionths. */
export type Amounts = ReadonlyMap<string, bigint>;

const ONE = 1_000_000_000n;

/**
 * What a pod takes of the node: all its containers and sidecars at once, or more where a single init container needs more.
 * Source: Kubernetes documentation, "Init Containers", "Resource sharing within containers".
 */
export function computePodRequests(spec: PodSpec, resourcesOf: Allocation['resourcesOf']): Amounts {
  const requestsOf = (container: Container): Amounts => toAmounts(resourcesOf(container).requests);
  let sidecars: Amounts = new Map();
  let mostAtInit: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = requestsOf(container);
    mostAtInit = combine(mostAtInit, plus(sidecars, own), max);
    if (isSidecar(container)) sidecars = plus(sidecars, own);
  }
  const running = spec.containers.map(requestsOf).reduce(plus, sidecars);
  // Amounts of the pod as a whole stand in the place of those of its containers.
  const total = new Map([...combine(running, mostAtInit, max), ...toAmounts(spec.resources?.requests)]);
  return new Map([...plus(total, toAmounts(spec.overhead)), ['pods', ONE]]);
}

export function toAmounts(quantities: Readonly<Record<string, string>> = {}): Amounts {
  return new Map(Object.entries(quantities).map(([name, quantity]) => [name, parseQuantity(quantity).nanos]));
}

export function plus(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (x, y) => x + y);
}

function combine(a: Amounts, b: Amounts, choose: (a: bigint, b: bigint) => bigint): Amounts {
  const names = new Set([...a.keys(), ...b.keys()]);
  return new Map([...names].map((name) => [name, choose(a.get(name) ?? 0n, b.get(name) ?? 0n)]));
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

export interface Lack {
  name: string;
  /** `requested: 500, used: 3700, capacity: 4000` */
  figures: string;
}

/** What there is not enough of. Amounts that the node does not count are somebody else's business. */
export function findLacks(wanted: Amounts, used: Amounts, capacity: Amounts): Lack[] {
  return [...wanted].flatMap(([name, amount]) => {
    const most = capacity.get(name);
    const taken = used.get(name) ?? 0n;
    if (most === undefined || amount === 0n || taken + amount <= most) return [];
    const show = (nanos: bigint): string => renderAmount(name, nanos);
    return [{ name, figures: `requested: ${show(amount)}, used: ${show(taken)}, capacity: ${show(most)}` }];
  });
}

/** CPU in thousandths, everything else in whole units, as Kubernetes tells them. */
function renderAmount(name: string, nanos: bigint): string {
  return String(nanos / (name === 'cpu' ? ONE / 1000n : ONE));
}
