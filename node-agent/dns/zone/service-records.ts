/**
 * Pure: what one Service puts into the cluster's zone. The zone is what all of them put there, and nothing else depends on
 * more than one Service. Source: Kubernetes DNS-Based Service Discovery 1.1, sections 2.3 to 2.5.
 */
import type { Endpoint, EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Service } from '../../../shared/api/service.ts';
import { addressType, dashedName, reverseName } from './names.ts';
import { RECORD_TTL_SECONDS, type ZoneRecord } from './zone-record.ts';

/** Of SRV records: nobody comes before anybody, and all take the same share (RFC 2782). */
const PRIORITY = 0;
const WEIGHT = 100;

/** Endpoints of one service that have names; a slice holds up to 1,000, and a packet 64 KiB. */
export const MAX_ENDPOINTS = 1_000;

const ttl = RECORD_TTL_SECONDS;

/** `web.default.svc.cluster.local` */
export function serviceName({ metadata }: Service, domain: string): string {
  return `${metadata.name}.${metadata.namespace ?? ''}.svc.${domain}`.toLowerCase();
}

export function computeServiceRecords(
  service: Service,
  slices: readonly EndpointSlice[],
  domain: string,
): ZoneRecord[] {
  const name = serviceName(service, domain);
  const { type, externalName } = service.spec;
  if (type === 'ExternalName') return computeAlias(name, externalName);
  const records = isHeadless(service) ? computeHeadless(name, slices) : computeClusterIp(name, service);
  return unique(records);
}

export function isHeadless({ spec }: Service): boolean {
  return spec.type !== 'ExternalName' && (spec.clusterIP === 'None' || spec.clusterIPs?.[0] === 'None');
}

export function clusterIpsOf({ spec }: Service): string[] {
  const addresses = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ''];
  return addresses.filter((address) => address !== '' && address !== 'None');
}

/** Section 2.5. A name that is an address is no name: it has no records. */
function computeAlias(name: string, externalName = ''): ZoneRecord[] {
  const data = externalName.toLowerCase().replace(/\.$/, '');
  return data === '' || addressType(data) ? [] : [{ name, type: 'CNAME', ttl, data }];
}

/** Section 2.3. */
function computeClusterIp(name: string, service: Service): ZoneRecord[] {
  const addresses = clusterIpsOf(service);
  if (addresses.length === 0) return [];
  const ports = (service.spec.ports ?? []).flatMap(({ name: port = '', protocol, port: number }) =>
    port === '' ? [] : [renderPort(name, { port, protocol, number, target: name })],
  );
  return [...addresses.flatMap((address) => renderAddress(name, address)), ...ports];
}

/** Section 2.4. */
function computeHeadless(name: string, slices: readonly EndpointSlice[]): ZoneRecord[] {
  const records: ZoneRecord[] = [];
  let room = MAX_ENDPOINTS;
  for (const { addressType: family, endpoints, ports } of slices) {
    if (family === 'FQDN') continue;
    for (const endpoint of endpoints.filter(isReady).slice(0, room)) {
      room -= 1;
      records.push(...renderEndpoint(name, endpoint, ports ?? []));
    }
  }
  return records;
}

function renderEndpoint(name: string, endpoint: Endpoint, ports: EndpointSlice['ports'] & {}): ZoneRecord[] {
  const [address] = endpoint.addresses;
  if (address === undefined) return [];
  const target = `${endpoint.hostname?.toLowerCase() || dashedName(address)}.${name}`;
  const addresses = [...renderAddress(name, address).slice(0, 1), ...renderAddress(target, address)];
  const services = ports.flatMap(({ name: port, protocol, port: number }) =>
    port === '' || number === undefined ? [] : [renderPort(name, { port, protocol, number, target })],
  );
  return [...addresses, ...services];
}

/** The address of a name, and the name of the address. */
function renderAddress(name: string, address: string): ZoneRecord[] {
  const type = addressType(address);
  const reverse = reverseName(address);
  if (type === undefined || reverse === undefined) return [];
  return [
    { name, type, ttl, data: address },
    { name: reverse, type: 'PTR', ttl, data: name },
  ];
}

interface NamedPort {
  port: string;
  protocol: string;
  number: number;
  target: string;
}

function renderPort(name: string, { port, protocol, number, target }: NamedPort): ZoneRecord {
  const data = { priority: PRIORITY, weight: WEIGHT, port: number, target };
  return { name: `_${port}._${protocol}.${name}`.toLowerCase(), type: 'SRV', ttl, data };
}

/** Absent counts as ready. A service that publishes all has the controller say that all are. */
function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready !== false;
}

/** Slices may hold an endpoint twice for a moment, while it moves from one to another. */
function unique(records: readonly ZoneRecord[]): ZoneRecord[] {
  return [...new Map(records.map((record) => [JSON.stringify(record), record])).values()];
}
