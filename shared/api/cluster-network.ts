/**
 * What a node is told of the cluster's network, as annotations of its Node, by the controller that gives it its slice. Lists
 * are comma-separated, one range an address family.
 */
export const NETWORK_ANNOTATIONS = {
  /** All pods of the cluster. */
  clusterCidrs: 'bramble.dev/cluster-cidrs',
  /** All services of the cluster. */
  serviceCidrs: 'bramble.dev/service-cidrs',
  /** Addresses of the LAN that are given to load balancers; absent: none. */
  balancerPool: 'bramble.dev/load-balancer-pool',
  /** Written by the node: the slice that its pods have. A node that registers anew gets it again when nobody has it. */
  presentCidrs: 'bramble.dev/present-pod-cidrs',
} as const;

/** Classes of load balancers that this cluster provides: `spec.loadBalancerClass` of a Service. */
export const BALANCER_CLASSES = {
  /** At the addresses of all nodes. */
  nodes: 'bramble.dev/node-addresses',
  /** At an address of the pool, which one node holds at a time. */
  pool: 'bramble.dev/address-pool',
} as const;

/** Kubernetes' label for nodes that shall not serve clients from outside. */
export const EXCLUDED_FROM_BALANCERS_LABEL = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** Ranges of a cluster of which nobody has said anything else. */
export const DEFAULT_CLUSTER_CIDRS: readonly string[] = ['10.42.0.0/16'];
export const DEFAULT_SERVICE_CIDRS: readonly string[] = ['10.43.0.0/16'];

export function splitList(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
