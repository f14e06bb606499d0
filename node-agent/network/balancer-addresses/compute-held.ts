/**
 * Pure: which addresses of the pool this machine holds. Nobody is asked and nothing is written: each agent finds the same
 * holder by a number made of address and node (rendezvous hashing), so that an address moves only when its holder goes, or
 * comes back. While the master is away nothing changes.
 */
import { createHash } from 'node:crypto';
import { EXCLUDED_FROM_BALANCERS_LABEL } from '../../../shared/api/cluster-network.ts';
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Service } from '../../../shared/api/service.ts';
import { type AddressSpan, poolHas } from '../../../shared/machinery/address-pool.ts';
import { parseIp, parseRange, rangeContains } from '../../../shared/machinery/ip-range.ts';
import type { OwnAddress } from '../compute-routes.ts';

export interface HeldFacts {
  services: readonly Service[];
  /** EndpointSlices of a service, by its key. */
  slicesOf(service: string): readonly EndpointSlice[];
  nodes: readonly Node[];
  /** Nodes of this machine. */
  ownNodes: ReadonlySet<string>;
  ownAddresses: readonly OwnAddress[];
  pool: readonly AddressSpan[];
}

export interface HeldAddress {
  address: string;
  /** On whose segment it is announced. */
  device: string;
}

export function computeHeldAddresses(facts: HeldFacts): HeldAddress[] {
  return facts.services.flatMap((service) => {
    if (service.spec.type !== 'LoadBalancer') return [];
    const told = (service as { status?: Service['status'] }).status?.loadBalancer.ingress ?? [];
    const addresses = told.flatMap(({ ip }) => (ip !== undefined && poolHas(facts.pool, ip) ? [ip] : []));
    return addresses.flatMap((address) => holdHere(facts, service, address) ?? []);
  });
}

function holdHere(facts: HeldFacts, service: Service, address: string): HeldAddress | undefined {
  // Who is on another segment cannot answer for it.
  const segment = facts.ownAddresses.find(({ cidr }) => isInside(cidr, address));
  if (segment === undefined) return undefined;
  const serving = service.spec.externalTrafficPolicy === 'Local' ? nodesWithEndpoints(facts, service) : undefined;
  const able = facts.nodes.filter(
    (node) => isUsable(node) && isOnSegment(node, segment.cidr) && (serving?.has(node.metadata.name) ?? true),
  );
  const holder = chooseHolder(
    address,
    able.map(({ metadata }) => metadata.name),
  );
  return holder !== undefined && facts.ownNodes.has(holder) ? { address, device: segment.device } : undefined;
}

/** The node with the largest number; undefined: there is none. */
export function chooseHolder(address: string, nodes: readonly string[]): string | undefined {
  const ranked = nodes.map((node) => {
    return { node, rank: createHash('sha256').update(`${address} ${node}`).digest('hex') };
  });
  return ranked.sort((a, b) => (a.rank < b.rank ? 1 : -1))[0]?.node;
}

function isUsable({ metadata, status }: Node): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  return (
    ready && metadata.labels?.[EXCLUDED_FROM_BALANCERS_LABEL] === undefined && metadata.deletionTimestamp === undefined
  );
}

function isOnSegment({ status }: Node, cidr: string): boolean {
  return (status?.addresses ?? []).some(({ type, address }) => type === 'InternalIP' && isInside(cidr, address));
}

function isInside(cidr: string, address: string): boolean {
  const [range, ip] = [parseRange(cidr), parseIp(address)];
  return range !== undefined && ip !== undefined && rangeContains(range, ip);
}

function nodesWithEndpoints({ slicesOf }: HeldFacts, { metadata }: Service): Set<string> {
  const endpoints = slicesOf(`${metadata.namespace ?? ''}/${metadata.name}`).flatMap((slice) => slice.endpoints);
  const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
  return new Set(ready.flatMap(({ nodeName }) => nodeName ?? []));
}
