/** Pure: the portals of a Service, from its EndpointSlices and from where this node is. */
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Service } from '../../../shared/api/service.ts';
import type { ServicePort, ServiceSpec } from '../../../shared/api/service-spec.ts';
import { familyOf, formatRange, type IpFamily, parseRange } from '../../../shared/machinery/ip-range.ts';
import { canonicalAddress } from './canonical-address.ts';
import { candidatesOf, chooseTargets, distributionOf } from './choose-targets.ts';
import type { Frontend, Locality, Portal } from './portal.ts';

/** Kubernetes' default of a session's length. */
const DEFAULT_AFFINITY_SECONDS = 10_800;

/** Set by load balancers of others that carry packets on without changing them: their address is not ours to serve. */
const PROXY_MODE = 'Proxy';

/** A label by which another proxy claims a service. Source: Kubernetes, well-known labels. */
const PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name';

/** None for services without an address: headless ones, and those that are only a name. */
export function computePortals(service: Service, slices: readonly EndpointSlice[], locality: Locality): Portal[] {
  const { spec, metadata } = service;
  if (spec.type === 'ExternalName' || metadata.labels?.[PROXY_NAME_LABEL] !== undefined) return [];
  const clusterIps = (spec.clusterIPs ?? [spec.clusterIP ?? '']).flatMap((text) => canonicalAddress(text) ?? []);
  return clusterIps.flatMap((clusterIp) => {
    const family = familyOf(clusterIp) ?? 4;
    const ofFamily = slices.filter(({ addressType }) => addressType === (family === 4 ? 'IPv4' : 'IPv6'));
    const frontends = frontendsOf(service, clusterIp, family);
    return (spec.ports ?? []).map((port) =>
      computePortal({ service, slices: ofFamily, locality, family, frontends }, port),
    );
  });
}

interface Work {
  service: Service;
  slices: readonly EndpointSlice[];
  locality: Locality;
  family: IpFamily;
  frontends: readonly Frontend[];
}

function computePortal({ service, slices, locality, family, frontends }: Work, port: ServicePort): Portal {
  const { metadata, spec } = service;
  const candidates = candidatesOf(slices, port.name ?? '', locality);
  const { cluster, local } = chooseTargets(candidates, distributionOf(service), locality);
  const isExternalLocal = spec.externalTrafficPolicy === 'Local';
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    port: port.port,
    protocol: port.protocol,
    family,
    created: metadata.creationTimestamp,
    frontends,
    nodePort: spec.type === 'ClusterIP' ? 0 : (port.nodePort ?? 0),
    internal: spec.internalTrafficPolicy === 'Local' ? local : cluster,
    external: { policy: isExternalLocal ? 'local' : 'cluster', cluster, local: isExternalLocal ? local : [] },
    sourceRanges: sourceRangesOf(spec, family),
    affinitySeconds: affinitySecondsOf(spec),
  };
}

function frontendsOf({ spec, status }: Service, clusterIp: string, family: IpFamily): Frontend[] {
  const ingress = spec.type === 'LoadBalancer' ? (status?.loadBalancer?.ingress ?? []) : [];
  const balancers = ingress.flatMap(({ ip, ipMode }) => (ip === undefined || ipMode === PROXY_MODE ? [] : [ip]));
  const all: Frontend[] = [
    { kind: 'ClusterIP', address: clusterIp },
    ...(spec.externalIPs ?? []).map((address): Frontend => ({ kind: 'ExternalIP', address })),
    ...balancers.map((address): Frontend => ({ kind: 'LoadBalancer', address })),
  ];
  return all.flatMap(({ kind, address: text }) => {
    const address = canonicalAddress(text);
    return address !== undefined && familyOf(address) === family ? [{ kind, address }] : [];
  });
}

/** Ranges of another family let in nobody of this one; without ranges everybody comes in. */
function sourceRangesOf({ type, loadBalancerSourceRanges = [] }: ServiceSpec, family: IpFamily): string[] | undefined {
  const texts = loadBalancerSourceRanges.map((text) => text.trim()).filter((text) => text !== '');
  if (type !== 'LoadBalancer' || texts.length === 0) return undefined;
  const ranges = texts.flatMap((text) => parseRange(text) ?? []);
  return ranges.filter((range) => range.family === family).map(formatRange);
}

function affinitySecondsOf({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): number {
  if (sessionAffinity !== 'ClientIP') return 0;
  return sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS;
}
