/** Services and EndpointSlices at random, few and near each other, so that they get into each other's way. */
import fc from 'fast-check';
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Service } from '../../../shared/api/service.ts';

export const HERE = 'here';
const NODES = [HERE, 'there', 'far'];
export const ZONES: Readonly<Record<string, string>> = { here: 'a', there: 'a', far: 'b' };
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;

/** Addresses that several services may claim. */
const SHARED_ADDRESSES = ['192.0.2.1', '192.0.2.2', '2001:db8::1'];
export const OWN_ADDRESSES = ['10.77.0.1', '10.42.0.1', 'fd77::1', '127.0.0.1'];

export interface ServiceState {
  service: Service;
  slices: EndpointSlice[];
}

const subset = <T>(all: readonly T[], maxLength = all.length) => fc.subarray([...all], { maxLength });

const endpointArbitrary = fc.record({
  host: fc.nat(5),
  node: fc.constantFrom(...NODES),
  conditions: fc.constantFrom<{ ready?: boolean; serving?: boolean; terminating?: boolean }>(
    {},
    { ready: true },
    { ready: true, serving: true, terminating: false },
    { ready: false, serving: false, terminating: false },
    { ready: false, serving: true, terminating: true },
    { ready: false, serving: false, terminating: true },
  ),
});

type EndpointShape = typeof endpointArbitrary extends fc.Arbitrary<infer T> ? T : never;

const shapeArbitrary = fc.record({
  type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
  headless: fc.boolean().map((value) => value),
  families: fc.constantFrom<(4 | 6)[]>([4], [6], [4, 6]),
  ports: fc.constantFrom<[number, (typeof PROTOCOLS)[number]][]>(
    [[80, 'TCP']],
    [[53, 'UDP']],
    [
      [80, 'TCP'],
      [53, 'UDP'],
    ],
    [[99, 'SCTP']],
  ),
  externalIps: subset(SHARED_ADDRESSES),
  balancerIps: subset([...SHARED_ADDRESSES, OWN_ADDRESSES[0] ?? '', OWN_ADDRESSES[2] ?? '']),
  ranges: fc.constantFrom<string[]>([], ['198.51.100.0/24'], ['198.51.100.0/24', '2001:db8:1::/48']),
  internalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
  externalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
  affinitySeconds: fc.constantFrom(0, 0, 60, 10_800),
  distribution: fc.constantFrom('', '', 'PreferClose', 'PreferSameNode', 'Cluster'),
  endpoints: fc.array(endpointArbitrary, { maxLength: 6 }),
});

type Shape = typeof shapeArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** Services by number, so that the same one can change; undefined: it goes. */
export const stepArbitrary = fc.record({ number: fc.nat(3), shape: fc.option(shapeArbitrary, { nil: undefined }) });

export type ServiceStep = typeof stepArbitrary extends fc.Arbitrary<infer T> ? T : never;

export function makeService(number: number, shape: Shape): ServiceState {
  const name = `web-${number}`;
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...{ namespace: 'default', name, uid: name, resourceVersion: '1' },
      creationTimestamp: `2026-01-0${9 - number}T00:00:00Z`,
      ...(shape.distribution === 'Cluster' ? { annotations: { 'bramble.dev/traffic-distribution': 'Cluster' } } : {}),
    },
    spec: makeSpec(number, shape),
    status: { loadBalancer: { ingress: shape.balancerIps.map((ip) => ({ ip })) } },
  };
  return { service, slices: makeSlices(name, number, shape) };
}

function makeSpec(number: number, shape: Shape): Service['spec'] {
  const { type, affinitySeconds, distribution, ranges } = shape;
  const isOutside = type === 'NodePort' || type === 'LoadBalancer';
  const isHeadless = shape.headless && type === 'ClusterIP' && number === 0;
  const clusterIPs = isHeadless ? ['None'] : shape.families.map((family) => clusterIp(number, family));
  return {
    type: type as Service['spec']['type'],
    ...(type === 'ExternalName' ? { externalName: 'example.org' } : { clusterIP: clusterIPs[0] ?? '', clusterIPs }),
    ports: shape.ports.map(([port, protocol], index) => ({
      name: `p${port}`,
      ...{ port, protocol, targetPort: port + 8000 },
      ...(isOutside ? { nodePort: 30_000 + number * 10 + index } : {}),
    })),
    externalIPs: type === 'ExternalName' ? [] : shape.externalIps,
    internalTrafficPolicy: shape.internalTrafficPolicy as 'Cluster',
    ...(isOutside ? { externalTrafficPolicy: shape.externalTrafficPolicy as 'Cluster' } : {}),
    ...(type === 'LoadBalancer' && ranges.length > 0 ? { loadBalancerSourceRanges: ranges } : {}),
    sessionAffinity: affinitySeconds > 0 ? 'ClientIP' : 'None',
    ...(affinitySeconds > 0 ? { sessionAffinityConfig: { clientIP: { timeoutSeconds: affinitySeconds } } } : {}),
    ...(distribution.startsWith('Prefer') ? { trafficDistribution: distribution as 'PreferClose' } : {}),
  };
}

export function clusterIp(number: number, family: 4 | 6): string {
  return family === 4 ? `10.43.0.${100 + number}` : `fd43::${100 + number}`;
}

/** Endpoints are spread over two slices a family, some of them in both. */
function makeSlices(name: string, number: number, shape: Shape): EndpointSlice[] {
  return [4, 6].flatMap((family) =>
    [0, 1].map((part): EndpointSlice => {
      const members = shape.endpoints.filter((_, index) => index % 2 === part || index % 3 === 0);
      return {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          ...{ namespace: 'default', name: `${name}-${family}-${part}`, uid: '', resourceVersion: '1' },
          creationTimestamp: '2026-01-01T00:00:00Z',
          labels: { 'kubernetes.io/service-name': name },
        },
        addressType: family === 4 ? 'IPv4' : 'IPv6',
        endpoints: members.map((member) => makeEndpoint(number, family, member)),
        ports: shape.ports.map(([port, protocol]) => ({ name: `p${port}`, protocol, port: port + 8000 })),
      };
    }),
  );
}

/** The same address always is the same pod, so that what several slices say of it agrees. */
function makeEndpoint(number: number, family: number, { host, node, conditions }: EndpointShape) {
  const index = NODES.indexOf(node);
  const last = number * 20 + host + 10;
  const address = family === 4 ? `10.42.${index}.${last}` : `fd42:${index === 0 ? '' : `0:0:${index}:`}:${last}`;
  return { addresses: [address], nodeName: node, zone: ZONES[node] ?? '', conditions };
}
