/**
 * Pure: the addresses at which a Service of type LoadBalancer is served: those of the nodes themselves, as there is nothing
 * else on a LAN that could carry them. Every node serves every service, so a client may use any of them.
 */
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Service } from '../../../shared/api/service.ts';
import { familyOf } from '../../../shared/machinery/ip-range.ts';

export type Ingress = NonNullable<Service['status']['loadBalancer']['ingress']>;

/** Kubernetes' label for nodes that shall not serve clients from outside. */
const EXCLUDED_LABEL = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** Services of another class are another provider's. */
export const OWN_CLASS = 'bramble.dev/node-addresses';

/** undefined: the service is none of ours, its status stays as it is. */
export function computeIngress(
  service: Service,
  nodes: readonly Node[],
  slices: readonly EndpointSlice[],
): Ingress | undefined {
  const { type, loadBalancerClass, externalTrafficPolicy, clusterIPs = [], clusterIP = '' } = service.spec;
  if ((loadBalancerClass ?? OWN_CLASS) !== OWN_CLASS) return undefined;
  if (type !== 'LoadBalancer' || service.metadata.deletionTimestamp !== undefined) return [];
  const families = new Set((clusterIPs.length > 0 ? clusterIPs : [clusterIP]).map(familyOf));
  const serving = externalTrafficPolicy === 'Local' ? nodesWithEndpoints(slices) : undefined;
  const usable = nodes.filter((node) => isUsable(node) && (serving?.has(node.metadata.name) ?? true));
  const addresses = usable.flatMap(addressesOf).filter((address) => families.has(familyOf(address)));
  return [...new Set(addresses)].sort().map((ip) => ({ ip, ipMode: 'VIP' }));
}

function isUsable({ metadata, status }: Node): boolean {
  const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  return ready && metadata.labels?.[EXCLUDED_LABEL] === undefined && metadata.deletionTimestamp === undefined;
}

function addressesOf({ status }: Node): string[] {
  return (status.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
}

function nodesWithEndpoints(slices: readonly EndpointSlice[]): Set<string> {
  const ready = slices.flatMap(({ endpoints }) => endpoints).filter(({ conditions }) => conditions?.ready !== false);
  return new Set(ready.flatMap(({ nodeName }) => nodeName ?? []));
}
