/**
 * Pure: the addresses of nodes at which a Service of type LoadBalancer is served. Every node serves every service, so a client
 * may use any of them.
 */
import { BALANCER_CLASSES, EXCLUDED_FROM_BALANCERS_LABEL } from '../../../shared/api/cluster-network.ts';
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Service } from '../../../shared/api/service.ts';
import { familyOf } from '../../../shared/machinery/ip-range.ts';

export type Ingress = NonNullable<Service['status']['loadBalancer']['ingress']>;

/** What is to be done for a Service; `foreign`: its class is another provider's, its status stays as it is. */
export type Provision = 'none' | 'nodes' | 'pool' | 'foreign';

/** Who does not say gets an address of the pool where there is one. */
export function provisionOf({ spec, metadata }: Service, hasPool: boolean): Provision {
  const wanted = spec.loadBalancerClass ?? (hasPool ? BALANCER_CLASSES.pool : BALANCER_CLASSES.nodes);
  const isOurs = wanted === BALANCER_CLASSES.nodes || wanted === BALANCER_CLASSES.pool;
  if (!isOurs) return 'foreign';
  if (spec.type !== 'LoadBalancer' || metadata.deletionTimestamp !== undefined) return 'none';
  return wanted === BALANCER_CLASSES.pool ? 'pool' : 'nodes';
}

export function computeIngress(service: Service, nodes: readonly Node[], slices: readonly EndpointSlice[]): Ingress {
  const { externalTrafficPolicy, clusterIPs = [], clusterIP = '' } = service.spec;
  const families = new Set((clusterIPs.length > 0 ? clusterIPs : [clusterIP]).map(familyOf));
  const serving = externalTrafficPolicy === 'Local' ? nodesWithEndpoints(slices) : undefined;
  const usable = nodes.filter((node) => isUsable(node) && (serving?.has(node.metadata.name) ?? true));
  const addresses = usable.flatMap(addressesOf).filter((address) => families.has(familyOf(address)));
  return [...new Set(addresses)].sort().map((ip) => ({ ip, ipMode: 'VIP' }));
}

function isUsable({ metadata, status }: Node): boolean {
  const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  return (
    ready && metadata.labels?.[EXCLUDED_FROM_BALANCERS_LABEL] === undefined && metadata.deletionTimestamp === undefined
  );
}

function addressesOf({ status }: Node): string[] {
  return (status.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
}

function nodesWithEndpoints(slices: readonly EndpointSlice[]): Set<string> {
  const ready = slices.flatMap(({ endpoints }) => endpoints).filter(({ conditions }) => conditions?.ready !== false);
  return new Set(ready.flatMap(({ nodeName }) => nodeName ?? []));
}
