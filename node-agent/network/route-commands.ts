/**
 * Pure: routes and tunnels as lines for `ip -batch` and `bridge -batch`, and what `ip` prints of those that are there. Ours
 * are known by their protocol number. Sources: ip-route(8), ip-link(8), bridge(8).
 */
import { isJsonObject } from '../../shared/machinery/json.ts';
import type { Route, TunnelDevice, TunnelPeer, WantedRoutes } from './compute-routes.ts';

/** Free in the kernel's list of routing protocols (rtnetlink.h), as far as anybody knows. */
export const ROUTE_PROTOCOL = '142';

/** Network number and port of our tunnels; both unlike those of Docker and flannel, which may be there too. */
const VXLAN_ID = 4266;
export const VXLAN_PORT = 8475;

/** What a tunnel needs of each packet: outer headers of Ethernet, IP, UDP and VXLAN. */
const VXLAN_OVERHEAD_BYTES = 50;

export interface FamilyRoutes {
  family: 4 | 6;
  routes: readonly Route[];
}

/** Lines that lead from the routes that are there to those that are wanted. */
export function renderRouteChanges(present: readonly Route[], wanted: readonly Route[]): string[] {
  const have = new Set(present.map(idOf));
  const destinations = new Set(wanted.map(({ destination }) => destination));
  return [
    ...present.filter(({ destination }) => !destinations.has(destination)).map(renderDelete),
    ...wanted.filter((route) => !have.has(idOf(route))).map(renderReplace),
  ];
}

function idOf({ destination, via, device }: Route): string {
  return `${destination} ${via} ${device}`;
}

function renderReplace({ destination, via, device }: Route): string {
  const hop = via === '' ? '' : ` via ${via}`;
  const exit = device === '' ? '' : ` dev ${device}${via === '' ? '' : ' onlink'}`;
  return `route replace ${destination}${hop}${exit} proto ${ROUTE_PROTOCOL}`;
}

function renderDelete({ destination }: Route): string {
  return `route del ${destination} proto ${ROUTE_PROTOCOL}`;
}

/** Reads `ip -json route show proto N`; `wanted` tells which exits were left to the kernel. */
export function parseRoutes(json: string, wanted: readonly Route[]): Route[] {
  return parseArray(json).flatMap((entry) => {
    const destination = readText(entry, 'dst');
    if (destination === '') return [];
    const via = readText(entry, 'gateway');
    const asked = wanted.find((route) => route.destination === normal(destination));
    const device = asked?.device === '' ? '' : readText(entry, 'dev');
    return [{ destination: normal(destination), via, device }];
  });
}

/** `ip` leaves out the length of a single address. */
function normal(destination: string): string {
  if (destination.includes('/')) return destination;
  return `${destination}/${destination.includes(':') ? 128 : 32}`;
}

/** For `ip -batch`: the device as it should be. An existing one is kept, so that nothing that flows is cut. */
export function renderTunnelDevice(name: string, { mac, addresses, outer }: TunnelDevice, outerMtu: number): string[] {
  const mtu = outerMtu - VXLAN_OVERHEAD_BYTES;
  return [
    `link add ${name} address ${mac} mtu ${mtu} type vxlan id ${VXLAN_ID} dstport ${VXLAN_PORT} local ${outer} nolearning`,
    ...addresses.map((address) => `addr replace ${address} dev ${name}`),
    `link set ${name} up`,
  ];
}

/** For `ip -batch` once the device is up: next hops whose hardware addresses nobody has to be asked for. */
export function renderTunnelNeighbours(name: string, peers: readonly TunnelPeer[]): string[] {
  return peers.flatMap(({ inner, mac }) =>
    inner.map((address) => `neigh replace ${address} lladdr ${mac} dev ${name} nud permanent`),
  );
}

/** For `bridge -batch`: where the tunnel sends what is for a hardware address. */
export function renderForwarding(name: string, peers: readonly TunnelPeer[]): string[] {
  return peers.map(({ mac, outer }) => `fdb replace ${mac} dev ${name} dst ${outer}`);
}

/** What makes a new device necessary: the kernel cannot change these of one that is there. */
export interface TunnelRecord {
  mac: string;
  outer: string;
}

/** Reads `ip -json -details link show dev NAME`; undefined: there is none, or it is no tunnel. */
export function parseTunnel(json: string): TunnelRecord | undefined {
  const [entry] = parseArray(json);
  const info = isJsonObject(entry) ? entry['linkinfo'] : undefined;
  const data = isJsonObject(info) ? info['info_data'] : undefined;
  if (!isJsonObject(data)) return undefined;
  return { mac: readText(entry, 'address'), outer: readText(data, 'local') || readText(data, 'local6') };
}

export function isSameTunnel(record: TunnelRecord | undefined, { mac, outer }: TunnelDevice): boolean {
  return record?.mac === mac && record.outer === outer;
}

export function splitFamilies({ routes }: WantedRoutes): FamilyRoutes[] {
  const of = (family: 4 | 6): FamilyRoutes => ({
    family,
    routes: routes.filter(({ destination }) => destination.includes(':') === (family === 6)),
  });
  return [of(4), of(6)];
}

function parseArray(json: string): unknown[] {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function readText(value: unknown, key: string): string {
  const text = isJsonObject(value) ? value[key] : undefined;
  return typeof text === 'string' ? text : '';
}
