/**
 * Pure: which slice of the cluster's pod range a node gets. Invariant: what is planned overlaps nothing that a node has, and a
 * slice that a node has is never changed.
 */
import { NETWORK_ANNOTATIONS, splitList } from '../../../shared/api/cluster-network.ts';
import type { Node } from '../../../shared/api/node.ts';
import {
  countSubnets,
  formatRange,
  type IpRange,
  parseRange,
  rangeContains,
  rangesOverlap,
  subnetAt,
} from '../../../shared/machinery/ip-range.ts';

/** Length of a node's slice: room for 254 pods, and the usual length of an IPv6 network. */
const SLICE_PREFIX = { 4: 24, 6: 64 } as const;

export interface NetworkRanges {
  clusterCidrs: readonly string[];
  serviceCidrs: readonly string[];
  /** Addresses for load balancers, as `parseAddressPool` reads them; none unless given. */
  balancerPool?: readonly string[];
}

export interface NodePlan {
  /** undefined: the node has its slice, or there is none left. */
  podCidrs: readonly string[] | undefined;
  /** Annotations that are missing or out of date. */
  annotations: Readonly<Record<string, string>>;
  problem: { reason: 'CIDRNotAvailable' | 'CIDROverlap'; message: string } | undefined;
}

/** `taken`: slices of other nodes, also of those whose write has not been seen yet. */
export function computeNodePlan(node: Node, taken: readonly string[], ranges: NetworkRanges): NodePlan {
  const annotations = computeAnnotations(node, ranges);
  const present = slicesOf(node);
  if (present.length > 0) return { podCidrs: undefined, annotations, problem: findOverlap(present, taken) };
  const podCidrs = chooseSlices(node, parseAll(taken), ranges.clusterCidrs);
  const message = `there is no room for another node in ${ranges.clusterCidrs.join(', ')}`;
  const problem = podCidrs === undefined ? ({ reason: 'CIDRNotAvailable', message } as const) : undefined;
  return { podCidrs, annotations, problem };
}

export function slicesOf({ spec }: Node): readonly string[] {
  return spec.podCIDRs ?? (spec.podCIDR ? [spec.podCIDR] : []);
}

function computeAnnotations({ metadata }: Node, ranges: NetworkRanges): Record<string, string> {
  const wanted = {
    [NETWORK_ANNOTATIONS.clusterCidrs]: ranges.clusterCidrs.join(','),
    [NETWORK_ANNOTATIONS.serviceCidrs]: ranges.serviceCidrs.join(','),
    [NETWORK_ANNOTATIONS.balancerPool]: (ranges.balancerPool ?? []).join(','),
  };
  const missing = Object.entries(wanted).filter(([key, value]) => (metadata.annotations?.[key] ?? '') !== value);
  return Object.fromEntries(missing);
}

/** Only people make doubles, by hand; pods would lose their addresses if this were repaired behind their backs. */
function findOverlap(present: readonly string[], taken: readonly string[]): NodePlan['problem'] {
  const others = parseAll(taken);
  const clash = parseAll(present).find((slice) => others.some((other) => rangesOverlap(slice, other)));
  if (clash === undefined) return undefined;
  const message = `${formatRange(clash)} overlaps the range of another node: delete one of the two Nodes, it comes back with a range of its own`;
  return { reason: 'CIDROverlap', message };
}

function chooseSlices(node: Node, taken: readonly IpRange[], clusterCidrs: readonly string[]): string[] | undefined {
  const last = parseAll(splitList(node.metadata.annotations?.[NETWORK_ANNOTATIONS.presentCidrs]));
  const chosen = parseAll(clusterCidrs).map((range) => {
    const again = last.find((slice) => isSliceOf(slice, range) && isFree(slice, taken));
    return again ?? findFree(range, taken);
  });
  return chosen.every((slice) => slice !== undefined) ? chosen.map(formatRange) : undefined;
}

function isSliceOf(slice: IpRange, range: IpRange): boolean {
  const prefix = prefixIn(range);
  return slice.prefix === prefix && rangeContains(range, { family: slice.family, value: slice.first });
}

/** A small cluster range is cut into smaller slices, so that several nodes fit. */
function prefixIn(range: IpRange): number {
  return Math.max(SLICE_PREFIX[range.family], range.prefix);
}

function findFree(range: IpRange, taken: readonly IpRange[]): IpRange | undefined {
  const prefix = prefixIn(range);
  const count = countSubnets(range, prefix);
  for (let index = 0; index < count; index += 1) {
    const slice = subnetAt(range, prefix, index);
    if (isFree(slice, taken)) return slice;
  }
  return undefined;
}

function isFree(slice: IpRange, taken: readonly IpRange[]): boolean {
  return !taken.some((other) => rangesOverlap(slice, other));
}

function parseAll(texts: readonly string[]): IpRange[] {
  return texts.flatMap((text) => parseRange(text) ?? []);
}
