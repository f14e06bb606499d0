/** Which changes may help a pod that fitted nowhere. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { Node } from '../../shared/api/node.ts';
import type { Pod } from '../../shared/api/pod.ts';
import { type ClusterEvent, MAX_EVENTS } from './cluster-events.ts';
import { type CompiledFilter, compileFilters, refusalOf } from './feasibility.ts';
import type { FilterName } from './framework.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { couldMakeRoom } from './preemption/victims.ts';
import type { Profile } from './profile.ts';
import type { Snapshot } from './snapshot.ts';

/** Filters run at one wake-up; beyond it pods are woken unseen, which costs a decision and is never wrong. */
const MAX_CHECKS = 100_000;

/** Whether the change of a node can make it take more pods. Heartbeats and readings cannot. */
export function mayTakeMore(current: Node, previous: Node | undefined): boolean {
  if (previous === undefined) return true;
  return (
    !isDeepStrictEqual(current.spec.taints, previous.spec.taints) ||
    current.spec.unschedulable !== previous.spec.unschedulable ||
    !isDeepStrictEqual(current.status.allocatable, previous.status.allocatable) ||
    // A node that has the image can run it.
    !isDeepStrictEqual(current.status.images, previous.status.images) ||
    !isDeepStrictEqual(current.metadata.labels, previous.metadata.labels) ||
    // Limits of heat stand in annotations.
    !isDeepStrictEqual(current.metadata.annotations, previous.metadata.annotations)
  );
}

/** Whether a waiting pod has changed in what decisions are made of; its status is no such thing. */
export function mayFitBetter(current: Pod, previous: Pod): boolean {
  return (
    !isDeepStrictEqual(current.spec, previous.spec) ||
    !isDeepStrictEqual(current.metadata.labels, previous.metadata.labels) ||
    !isDeepStrictEqual(current.metadata.ownerReferences, previous.metadata.ownerReferences)
  );
}

export interface WakeUpInput {
  events: readonly ClusterEvent[];
  snapshot: Snapshot;
  profile: Profile;
}

export interface RestingPod {
  pod: PodInfo;
  refusedBy: ReadonlySet<FilterName>;
}

/** A test for resting pods: does a node that changed take it now, or does a plugin that refused it see hope? */
export function createWakeUpTest({ events, snapshot, profile }: WakeUpInput): (resting: RestingPod) => boolean {
  if (events.length === 0) return () => false;
  if (events.length >= MAX_EVENTS) return () => true;
  const changed = changedNodes(events, snapshot);
  let checks = 0;
  return ({ pod, refusedBy }) => {
    checks += changed.length;
    if (checks > MAX_CHECKS) return true;
    return isHopeful({ pod, refusedBy }, events, profile) || fitsNow(pod, changed, { snapshot, profile });
  };
}

function isHopeful({ pod, refusedBy }: RestingPod, events: readonly ClusterEvent[], { filters }: Profile): boolean {
  return filters.some(
    ({ name, wakesOn }) => wakesOn !== undefined && refusedBy.has(name) && events.some((event) => wakesOn(pod, event)),
  );
}

function fitsNow(
  pod: PodInfo,
  changed: readonly NodeInfo[],
  { snapshot, profile }: { snapshot: Snapshot; profile: Profile },
): boolean {
  if (changed.length === 0) return false;
  const filters: CompiledFilter[] = compileFilters(pod, snapshot, profile);
  if (filters.some(({ filter }) => filter.never !== undefined)) return false;
  return changed.some(
    (node) =>
      refusalOf(filters, node, pod) === undefined || (profile.isPreemptive && couldMakeRoom(filters, node, pod)),
  );
}

function changedNodes(events: readonly ClusterEvent[], snapshot: Snapshot): NodeInfo[] {
  const names = new Set(
    events.flatMap((event) => (event.type === 'node-changed' || event.type === 'pod-left' ? [event.nodeName] : [])),
  );
  return [...names].flatMap((name) => snapshot.node(name) ?? []);
}
