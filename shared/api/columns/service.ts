/** What `kubectl get services` prints. */
import { ageColumn, type Column, nameColumn } from '../../schema/define-kind.ts';
import type { KubernetesObject } from '../../schema/object-meta.ts';
import type { ServiceSpec, ServiceStatus } from '../service-spec.ts';
import { labelsText } from './workload.ts';

interface ServiceParts extends KubernetesObject {
  spec: ServiceSpec;
  status: ServiceStatus;
}

/** Where the service can be reached from outside; a load balancer without an address is `<pending>`. */
export function externalAddressText({ spec, status }: ServiceParts): string {
  if (spec.type === 'ExternalName') return spec.externalName ?? '<unknown>';
  const ingress = spec.type === 'LoadBalancer' ? (status.loadBalancer.ingress ?? []) : [];
  const balanced = [...new Set(ingress.map(({ ip, hostname }) => ip || hostname || ''))].filter((text) => text !== '');
  const addresses = [...balanced.sort(), ...(spec.externalIPs ?? [])];
  if (addresses.length > 0) return addresses.join(',');
  return spec.type === 'LoadBalancer' ? '<pending>' : '<none>';
}

/** `80/TCP,443:30443/TCP`: port, node port when there is one, protocol. */
export function portsText({ spec }: ServiceParts): string {
  const ports = (spec.ports ?? []).map(({ port, nodePort, protocol }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return ports.length === 0 ? '<none>' : ports.join(',');
}

export const serviceColumns: readonly Column<ServiceParts>[] = [
  nameColumn(),
  { name: 'Type', type: 'string', description: 'who can reach it', value: ({ spec }) => spec.type },
  {
    name: 'Cluster-IP',
    type: 'string',
    description: 'address inside the cluster',
    value: ({ spec }) => spec.clusterIP || '<none>',
  },
  { name: 'External-IP', type: 'string', description: 'addresses outside of it', value: externalAddressText },
  { name: 'Port(s)', type: 'string', description: 'ports, node ports and protocols', value: portsText },
  ageColumn(),
  {
    name: 'Selector',
    type: 'string',
    priority: 1,
    description: 'labels of the pods behind it',
    value: ({ spec }) => labelsText(spec.selector),
  },
];
