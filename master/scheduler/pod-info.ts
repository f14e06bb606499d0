/** What scheduling needs to know of a pod, worked out once: amounts, host ports, owner, neighbours, claims. Never changes. */
import type { Pod } from '../../shared/api/pod.ts';
import { computePodRequests, type PodRequests } from '../../shared/api/pod-requests.ts';
import { keyOf } from '../../shared/client/informer.ts';
import type { Labels } from '../../shared/machinery/label-selector.ts';
import { computePodTerms, computeSpreadConstraints, type PodTerms, type SpreadConstraints } from './pod-terms.ts';

export interface HostPort {
  protocol: string;
  ip: string;
  port: number;
}

export interface PodInfo {
  /** `namespace/name` */
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly pod: Pod;
  readonly priority: number;
  readonly requests: PodRequests;
  readonly hostPorts: readonly HostPort[];
  /** uid of the controller that made the pod; pods of one owner are spread. */
  readonly ownerUid: string | undefined;
  /** Deleted, and not gone yet. */
  readonly isLeaving: boolean;
  /** Undefined: it does not mind its neighbours. */
  readonly terms: PodTerms | undefined;
  readonly spread: SpreadConstraints | undefined;
  /** `namespace/name` of the claims that it mounts. */
  readonly claims: readonly string[];
}

export const DEFAULT_SCHEDULER_NAME = 'default-scheduler';

const EVERY_ADDRESS = '0.0.0.0';
const NO_LABELS: Labels = {};
const NO_PORTS: readonly HostPort[] = [];
const NO_CLAIMS: readonly string[] = [];

export function computePodInfo(pod: Pod): PodInfo {
  const { metadata, spec } = pod;
  return {
    key: keyOf(pod),
    uid: metadata.uid,
    namespace: metadata.namespace ?? '',
    labels: metadata.labels ?? NO_LABELS,
    pod,
    priority: spec.priority ?? 0,
    requests: computePodRequests(spec),
    hostPorts: computeHostPorts(pod),
    ownerUid: metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid,
    isLeaving: metadata.deletionTimestamp !== undefined,
    terms: computePodTerms(pod),
    spread: computeSpreadConstraints(pod),
    claims: computeClaims(pod),
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

function computeHostPorts({ spec }: Pod): readonly HostPort[] {
  const ports: HostPort[] = [];
  const sidecars = spec.initContainers?.filter((container) => container.restartPolicy === 'Always') ?? [];
  for (const container of [...spec.containers, ...sidecars]) {
    for (const { hostPort, hostIP, protocol } of container.ports ?? []) {
      if (hostPort) ports.push({ port: hostPort, ip: hostIP || EVERY_ADDRESS, protocol: protocol ?? 'TCP' });
    }
  }
  return ports.length === 0 ? NO_PORTS : ports;
}

/** The claim of an ephemeral volume is named after pod and volume. Source: Kubernetes, "Generic ephemeral volumes". */
function computeClaims({ metadata, spec }: Pod): readonly string[] {
  const names: string[] = [];
  for (const { name, persistentVolumeClaim, ephemeral } of spec.volumes ?? []) {
    if (persistentVolumeClaim !== undefined) names.push(persistentVolumeClaim.claimName);
    else if (ephemeral !== undefined) names.push(`${metadata.name}-${name}`);
  }
  return names.length === 0 ? NO_CLAIMS : names.map((name) => `${metadata.namespace}/${name}`);
}
