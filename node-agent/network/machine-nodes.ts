/** Pure: what the Nodes tell of this machine and of the cluster's network. */
import { NETWORK_ANNOTATIONS, splitList } from '../../shared/api/cluster-network.ts';
import type { Node } from '../../shared/api/node.ts';

/** Names of the nodes whose pods run on this machine: this agent's, and those that say that they are at an address of it. */
export function nodesOfMachine(
  nodes: readonly Node[],
  { node, hasAddress }: { node: string; hasAddress(address: string): boolean },
): Set<string> {
  const neighbours = nodes.filter(({ status }) =>
    (status?.addresses ?? []).some(({ type, address }) => type === 'InternalIP' && hasAddress(address)),
  );
  return new Set([node, ...neighbours.map(({ metadata }) => metadata.name)]);
}

export function podRangesOf({ spec }: Node): readonly string[] {
  return spec.podCIDRs ?? (spec.podCIDR ? [spec.podCIDR] : []);
}

export interface ClusterRanges {
  cluster: readonly string[];
  services: readonly string[];
  /** Addresses for load balancers, as `parseAddressPool` reads them. */
  balancerPool: readonly string[];
}

/** As the master has told this node; empty lists: it has not yet. */
export function clusterRangesOf(node: Node | undefined): ClusterRanges {
  const annotations = node?.metadata.annotations ?? {};
  return {
    cluster: splitList(annotations[NETWORK_ANNOTATIONS.clusterCidrs]),
    services: splitList(annotations[NETWORK_ANNOTATIONS.serviceCidrs]),
    balancerPool: splitList(annotations[NETWORK_ANNOTATIONS.balancerPool]),
  };
}
