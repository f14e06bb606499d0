/**
 * What Kubernetes' documentation says of services, written down a second time and as plainly as possible: for one packet, where
 * it may go. Shares nothing with the proxy.
 */
import type { Endpoint } from '../../../shared/api/endpoint-slice.ts';
import { parseIp, parseRange, rangeContains } from '../../../shared/machinery/ip-range.ts';
import { defined } from '../../../shared/platform/assert.ts';
import type { Packet } from '../../support/nft/packet.ts';
import { HERE, OWN_ADDRESSES, type ServiceState, ZONES } from './world.ts';

export type Expected =
  | { verdict: 'reject' | 'drop' }
  /** `service: undefined`: the packet is not for a service, and goes where it was going. */
  | { verdict: 'accept'; destinations: string[]; service: string | undefined };

interface Hit {
  state: ServiceState;
  portName: string;
  protocol: string;
  by: 'ClusterIP' | 'ExternalIP' | 'LoadBalancer' | 'NodePort';
}

export function expectOutcome(states: readonly ServiceState[], packet: Packet): Expected {
  const hit = findHit(states, packet);
  if (hit === undefined) {
    if (isIn('10.43.0.0/16', packet.destination) || isIn('fd43::/112', packet.destination))
      return { verdict: 'reject' };
    return { verdict: 'accept', destinations: [`${packet.destination} ${packet.port}`], service: undefined };
  }
  const { spec } = hit.state.service;
  const family = packet.destination.includes(':') ? 'IPv6' : 'IPv4';
  const endpoints = hit.state.slices.filter(({ addressType }) => addressType === family).flatMap((s) => s.endpoints);
  const all = working(endpoints);
  if (all.length === 0) return { verdict: 'reject' };
  const local = working(endpoints.filter(({ nodeName }) => nodeName === HERE));
  const preferred = prefer(hit.state, all);
  if (hit.by === 'ClusterIP') {
    const isLocal = spec.internalTrafficPolicy === 'Local';
    return leadTo(hit, isLocal ? local : preferred);
  }
  if (hit.by === 'LoadBalancer' && isKeptOut(hit.state, packet)) return { verdict: 'drop' };
  const isInsider = isIn('10.42.0.0/24', packet.source) || isIn('fd42::/64', packet.source) || isOwn(packet.source);
  if (spec.externalTrafficPolicy !== 'Local' || isInsider) return leadTo(hit, preferred);
  return leadTo(hit, local);
}

function leadTo({ state, portName, protocol }: Hit, endpoints: readonly Endpoint[]): Expected {
  if (endpoints.length === 0) return { verdict: 'drop' };
  const slicePort = defined(state.slices[0]?.ports, 'ports').find(
    (p) => p.name === portName && p.protocol === protocol,
  );
  const destinations = endpoints.map(({ addresses }) => `${addresses[0]} ${slicePort?.port}`);
  return { verdict: 'accept', destinations: [...new Set(destinations)].sort(), service: state.service.metadata.name };
}

/** Addresses come before node ports; of services that claim the same, the older one has it. */
function findHit(states: readonly ServiceState[], packet: Packet): Hit | undefined {
  const byAge = [...states].sort((a, b) => (age(a) < age(b) ? -1 : 1));
  const hits = byAge.flatMap((state) => hitsOf(state, packet));
  return hits.find(({ by }) => by !== 'NodePort') ?? hits[0];
}

function age({ service: { metadata } }: ServiceState): string {
  return `${metadata.creationTimestamp} ${metadata.name}`;
}

function hitsOf(state: ServiceState, { destination, protocol, port }: Packet): Hit[] {
  const { spec, status } = state.service;
  if (spec.type === 'ExternalName') return [];
  const family = destination.includes(':') ? 6 : 4;
  const served = (spec.clusterIPs ?? []).some((ip) => ip !== 'None' && (ip.includes(':') ? 6 : 4) === family);
  if (!served) return [];
  return (spec.ports ?? []).flatMap((each): Hit[] => {
    if (each.protocol.toLowerCase() !== protocol) return [];
    const base = { state, portName: each.name ?? '', protocol: each.protocol };
    const ingress = spec.type === 'LoadBalancer' ? (status.loadBalancer.ingress ?? []) : [];
    const isPort = each.port === port;
    return [
      ...(isPort && spec.clusterIPs?.includes(destination) ? [{ ...base, by: 'ClusterIP' as const }] : []),
      ...(isPort && spec.externalIPs?.includes(destination) ? [{ ...base, by: 'ExternalIP' as const }] : []),
      ...(isPort && ingress.some(({ ip }) => ip === destination) ? [{ ...base, by: 'LoadBalancer' as const }] : []),
      ...(each.nodePort === port && isOwn(destination) && destination !== '127.0.0.1'
        ? [{ ...base, by: 'NodePort' as const }]
        : []),
    ];
  });
}

function working(endpoints: readonly Endpoint[]): Endpoint[] {
  const ready = endpoints.filter(({ conditions }) => conditions.ready !== false);
  if (ready.length > 0) return ready;
  return endpoints.filter(({ conditions }) => conditions.serving === true && conditions.terminating === true);
}

function prefer({ service }: ServiceState, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const { metadata, spec } = service;
  if (metadata.annotations?.['bramble.dev/traffic-distribution'] === 'Cluster') return endpoints;
  const isNear =
    spec.trafficDistribution === 'PreferClose'
      ? ({ nodeName }: Endpoint) => ZONES[nodeName ?? ''] === ZONES[HERE]
      : ({ nodeName }: Endpoint) => nodeName === HERE;
  const near = endpoints.filter(isNear);
  return near.length > 0 ? near : endpoints;
}

/** A load balancer's ranges, when there are any; ranges of the other family let in nobody. */
function isKeptOut({ service: { spec } }: ServiceState, { source }: Packet): boolean {
  const ranges = spec.loadBalancerSourceRanges ?? [];
  return ranges.length > 0 && !ranges.some((range) => isIn(range, source));
}

function isOwn(address: string): boolean {
  return OWN_ADDRESSES.includes(address);
}

function isIn(range: string, address: string): boolean {
  return rangeContains(defined(parseRange(range), range), defined(parseIp(address), address));
}
