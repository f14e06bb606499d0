/**
 * Pods whose deletion nobody finishes, because their node is out of reach. After a bound the master does; should the node come
 * back, its kubelet finds the uid unknown and ends the pod. Pods of StatefulSets have an identity that must not be there
 * twice: they wait until the node is back or somebody vouches for its death with the out-of-service taint. So does a daemon
 * as long as its set would make the next one: that one could run nowhere else, and beside the old one when the node is back. Pure.
 */
import type { Node } from '../../../shared/api/node.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import { TAINT_KEYS, tolerates } from '../../../shared/machinery/taints.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { POD_NAME_LABEL } from '../stateful-set/identity.ts';

export interface DeadPods {
  due: Pod[];
  /** Milliseconds until the next one is due; undefined: none waits. */
  nextInMs: number | undefined;
}

export interface DeadPodsInput {
  node: Node;
  pods: readonly Pod[];
  /** How long the link has been down. */
  downForMs: number;
  /** By the wall clock, which deletion times are told by. */
  nowMs: number;
  deadPodMs: number;
  /** Whether its controller would make another pod for this very node. */
  isBoundToReturn(pod: Pod): boolean;
}

export function computeDeadPods(input: DeadPodsInput): DeadPods {
  const { node, pods, downForMs, nowMs, deadPodMs, isBoundToReturn } = input;
  const outOfService = node.spec.taints?.find(({ key }) => key === TAINT_KEYS.outOfService);
  const dead: DeadPods = { due: [], nextInMs: undefined };
  for (const pod of pods) {
    const deletedMs = parseTime(pod.metadata.deletionTimestamp);
    if (deletedMs === undefined) continue;
    const isVouched =
      outOfService !== undefined && !(pod.spec.tolerations ?? []).some((one) => tolerates(one, outOfService));
    if (!isVouched && (hasIdentity(pod) || isBoundToReturn(pod))) continue;
    // The time of deletion holds the grace already. A clock that jumped ahead must not hurry it, hence both.
    const inMs = isVouched ? 0 : Math.max(deletedMs + deadPodMs - nowMs, deadPodMs - downForMs);
    if (inMs <= 0) dead.due.push(pod);
    else dead.nextInMs = Math.min(inMs, dead.nextInMs ?? inMs);
  }
  return dead;
}

/** Also one that its set was taken away from: the next set of that name would run it twice. */
function hasIdentity({ metadata }: Pod): boolean {
  return controllerOf({ metadata })?.kind === 'StatefulSet' || metadata.labels?.[POD_NAME_LABEL] === metadata.name;
}
