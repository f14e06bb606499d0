/**
 * A service as a node sees it: for each of its ports and address families the ways in, and where they lead from here. Both
 * proxies, nftables and userspace, serve portals and know nothing of Services and EndpointSlices.
 */
import type { IpFamily } from '../../../shared/machinery/ip-range.ts';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** A pod's address and port. */
export interface Target {
  address: string;
  port: number;
  /** On this machine. */
  isLocal: boolean;
}

/** An address of the service; clients dial it with the portal's port. */
export interface Frontend {
  kind: 'ClusterIP' | 'ExternalIP' | 'LoadBalancer';
  address: string;
}

export interface Portal {
  namespace: string;
  name: string;
  port: number;
  protocol: Protocol;
  family: IpFamily;
  /** Services that were made earlier win a clash about an address and port. */
  created: string;
  frontends: readonly Frontend[];
  /** Port on the node's own addresses; 0: none. */
  nodePort: number;
  /** For clients inside the cluster. */
  internal: readonly Target[];
  /** For clients outside of it, who come by way of this node. */
  external: ExternalTargets;
  /** Clients that load balancers let in; undefined: everybody. */
  sourceRanges: readonly string[] | undefined;
  /** How long a client stays with its target after its last connection; 0: each connection may go elsewhere. */
  affinitySeconds: number;
}

export interface ExternalTargets {
  /** With `local`, targets on this machine see the client's own address, and there are no others. */
  policy: 'cluster' | 'local';
  /** As if the client were in the cluster and no policy said anything. */
  cluster: readonly Target[];
  /** Only with policy `local`. */
  local: readonly Target[];
}

/** `default/web` */
export function serviceKeyOf({ namespace, name }: Pick<Portal, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

/** Where from here: what counts as near. */
export interface Locality {
  /** Nodes whose pods run on this machine: one, but for clusters for a try, which have several. */
  nodes: ReadonlySet<string>;
  /** Zone of this machine; empty: unknown. */
  zone: string;
}
