/** NodeResourcesFit: what the pods of a node ask for never adds up to more than the node can give. */

import type { PodRequests } from '../../../shared/api/pod-requests.ts';
import type { FilterPlugin } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';

const CPU = 'Insufficient cpu';
const MEMORY = 'Insufficient memory';
const PODS = 'Too many pods';

export const nodeResourcesFit: FilterPlugin = {
  name: 'NodeResourcesFit',
  yieldsToPreemption: true,
  preFilter: ({ requests }) => ({
    check: (node) => (fits(requests, node) ? undefined : missing(requests, node)),
  }),
};

/** The fast path: no list is made for a node that has room. */
function fits(requests: PodRequests, node: NodeInfo): boolean {
  return (
    node.pods.size < node.allocatable.pods &&
    !lacksCpu(requests, node) &&
    !lacksMemory(requests, node) &&
    (requests.others.size === 0 || lackingOthers(requests, node).length === 0)
  );
}

function missing(requests: PodRequests, node: NodeInfo): string[] {
  return [
    ...(node.pods.size < node.allocatable.pods ? [] : [PODS]),
    ...(lacksCpu(requests, node) ? [CPU] : []),
    ...(lacksMemory(requests, node) ? [MEMORY] : []),
    ...lackingOthers(requests, node).map((name) => `Insufficient ${name}`),
  ];
}

/** A pod that asks for nothing fits even where more is promised than there is. */
function lacksCpu({ cpuMillis }: PodRequests, { allocatable, requested }: NodeInfo): boolean {
  return cpuMillis > 0 && requested.cpuMillis + cpuMillis > allocatable.cpuMillis;
}

function lacksMemory({ memoryBytes }: PodRequests, { allocatable, requested }: NodeInfo): boolean {
  return memoryBytes > 0 && requested.memoryBytes + memoryBytes > allocatable.memoryBytes;
}

function lackingOthers({ others }: PodRequests, { allocatable, requested }: NodeInfo): string[] {
  return [...others].flatMap(([name, amount]) => {
    const free = (allocatable.others.get(name) ?? 0) - (requested.others.get(name) ?? 0);
    return amount > 0 && amount > free ? [name] : [];
  });
}
