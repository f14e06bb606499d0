/**
 * Pure: what a load balancer of somebody else's is told when it asks this node whether to send a service's traffic here.
 * Source: Kubernetes, "Create an External Load Balancer", healthCheckNodePort; the answer is that of kube-proxy.
 */
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Service } from '../../../shared/api/service.ts';
import type { Locality } from '../services/portal.ts';

export interface HealthCheck {
  namespace: string;
  name: string;
  port: number;
  /** Ready pods on this machine. */
  localEndpoints: number;
}

export interface HealthAnswer {
  code: 200 | 503;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** undefined: the service has no such port. */
export function computeHealthCheck(
  { metadata, spec }: Service,
  slices: readonly EndpointSlice[],
  { nodes }: Locality,
): HealthCheck | undefined {
  const { healthCheckNodePort: port = 0, ipFamilies = [] } = spec;
  if (port === 0) return undefined;
  // A pod of two families has an endpoint in a slice of each.
  const [family] = ipFamilies;
  const ofFamily = slices.filter(({ addressType }) => family === undefined || addressType === family);
  const local = ofFamily
    .flatMap(({ endpoints }) => endpoints)
    .filter(({ nodeName = '', conditions }) => nodes.has(nodeName) && conditions?.ready !== false);
  const localEndpoints = new Set(local.flatMap(({ addresses }) => addresses.slice(0, 1))).size;
  return { namespace: metadata.namespace ?? '', name: metadata.name, port, localEndpoints };
}

/** `isHealthy`: the rules of services are in the kernel, or this process serves them. */
export function renderHealthAnswer({ namespace, name, localEndpoints }: HealthCheck, isHealthy: boolean): HealthAnswer {
  const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy: isHealthy };
  return {
    code: localEndpoints > 0 && isHealthy ? 200 : 503,
    headers: {
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
      'x-load-balancing-endpoint-weight': String(localEndpoints),
    },
    body: JSON.stringify(body, undefined, '\t'),
  };
}
