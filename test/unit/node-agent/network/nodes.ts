/** Nodes as routes see them, for tests. */
import type { Node } from '../../../../shared/api/node.ts';

export interface NodeShape {
  podCIDRs?: readonly string[];
  /** InternalIP, the first one first. */
  addresses?: readonly string[];
  annotations?: Readonly<Record<string, string>>;
}

export function makeNode(name: string, { podCIDRs, addresses = [], annotations = {} }: NodeShape): Node {
  const cidrs = podCIDRs === undefined ? {} : { podCIDR: podCIDRs[0] ?? '', podCIDRs: [...podCIDRs] };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', annotations },
    spec: cidrs,
    status: {
      addresses: [
        ...addresses.map((address) => ({ type: 'InternalIP', address })),
        { type: 'Hostname', address: name },
      ],
    },
  } as Node;
}
