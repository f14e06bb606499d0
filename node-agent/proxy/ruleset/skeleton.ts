/**
 * Pure: the fixed part of the table: where packets enter it, and the maps and sets that fragments fill.
 *
 *     prerouting, output   -110  filter  services that nobody serves: refused before NAT
 *     prerouting, output   -100  nat     services: the destination becomes a pod
 *     forward, output         0  filter  what is left in the service range: refused
 *     forward, input      10/11  filter  policies, by the addresses after NAT
 *     postrouting           100  nat     new sources, where the answer would not come back otherwise
 */
import type { IpFamily } from '../../../shared/machinery/ip-range.ts';
import { type BaseChain, type NamedSet, type Skeleton, setOf } from './ruleset.ts';
import { CHAINS, FAMILIES, FAMILY_WORDS, MASQUERADE_MARK, setNames } from './words.ts';

export interface SkeletonOptions {
  table: string;
  /** Device of tunnels, whose packets have less room. */
  tunnel: string;
}

/** Before destination NAT, so that nothing that nobody serves gets there. */
const BEFORE_NAT = -110;
const DESTINATION_NAT = -100;
const FILTER = 0;
const SOURCE_NAT = 100;

const BASES: readonly BaseChain[] = [
  { name: 'filter-prerouting', type: 'filter', hook: 'prerouting', priority: BEFORE_NAT },
  { name: 'filter-output', type: 'filter', hook: 'output', priority: BEFORE_NAT },
  { name: 'nat-prerouting', type: 'nat', hook: 'prerouting', priority: DESTINATION_NAT },
  { name: 'nat-output', type: 'nat', hook: 'output', priority: DESTINATION_NAT },
  { name: 'filter-forward', type: 'filter', hook: 'forward', priority: FILTER },
  { name: 'filter-local', type: 'filter', hook: 'output', priority: FILTER },
  // What a chain accepts, later chains of the hook may still drop: each direction has a chain of its own.
  { name: 'policy-out', type: 'filter', hook: 'forward', priority: FILTER + 10 },
  { name: 'policy-in', type: 'filter', hook: 'forward', priority: FILTER + 11 },
  { name: 'policy-host', type: 'filter', hook: 'input', priority: FILTER + 10 },
  { name: 'nat-postrouting', type: 'nat', hook: 'postrouting', priority: SOURCE_NAT },
];

export function renderSkeleton({ table, tunnel }: SkeletonOptions): Skeleton {
  const chains: [string, string[]][] = [
    [CHAINS.refuse, ['reject']],
    [CHAINS.markMasquerade, [`meta mark set meta mark | ${hex(MASQUERADE_MARK)}`]],
    ['services', [...FAMILIES.flatMap(renderServiceLookups), ...FAMILIES.map(renderNodePortLookup)]],
    ['dead', FAMILIES.flatMap(renderDeadLookups)],
    ['filter-prerouting', ['ct state new jump dead']],
    ['filter-output', ['ct state new jump dead']],
    ['nat-prerouting', ['jump services']],
    ['nat-output', ['jump services']],
    ['filter-forward', [...FAMILIES.map(renderLeftover), ...renderSegmentSizes(tunnel)]],
    ['filter-local', FAMILIES.map(renderLeftover)],
    ['policy-out', [...FREE, ...FAMILIES.map((family) => renderPolicyLookup(family, 'saddr'))]],
    ['policy-in', [...FREE, ...FAMILIES.map((family) => renderPolicyLookup(family, 'daddr'))]],
    ['policy-host', [...FREE, ...NAMES, ...FAMILIES.map((family) => renderPolicyLookup(family, 'saddr'))]],
    ['nat-postrouting', [renderMarked(), ...FAMILIES.flatMap(renderNewSources)]],
  ];
  return { table, bases: BASES, sets: FAMILIES.flatMap(setsOf), chains: new Map(chains), elements: [] };
}

function setsOf(family: IpFamily): NamedSet[] {
  const { type } = FAMILY_WORDS[family];
  const names = setNames(family);
  const address = `${type} . inet_proto . inet_service`;
  const port = 'inet_proto . inet_service';
  return [
    setOf(names.services, address, { isMap: true }),
    setOf(names.nodePorts, port, { isMap: true }),
    setOf(names.deadServices, address, { isMap: true }),
    setOf(names.deadNodePorts, port, { isMap: true }),
    setOf(names.hairpin, `${type} . ${type}`),
    setOf(names.clusterRanges, type, { isInterval: true }),
    setOf(names.serviceRanges, type, { isInterval: true }),
    setOf(names.ownRanges, type, { isInterval: true }),
    setOf(names.isolatedIn, type, { isMap: true }),
    setOf(names.isolatedOut, type, { isMap: true }),
  ];
}

/** Only pods have addresses that every node answers to: for anybody else the answer must come back through this node. */
function renderServiceLookups(family: IpFamily): string[] {
  const { header } = FAMILY_WORDS[family];
  const { services, serviceRanges, clusterRanges } = setNames(family);
  return [
    `${header} daddr @${serviceRanges} ${header} saddr != @${clusterRanges} jump ${CHAINS.markMasquerade}`,
    `${header} daddr . meta l4proto . th dport vmap @${services}`,
  ];
}

/** On every address of the machine but its loopback, where only the machine itself is. */
function renderNodePortLookup(family: IpFamily): string {
  return `${onOwnAddress(family)} meta l4proto . th dport vmap @${setNames(family).nodePorts}`;
}

function onOwnAddress(family: IpFamily): string {
  const { header, nfproto } = FAMILY_WORDS[family];
  const loopback = family === 4 ? '127.0.0.0/8' : '::1';
  return `meta nfproto ${nfproto} fib daddr type local ${header} daddr != ${loopback}`;
}

function renderDeadLookups(family: IpFamily): string[] {
  const { deadServices, deadNodePorts } = setNames(family);
  return [
    `${FAMILY_WORDS[family].header} daddr . meta l4proto . th dport vmap @${deadServices}`,
    `${onOwnAddress(family)} meta l4proto . th dport vmap @${deadNodePorts}`,
  ];
}

/** A service address that is still there after NAT is no service, or not with this port. */
function renderLeftover(family: IpFamily): string {
  return `${FAMILY_WORDS[family].header} daddr @${setNames(family).serviceRanges} goto ${CHAINS.refuse}`;
}

/** Pods believe in the LAN's packet size; through a tunnel their TCP must be told better. */
function renderSegmentSizes(tunnel: string): string[] {
  return [`oifname "${tunnel}" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu`];
}

/** Answers to what was allowed need no second permission. */
const ESTABLISHED = 'ct state established,related accept';

/** Without these an IPv6 neighbour is not found, be it allowed or not; the kernel counts them to no connection. */
const NEIGHBOURS = ['nd-router-solicit', 'nd-router-advert', 'nd-neighbor-solicit', 'nd-neighbor-advert'];

/** No policy keeps a pod from itself, by way of a service either. Source: Kubernetes, "Network Policies". */
const FREE = [
  ESTABLISHED,
  `icmpv6 type { ${NEIGHBOURS.join(', ')} } accept`,
  ...FAMILIES.map((family) => {
    const { header } = FAMILY_WORDS[family];
    return `${header} saddr . ${header} daddr @${setNames(family).hairpin} accept`;
  }),
];

/**
 * Names are asked for at the node itself. Where the name server is a pod, policies choose it by its labels; here those rules
 * choose nobody, and to the pod's own node they need not be asked (Kubernetes, "Network Policies").
 */
const NAMES = ['udp', 'tcp'].map((protocol) => `meta l4proto ${protocol} th dport 53 accept`);

function renderPolicyLookup(family: IpFamily, end: 'saddr' | 'daddr'): string {
  const { isolatedIn, isolatedOut } = setNames(family);
  return `${FAMILY_WORDS[family].header} ${end} vmap @${end === 'saddr' ? isolatedOut : isolatedIn}`;
}

/** The mark is taken away again: it is ours only up to here. */
function renderMarked(): string {
  const mark = hex(MASQUERADE_MARK);
  const others = hex(~MASQUERADE_MARK >>> 0);
  return `meta mark & ${mark} == ${mark} meta mark set meta mark & ${others} masquerade fully-random`;
}

/** Pods that talk to themselves by way of a service, and pods that leave the cluster. */
function renderNewSources(family: IpFamily): string[] {
  const { header } = FAMILY_WORDS[family];
  const { hairpin, ownRanges, clusterRanges } = setNames(family);
  const multicast = family === 4 ? '224.0.0.0/4' : 'ff00::/8';
  return [
    `${header} saddr . ${header} daddr @${hairpin} masquerade`,
    `${header} saddr @${ownRanges} ${header} daddr != @${clusterRanges} ${header} daddr != ${multicast} masquerade fully-random`,
  ];
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
