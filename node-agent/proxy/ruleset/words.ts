/** Names of sets and chains that the skeleton and the fragments share, and how addresses and ports stand in elements. */
import { createHash } from 'node:crypto';
import type { IpFamily } from '../../../shared/machinery/ip-range.ts';
import type { Protocol } from '../services/portal.ts';

/** nft's words for a family: its header, the type of its addresses, its number in `meta nfproto`. */
export const FAMILY_WORDS: Readonly<Record<IpFamily, { header: string; type: string; nfproto: string }>> = {
  4: { header: 'ip', type: 'ipv4_addr', nfproto: 'ipv4' },
  6: { header: 'ip6', type: 'ipv6_addr', nfproto: 'ipv6' },
};

export const FAMILIES: readonly IpFamily[] = [4, 6];

/** Sets of a family. */
export function setNames(family: IpFamily) {
  return {
    /** Address, protocol, port → where a service begins. */
    services: `services${family}`,
    /** Protocol, port → where a node port begins. */
    nodePorts: `node-ports${family}`,
    /** The same, of services that nobody serves: refused or dropped before NAT. */
    deadServices: `dead-services${family}`,
    deadNodePorts: `dead-node-ports${family}`,
    /** Addresses of this machine's pods, each twice: a packet from a pod to itself. */
    hairpin: `hairpin${family}`,
    /** Ranges of the cluster's pods and services, and of this machine's pods. */
    clusterRanges: `cluster-ranges${family}`,
    serviceRanges: `service-ranges${family}`,
    ownRanges: `own-ranges${family}`,
    /** Pods of this machine that a policy isolates → their chain. */
    isolatedIn: `isolated-in${family}`,
    isolatedOut: `isolated-out${family}`,
  } as const;
}

/** Chains that fragments jump to. */
export const CHAINS = {
  /** Says at once that nobody is there. */
  refuse: 'refuse',
  /** Marks for a new source address: the answer must come back through this node. */
  markMasquerade: 'mark-masquerade',
} as const;

/** The kernel takes 255 letters; names of sets that belong to a chain go on after the chain's. */
const MAX_CHAIN_NAME = 200;
const HASH_CHARS = 16;

/** Namespaces have up to 63 letters, policies and pods 253: the end of what is too long becomes a hash of all of it. */
export function boundedName(name: string): string {
  if (name.length <= MAX_CHAIN_NAME) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_CHARS);
  return `${name.slice(0, MAX_CHAIN_NAME - HASH_CHARS - 1)}-${hash}`;
}

/** One bit of the packet's mark, Kubernetes' own; it lives from one hook to a later one of the same packet. */
export const MASQUERADE_MARK = 0x4000;

/** `10.43.0.1 . tcp . 443` */
export function addressKey(address: string, protocol: Protocol, port: number): string {
  return `${address} . ${portKey(protocol, port)}`;
}

/** `tcp . 30080` */
export function portKey(protocol: Protocol, port: number): string {
  return `${protocol.toLowerCase()} . ${port}`;
}
