/**
 * The network of a cluster of `up`: the usual ranges for the main folder; other folders get ranges that follow from their
 * names and clash with nothing that this machine has, so that several clusters stand side by side.
 */
import { networkInterfaces } from 'node:os';
import { DEFAULT_CLUSTER_CIDRS, DEFAULT_SERVICE_CIDRS } from '../../shared/api/cluster-network.ts';
import { type IpRange, parseRange, rangesOverlap } from '../../shared/machinery/ip-range.ts';
import type { ClusterFolder, ClusterNetwork, State } from './cluster-folder.ts';

/** Pairs of ranges below 10.128.0.0: `10.128.0.0/16` for pods with `10.129.0.0/16` for services, and so on. */
const PAIRS = 30;
const FIRST_OCTET = 128;

export function chooseNetwork({ tag }: ClusterFolder): ClusterNetwork {
  const [clusterCidr = '', serviceCidr = ''] = [DEFAULT_CLUSTER_CIDRS[0], DEFAULT_SERVICE_CIDRS[0]];
  if (tag === '') return { tag, clusterCidr, serviceCidr };
  const start = Number.parseInt(tag, 16) % PAIRS;
  const pairs = Array.from({ length: PAIRS }, (_, index) => pairAt(tag, (start + index) % PAIRS));
  const taken = machineRanges();
  return pairs.find((pair) => isFree(pair, taken)) ?? pairAt(tag, start);
}

function pairAt(tag: string, index: number): ClusterNetwork {
  const octet = FIRST_OCTET + 2 * index;
  return { tag, clusterCidr: `10.${octet}.0.0/16`, serviceCidr: `10.${octet + 1}.0.0/16` };
}

function machineRanges(): IpRange[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.flatMap(({ cidr }) => parseRange(cidr ?? '') ?? []);
}

function isFree({ clusterCidr, serviceCidr }: ClusterNetwork, taken: readonly IpRange[]): boolean {
  const own = [clusterCidr, serviceCidr].flatMap((text) => parseRange(text) ?? []);
  return !own.some((range) => taken.some((other) => rangesOverlap(range, other)));
}

/** Of an agent, and of what removes its network. */
export function agentNetworkArgs({ network }: State): string[] {
  return network === undefined ? ['--network', 'off'] : ['--network-tag', network.tag];
}
