/**
 * Pure: where a backend's requests can go, those on this node first. What services are for inside the cluster, a proxy on
 * the node does itself: it knows the endpoints, and can try another when one does not answer.
 */
import type { Endpoint, EndpointSlice } from '../../shared/api/endpoint-slice.ts';
import type { IngressBackend } from '../../shared/api/ingress.ts';
import type { Service } from '../../shared/api/service.ts';

export interface Target {
  address: string;
  port: number;
}

/** The node's copy of the API; keys are `namespace/name` of Services. */
export interface BackendSource {
  service(key: string): Service | undefined;
  slices(key: string): readonly EndpointSlice[];
}

/** Groups in the order in which they are tried; empty: nobody can answer. */
export function findTargets(
  source: BackendSource,
  { namespace, backend }: { namespace: string; backend: IngressBackend },
  node: string,
): Target[][] {
  const { service: wanted } = backend;
  const key = `${namespace}/${wanted?.name ?? ''}`;
  const service = wanted && source.service(key);
  const port = service?.spec.ports?.find(
    ({ name, port: number }) => (wanted?.port?.name ?? name) === name && (wanted?.port?.number ?? number) === number,
  );
  if (service?.spec.type === 'ExternalName') {
    const number = port?.port ?? wanted?.port?.number;
    return service.spec.externalName && number ? [[{ address: service.spec.externalName, port: number }]] : [];
  }
  if (service === undefined || port === undefined) return [];
  const candidates = source.slices(key).flatMap((slice) => targetsOf(slice, port.name ?? ''));
  const ready = candidates.filter(({ endpoint }) => endpoint.conditions?.ready !== false);
  // All are on their way out: those that still answer are better than none (KEP-1669).
  const serving = ready.length > 0 ? ready : candidates.filter(({ endpoint }) => endpoint.conditions?.serving === true);
  const isLocal = ({ endpoint }: Candidate): boolean => endpoint.nodeName === node;
  const groups = [serving.filter(isLocal), serving.filter((one) => !isLocal(one))];
  return groups.filter((group) => group.length > 0).map((group) => group.map(({ target }) => target));
}

interface Candidate {
  endpoint: Endpoint;
  target: Target;
}

function targetsOf({ addressType, endpoints, ports = [] }: EndpointSlice, portName: string): Candidate[] {
  const number = ports.find(({ name, protocol }) => (name ?? '') === portName && protocol !== 'UDP')?.port;
  if (number === undefined || addressType === 'FQDN') return [];
  return endpoints.flatMap((endpoint) => {
    const [address] = endpoint.addresses;
    return address === undefined ? [] : [{ endpoint, target: { address, port: number } }];
  });
}
