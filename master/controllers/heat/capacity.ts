/** What a board has left for one more pod, by requests, and whether it may have it at all. Pure. */
import type { Node } from '../../../shared/api/node.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { computePodRequests, parseAllocatable } from '../../../shared/api/pod-requests.ts';
import { isConditionTrue } from '../../../shared/machinery/conditions.ts';
import { SelectorError, selectorFromLabelSelector, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import { nodeMeetsDemands } from '../../../shared/machinery/node-selector.ts';
import { findUntoleratedTaint } from '../../../shared/machinery/taints.ts';
import { isHeatTaint } from './words.ts';

const HOSTNAME_LABEL = 'kubernetes.io/hostname';

export function mayTake(node: Node, pods: readonly Pod[], pod: Pod): boolean {
  return isOpenTo(node, pod) && fits(node, pods, pod) && !clashes(node, pods, pod);
}

/** Ready, not cordoned, without taints that the pod does not bear, and what the pod demands of a node. */
export function isOpenTo({ metadata, spec, status }: Node, pod: Pod): boolean {
  // Our own follows the board's level, and goes in the same step where that is cool.
  const taints = (spec.taints ?? []).filter((taint) => !isHeatTaint(taint));
  const identity = { name: metadata.name, labels: metadata.labels ?? {} };
  return (
    spec.unschedulable !== true &&
    isConditionTrue(status.conditions, 'Ready') &&
    findUntoleratedTaint(taints, pod.spec.tolerations ?? [], ['NoSchedule', 'NoExecute']) === undefined &&
    nodeMeetsDemands(pod.spec, identity)
  );
}

function fits({ status }: Node, pods: readonly Pod[], pod: Pod): boolean {
  const allocatable = parseAllocatable(status.allocatable);
  const active = pods.filter(({ status: { phase } }) => phase !== 'Succeeded' && phase !== 'Failed');
  const taken = active.map(({ spec }) => computePodRequests(spec));
  const wanted = computePodRequests(pod.spec);
  const sum = (amountOf: (requests: typeof wanted) => number): number =>
    taken.reduce((total, requests) => total + amountOf(requests), 0);
  return (
    active.length < allocatable.pods &&
    sum(({ cpuMillis }) => cpuMillis) + wanted.cpuMillis <= allocatable.cpuMillis &&
    sum(({ memoryBytes }) => memoryBytes) + wanted.memoryBytes <= allocatable.memoryBytes &&
    [...wanted.others].every(([name, amount]) => {
      const used = sum(({ others }) => others.get(name) ?? 0);
      return used + amount <= (allocatable.others.get(name) ?? 0);
    })
  );
}

/** Host ports, and demands of both sides not to share a board. Groups of boards are the scheduler's business. */
function clashes({ metadata }: Node, pods: readonly Pod[], pod: Pod): boolean {
  const ports = new Set(hostPorts(pod));
  const labels = metadata.labels ?? {};
  return pods.some(
    (other) =>
      hostPorts(other).some((port) => ports.has(port)) ||
      (labels[HOSTNAME_LABEL] !== undefined && (refuses(pod, other) || refuses(other, pod))),
  );
}

function hostPorts({ spec }: Pod): string[] {
  return spec.containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, protocol = 'TCP' }) => (hostPort ? [`${hostPort}/${protocol}`] : [])),
  );
}

function refuses(pod: Pod, other: Pod): boolean {
  const terms = pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.some(({ topologyKey, namespaces = [], labelSelector }) => {
    const isMeant = namespaces.length === 0 ? [pod.metadata.namespace] : namespaces;
    return (
      topologyKey === HOSTNAME_LABEL &&
      isMeant.includes(other.metadata.namespace) &&
      matches(labelSelector, other.metadata.labels)
    );
  });
}

function matches(
  selector: Parameters<typeof selectorFromLabelSelector>[0],
  labels: Record<string, string> = {},
): boolean {
  try {
    return selectorMatches(selectorFromLabelSelector(selector), labels);
  } catch (error) {
    if (error instanceof SelectorError) return false;
    throw error;
  }
}
