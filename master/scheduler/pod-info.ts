/** What scheduling needs to know of a pod, worked out once: amounts, host ports, owner. Never changes. */
import type { Pod } from '../../shared/api/pod.ts';
import { keyOf } from '../../shared/client/informer.ts';
import { computePodRequests, type PodRequests } from './resources.ts';

export interface HostPort {
  protocol: string;
  ip: string;
  port: number;
}

export interface PodInfo {
  /** `namespace/name` */
  readonly key: string;
  readonly uid: string;
  readonly pod: Pod;
  readonly priority: number;
  readonly requests: PodRequests;
  readonly hostPorts: readonly HostPort[];
  /** uid of the controller that made the pod; pods of one owner are spread. */
  readonly ownerUid: string | undefined;
}

export const DEFAULT_SCHEDULER_NAME = 'default-scheduler';

const EVERY_ADDRESS = '0.0.0.0';

export function computePodInfo(pod: Pod): PodInfo {
  return {
    key: keyOf(pod),
    uid: pod.metadata.uid,
    pod,
    priority: pod.spec.priority ?? 0,
    requests: computePodRequests(pod.spec),
    hostPorts: computeHostPorts(pod),
    ownerUid: pod.metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid,
  };
}

/** An ended pod uses nothing of its node any more. */
export function isTerminal(pod: Pod): boolean {
  return pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
}

/** Takes room on the node that its spec names. */
export function isAssigned(pod: Pod): boolean {
  return Boolean(pod.spec.nodeName) && !isTerminal(pod);
}

/** Waits for this scheduler. Pods with gates wait for somebody to lift them first. */
export function isPending(pod: Pod): boolean {
  const { nodeName, schedulerName = DEFAULT_SCHEDULER_NAME, schedulingGates = [] } = pod.spec;
  const isOurs = schedulerName === DEFAULT_SCHEDULER_NAME;
  const isOpen = schedulingGates.length === 0 && pod.metadata.deletionTimestamp === undefined;
  return !nodeName && isOurs && isOpen && !isTerminal(pod);
}

/** Ports on two addresses clash when one of them is every address. */
export function portsClash(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === EVERY_ADDRESS || b.ip === EVERY_ADDRESS;
}

function computeHostPorts(pod: Pod): HostPort[] {
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  return [...pod.spec.containers, ...sidecars].flatMap((container) =>
    (container.ports ?? []).flatMap(({ hostPort, hostIP, protocol }) =>
      hostPort ? [{ port: hostPort, ip: hostIP || EVERY_ADDRESS, protocol: protocol ?? 'TCP' }] : [],
    ),
  );
}
