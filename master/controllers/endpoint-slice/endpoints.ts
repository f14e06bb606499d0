/**
 * The endpoints that a service should have: its pods, what they answer on and how they are. Pure. Source: Kubernetes,
 * "EndpointSlices", and its DNS specification for hostnames.
 */
import type { Endpoint, EndpointPort } from '../../../shared/api/endpoint-slice.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { Service } from '../../../shared/api/service.ts';
import type { ServicePort } from '../../../shared/api/service-spec.ts';
import { isPodReady } from '../pod-state.ts';

export type AddressType = 'IPv4' | 'IPv6';

/** Endpoints that can share a slice: one family, one list of ports. */
export interface EndpointGroup {
  addressType: AddressType;
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

export interface EndpointsInput {
  service: Service;
  /** Pods that the service selects. */
  pods: readonly Pod[];
  nodeOf(name: string): Node | undefined;
}

const ZONE_LABEL = 'topology.kubernetes.io/zone';

export function zoneOf(node: Node | undefined): string | undefined {
  return node?.metadata.labels?.[ZONE_LABEL];
}

/** Families that the service has; what does not say has IPv4. */
export function addressTypesOf({ spec }: Service): AddressType[] {
  if (spec.type === 'ExternalName') return [];
  const wanted = (['IPv4', 'IPv6'] as const).filter((family) => spec.ipFamilies?.includes(family));
  if (wanted.length > 0) return wanted;
  return spec.clusterIP?.includes(':') ? ['IPv6'] : ['IPv4'];
}

/** Groups in the order in which their first pod comes. */
export function computeEndpointGroups(input: EndpointsInput): EndpointGroup[] {
  const groups = new Map<string, EndpointGroup>();
  for (const addressType of addressTypesOf(input.service)) {
    for (const pod of input.pods) {
      const addresses = addressesOf(pod, addressType);
      if (!isEndpoint(pod) || addresses.length === 0) continue;
      const ports = portsOf(input.service, pod);
      const key = `${addressType} ${JSON.stringify(ports)}`;
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
      group.endpoints.push(endpointOf(input, pod, addresses));
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

/** A pod that has ended has no address that leads anywhere; one that is on its way out may still answer. */
function isEndpoint({ status }: Pod): boolean {
  return status.phase !== 'Succeeded' && status.phase !== 'Failed';
}

function addressesOf({ status }: Pod, type: AddressType): string[] {
  const all = status.podIPs?.length ? status.podIPs.map(({ ip }) => ip) : [status.podIP ?? ''];
  return all.filter((ip) => ip !== '' && ip.includes(':') === (type === 'IPv6')).slice(0, 1);
}

function endpointOf({ service, nodeOf }: EndpointsInput, pod: Pod, addresses: string[]): Endpoint {
  const { namespace, name, uid, deletionTimestamp } = pod.metadata;
  const { nodeName, hostname, subdomain } = pod.spec;
  const serving = isPodReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const zone = nodeName ? zoneOf(nodeOf(nodeName)) : undefined;
  return {
    addresses,
    conditions: { ready, serving, terminating },
    targetRef: { kind: 'Pod', ...(namespace ? { namespace } : {}), name, uid },
    ...(hostname && subdomain === service.metadata.name ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  };
}

/** Ports of the service as this pod has them; a named port that the pod lacks is left out. */
function portsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = targetPortOf(port, pod);
    if (number === undefined) return [];
    const { name = '', protocol, appProtocol } = port;
    return [{ name, protocol, port: number, ...(appProtocol ? { appProtocol } : {}) }];
  });
}

function targetPortOf({ targetPort, port, protocol }: ServicePort, { spec }: Pod): number | undefined {
  if (typeof targetPort !== 'string') return targetPort || port;
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const ports = [...spec.containers, ...sidecars].flatMap((container) => container.ports ?? []);
  return ports.find((candidate) => candidate.name === targetPort && candidate.protocol === protocol)?.containerPort;
}
