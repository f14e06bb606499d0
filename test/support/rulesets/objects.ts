/** Services, EndpointSlices, NetworkPolicies and pods in few words, as the API gives them out, for tests of rulesets. */
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import { SERVICE_NAME_LABEL } from '../../../shared/api/endpoint-slice-labels.ts';
import type { NetworkPolicy, NetworkPolicySpec } from '../../../shared/api/network-policy.ts';
import type { Service } from '../../../shared/api/service.ts';

const META = { namespace: 'default', uid: '', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };

export interface ServiceOptions {
  namespace?: string;
  created?: string;
  annotations?: Record<string, string>;
  /** Addresses of `status.loadBalancer`. */
  balancers?: readonly string[];
}

export function makeService(name: string, spec: Partial<Service['spec']>, options: ServiceOptions = {}): Service {
  const { namespace = 'default', created = META.creationTimestamp, annotations, balancers = [] } = options;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...META, namespace, name, creationTimestamp: created, ...(annotations && { annotations }) },
    spec: {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ...spec,
      ...(spec.clusterIP !== undefined && { clusterIPs: spec.clusterIPs ?? [spec.clusterIP] }),
    },
    status: { loadBalancer: { ingress: balancers.map((ip) => ({ ip })) } },
  };
}

/** Ready, starting, on its way out but still answering, or gone silent. */
export type EndpointState = 'ready' | 'starting' | 'leaving' | 'silent';

const CONDITIONS: Readonly<Record<EndpointState, { ready: boolean; serving: boolean; terminating: boolean }>> = {
  ready: { ready: true, serving: true, terminating: false },
  starting: { ready: false, serving: false, terminating: false },
  leaving: { ready: false, serving: true, terminating: true },
  silent: { ready: false, serving: false, terminating: true },
};

/** `address node`, and what state it is in unless it is ready: `10.42.1.5 there leaving`; zones are named after nodes. */
export function makeSlice(
  service: string,
  endpoints: readonly string[],
  ports: NonNullable<EndpointSlice['ports']>,
): EndpointSlice {
  const isIpv6 = endpoints.some((text) => text.includes(':'));
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...META, name: `${service}-${isIpv6 ? 6 : 4}`, labels: { [SERVICE_NAME_LABEL]: service } },
    addressType: isIpv6 ? 'IPv6' : 'IPv4',
    endpoints: endpoints.map((text) => {
      const [address = '', nodeName = '', state = 'ready'] = text.split(' ');
      return { addresses: [address], nodeName, zone: zoneOf(nodeName), conditions: CONDITIONS[state as EndpointState] };
    }),
    ports,
  };
}

function zoneOf(node: string): string {
  return node === 'far' ? 'garden' : 'house';
}

export function makePolicy(name: string, spec: Partial<NetworkPolicySpec>, namespace = 'default'): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { ...META, namespace, name },
    spec: { podSelector: {}, policyTypes: ['Ingress'], ...spec },
  };
}
