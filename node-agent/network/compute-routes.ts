/**
 * Pure: how packets find the pods of other nodes. A node on the same segment is the next hop itself; to the others there is
 * a tunnel (VXLAN), whose ends both sides derive from what the Nodes say, without asking each other.
 */
import type { Node } from '../../shared/api/node.ts';
import {
  familyOf,
  formatIp,
  formatRange,
  type IpRange,
  parseIp,
  parseRange,
  rangeContains,
} from '../../shared/machinery/ip-range.ts';

/** An address of this machine with the segment that it is in: `10.77.0.1/24` on `eth0`. */
export interface OwnAddress {
  device: string;
  cidr: string;
}

export interface Route {
  destination: string;
  /** Next hop; empty: the device's own neighbours. */
  via: string;
  /** Empty: found by the next hop. */
  device: string;
}

/** The far end of a tunnel. */
export interface TunnelPeer {
  /** Address of the node on its LAN. */
  outer: string;
  /** Of its tunnel device. */
  mac: string;
  /** Next hops inside the tunnel, one a family. */
  inner: readonly string[];
}

export interface TunnelDevice {
  mac: string;
  addresses: readonly string[];
  /** Address that its packets leave from. */
  outer: string;
}

export interface WantedRoutes {
  routes: readonly Route[];
  /** undefined: every node is on this segment. */
  tunnel: TunnelDevice | undefined;
  peers: readonly TunnelPeer[];
}

export interface RouteFacts {
  nodes: readonly Node[];
  /** Nodes of this machine: their pods are here. */
  ownNodes: ReadonlySet<string>;
  ownAddresses: readonly OwnAddress[];
  /** Name of the tunnel's device. */
  tunnel: string;
  serviceRanges: readonly string[];
  /** Bridge of this machine's pods. */
  bridge: string;
}

export function computeRoutes(facts: RouteFacts): WantedRoutes {
  const { nodes, ownNodes } = facts;
  const ours = nodes.filter(({ metadata }) => ownNodes.has(metadata.name));
  const others = nodes.filter(({ metadata }) => !ownNodes.has(metadata.name));
  const device = tunnelDeviceOf(ours, facts);
  const reached = others.map((node) => reach(node, facts, device));
  const routes = [...reached.flatMap((each) => each.routes), ...serviceRoutes(facts)];
  const peers = reached.flatMap(({ peer }) => peer ?? []);
  return {
    routes: routes.sort((a, b) => (a.destination < b.destination ? -1 : 1)),
    tunnel: peers.length > 0 ? device : undefined,
    peers,
  };
}

interface Reached {
  routes: readonly Route[];
  /** undefined: the tunnel is not needed, or cannot lead there. */
  peer: TunnelPeer | undefined;
}

const NOT_REACHED: Reached = { routes: [], peer: undefined };

/**
 * To slices whose family the segment of both of us has it goes directly, to the others through the tunnel, which carries both
 * families over one. Nothing for a node without slice or address yet, and for this machine under another name.
 */
function reach(node: Node, { ownAddresses, tunnel }: RouteFacts, device: TunnelDevice | undefined): Reached {
  const slices = slicesOf(node);
  const addresses = addressesOf(node);
  const [first] = slices;
  if (first === undefined || addresses.some((address) => isOwn(address, ownAddresses))) return NOT_REACHED;
  const hopTo = ({ family }: IpRange): string | undefined =>
    addresses.find((address) => familyOf(address) === family && isNear(address, ownAddresses));
  const direct = slices.flatMap((slice): Route[] => {
    const via = hopTo(slice);
    return via === undefined ? [] : [{ destination: formatRange(slice), via, device: '' }];
  });
  const far = slices.filter((slice) => hopTo(slice) === undefined);
  // The kernel takes only ends of one family.
  const outer = device && addresses.find((address) => familyOf(address) === familyOf(device.outer));
  if (far.length === 0 || outer === undefined) return { routes: direct, peer: undefined };
  const peer = { outer, mac: macOf(first), inner: slices.map(innerOf) };
  return { routes: [...direct, ...far.map((slice) => tunnelRoute(slice, tunnel))], peer };
}

function slicesOf({ spec }: Node): IpRange[] {
  return (spec.podCIDRs ?? [spec.podCIDR ?? '']).flatMap((text) => parseRange(text) ?? []);
}

function addressesOf({ status }: Node): string[] {
  const internal = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
  return internal.filter((address) => familyOf(address) !== undefined);
}

function isOwn(address: string, ownAddresses: readonly OwnAddress[]): boolean {
  return ownAddresses.some(({ cidr }) => cidr.split('/')[0] === address);
}

/** In the segment of one of our addresses. */
function isNear(address: string, ownAddresses: readonly OwnAddress[]): boolean {
  const ip = parseIp(address);
  return ownAddresses.some(({ cidr }) => {
    const range = parseRange(cidr);
    return ip !== undefined && range !== undefined && rangeContains(range, ip);
  });
}

function tunnelRoute(slice: IpRange, device: string): Route {
  return { destination: formatRange(slice), via: innerOf(slice), device };
}

function tunnelDeviceOf(ours: readonly Node[], { ownAddresses }: RouteFacts): TunnelDevice | undefined {
  const slices = ours.flatMap(slicesOf);
  const outer = ours.flatMap(addressesOf).find((address) => isOwn(address, ownAddresses));
  const [first] = slices;
  if (first === undefined || outer === undefined) return undefined;
  return {
    mac: macOf(first),
    addresses: slices.map((slice) => `${innerOf(slice)}/${slice.family === 4 ? 32 : 128}`),
    outer,
  };
}

/** The first address of the slice, which no pod has. */
function innerOf({ family, first }: IpRange): string {
  return formatIp({ family, value: first });
}

/**
 * A locally administered address that holds the first slice's, the four words of an IPv6 one folded into one: both ends know it
 * without asking.
 */
function macOf({ first }: IpRange): string {
  const folded = [0n, 32n, 64n, 96n].reduce((sum, shift) => sum ^ ((first >> shift) & 0xffff_ffffn), 0n);
  const bytes = [24n, 16n, 8n, 0n].map((shift) => ((folded >> shift) & 0xffn).toString(16).padStart(2, '0'));
  return ['0a', '62', ...bytes].join(':');
}

/**
 * Programs of the machine itself dial services too: without a default route the kernel would refuse them before any rule sees
 * the packet. The rules never let one go out by that device.
 */
function serviceRoutes({ serviceRanges, bridge }: RouteFacts): Route[] {
  if (bridge === '') return [];
  return serviceRanges.map((destination) => ({ destination, via: '', device: bridge }));
}
