/** Which changes may help a pod that fitted nowhere. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { Node } from '../../shared/api/node.ts';
import type { Pod } from '../../shared/api/pod.ts';
import { compileFilters, refusalOf } from './decision.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { Profile } from './profile.ts';

/** Filters run at one wake-up; beyond it pods are woken unseen, which costs a decision and is never wrong. */
const MAX_CHECKS = 100_000;

/** Whether the change of a node can make it take more pods. Heartbeats and readings cannot. */
export function mayTakeMore(current: Node, previous: Node | undefined): boolean {
  if (previous === undefined) return true;
  return (
    !isDeepStrictEqual(current.spec.taints, previous.spec.taints) ||
    current.spec.unschedulable !== previous.spec.unschedulable ||
    !isDeepStrictEqual(current.status.allocatable, previous.status.allocatable) ||
    !isDeepStrictEqual(current.metadata.labels, previous.metadata.labels)
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

/** A test for resting pods: does one of the nodes that changed take it now? */
export function createWakeUpTest(changed: readonly NodeInfo[], profile: Profile): (pod: PodInfo) => boolean {
  let checks = 0;
  return (pod) => {
    checks += changed.length;
    if (checks > MAX_CHECKS) return changed.length > 0;
    const filters = compileFilters(pod, profile);
    return changed.some((node) => refusalOf(filters, node) === undefined);
  };
}
