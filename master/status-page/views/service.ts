/** A service, its ports and how many endpoints stand behind it. Pure. */
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Service } from '../../../shared/api/service.ts';
import { shorten, shortenMap } from './text.ts';
import type { ServiceView } from './view-types.ts';

const MAX_PORTS = 16;

export function computeService({ metadata, spec, status }: Service, slices: readonly EndpointSlice[]): ServiceView {
  const endpoints = slices.flatMap((slice) => slice.endpoints ?? []);
  const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false).length;
  const selects = Object.keys(spec.selector ?? {}).length > 0 && spec.type !== 'ExternalName';
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    level: selects && ready === 0 ? 'warning' : 'ok',
    type: spec.type,
    clusterIP: spec.clusterIP ?? '',
    external: externalOf(spec, status),
    ports: (spec.ports ?? []).slice(0, MAX_PORTS).map(renderPort),
    selector: shortenMap(spec.selector),
    ready,
    endpoints: endpoints.length,
    createdAt: metadata.creationTimestamp,
  };
}

function externalOf(spec: Service['spec'], status: Service['status']): string[] {
  const balanced = (status.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '');
  const named = spec.externalName ? [spec.externalName] : [];
  return [...balanced, ...(spec.externalIPs ?? []), ...named]
    .filter(Boolean)
    .slice(0, MAX_PORTS)
    .map((one) => shorten(one));
}

/** `80/TCP`, `http 80:30080/TCP` with the port of the nodes. */
function renderPort({ name, port, nodePort, protocol }: NonNullable<Service['spec']['ports']>[number]): string {
  return `${name ? `${name} ` : ''}${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`;
}
