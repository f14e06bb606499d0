/**
 * Which pod goes first when a node runs out of something. Pure. Kubernetes' order: who uses more than asked for, then the lower
 * priority, then who uses most beyond what was asked for. A pod that asked for nothing (BestEffort) uses more than that as soon
 * as it uses anything, one that stays within its request (Guaranteed) never does.
 * Source: Kubernetes, "Node-pressure Eviction", "Pod selection for kubelet eviction"; pkg/kubelet/eviction/helpers.go.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { isCritical } from '../admission/admission.ts';

export interface ContainerConsumption {
  name: string;
  used: number;
  requested: number;
}

/** What one pod uses of what runs out: bytes, or processes. */
export interface PodConsumption {
  pod: Pod;
  used: number;
  requested: number;
  containers: readonly ContainerConsumption[];
}

/** The first one goes first. Pods that the cluster cannot live without are not among them. */
export function rankForEviction(consumptions: readonly PodConsumption[]): PodConsumption[] {
  return consumptions.filter(({ pod }) => !isCritical(pod)).sort(compareForEviction);
}

function compareForEviction(a: PodConsumption, b: PodConsumption): number {
  return (
    Number(exceeds(b)) - Number(exceeds(a)) ||
    priorityOf(a) - priorityOf(b) ||
    b.used - b.requested - (a.used - a.requested) ||
    compareText(youngestFirst(a), youngestFirst(b))
  );
}

function exceeds({ used, requested }: PodConsumption): boolean {
  return used > requested;
}

function priorityOf({ pod }: PodConsumption): number {
  return pod.spec.priority ?? 0;
}

/** What was there longer has shown that it can live with the others. */
function youngestFirst({ pod }: PodConsumption): [string, string] {
  return [pod.metadata.creationTimestamp ?? '', pod.metadata.name];
}

function compareText([createdA, nameA]: [string, string], [createdB, nameB]: [string, string]): number {
  if (createdA !== createdB) return createdA > createdB ? -1 : 1;
  return nameA < nameB ? -1 : 1;
}
