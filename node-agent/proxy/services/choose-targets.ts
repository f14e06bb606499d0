/**
 * Pure: which of a service's endpoints traffic goes to. The rules are Kubernetes' own but for one: endpoints on the same
 * machine come first unless the service says otherwise, because a hop over Wi-Fi costs more than anything it could win.
 * Source: Kubernetes, "Service", sections on traffic policies and traffic distribution; KEP-1669 for terminating endpoints.
 */
import type { Endpoint, EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Service } from '../../../shared/api/service.ts';
import { canonicalAddress } from './canonical-address.ts';
import type { Locality, Target } from './portal.ts';

/** `Cluster` as its value: all endpoints count the same. */
export const DISTRIBUTION_ANNOTATION = 'bramble.dev/traffic-distribution';

/** How near endpoints are preferred. */
export type Distribution = 'node' | 'zone' | 'cluster';

export interface Candidate extends Target {
  zone: string;
  isReady: boolean;
  /** Answers, although it is on its way out. */
  isLeaving: boolean;
}

/** Targets by preference, for the traffic policies of a service. */
export interface Choice {
  /** Policy Cluster. */
  cluster: Target[];
  /** Policy Local. */
  local: Target[];
}

export function distributionOf({ metadata, spec }: Service): Distribution {
  const wish = metadata.annotations?.[DISTRIBUTION_ANNOTATION];
  if (wish?.toLowerCase() === 'cluster') return 'cluster';
  const isByZone = spec.trafficDistribution === 'PreferClose' || spec.trafficDistribution === 'PreferSameZone';
  return isByZone ? 'zone' : 'node';
}

/** Endpoints of one port, in an order that does not depend on the slices'. */
export function candidatesOf(slices: readonly EndpointSlice[], portName: string, locality: Locality): Candidate[] {
  const found = slices.flatMap((slice) => {
    const port = slice.ports?.find(({ name }) => (name ?? '') === portName)?.port;
    return port === undefined ? [] : slice.endpoints.map((endpoint) => asCandidate(endpoint, port, locality));
  });
  const unique = new Map<string, Candidate>();
  for (const each of found) {
    if (each === undefined) continue;
    const present = unique.get(keyOf(each));
    // While an endpoint moves from one slice to another it is in both; what is said of it last is that it is ready.
    if (present === undefined || readiness(each) > readiness(present)) unique.set(keyOf(each), each);
  }
  return [...unique.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function readiness({ isReady, isLeaving }: Candidate): number {
  return isReady ? 2 : isLeaving ? 1 : 0;
}

function asCandidate(endpoint: Endpoint, port: number, { nodes }: Locality): Candidate | undefined {
  const { addresses, nodeName = '', zone = '', conditions = {} } = endpoint;
  const address = canonicalAddress(addresses[0] ?? '');
  if (address === undefined) return undefined;
  const isReady = conditions.ready !== false;
  const isLeaving = !isReady && conditions.terminating === true && conditions.serving === true;
  return { address, port, zone, isReady, isLeaving, isLocal: nodes.has(nodeName) };
}

function keyOf({ address, port }: Target): string {
  return `${address} ${port}`;
}

export function chooseTargets(
  candidates: readonly Candidate[],
  distribution: Distribution,
  { zone }: Locality,
): Choice {
  const local = usable(candidates.filter(({ isLocal }) => isLocal));
  const cluster = nearest(usable(candidates), distribution, zone);
  return { cluster: cluster.map(asTarget), local: local.map(asTarget) };
}

/** Those that are ready; when there is none, those that still answer. */
function usable(candidates: readonly Candidate[]): Candidate[] {
  const ready = candidates.filter(({ isReady }) => isReady);
  return ready.length > 0 ? ready : candidates.filter(({ isLeaving }) => isLeaving);
}

function nearest(candidates: readonly Candidate[], distribution: Distribution, zone: string): readonly Candidate[] {
  const near = candidates.filter((candidate) => {
    if (distribution === 'node') return candidate.isLocal;
    return distribution === 'zone' && zone !== '' && candidate.zone === zone;
  });
  return near.length > 0 ? near : candidates;
}

function asTarget({ address, port, isLocal }: Candidate): Target {
  return { address, port, isLocal };
}
