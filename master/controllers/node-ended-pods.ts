/**
 * Pods that a node ended or turned away, and that were replaced since: kept for a while so that people can see why, and a few an
 * owner only, so that a node that turns the same pod away again and again does not fill the store. Pure.
 */
import type { Pod } from '../../shared/api/pod.ts';
import { parseTime } from '../../shared/platform/clock.ts';

export const NODE_ENDED_KEPT_MS = 5 * 60_000;
export const NODE_ENDED_KEPT_PER_OWNER = 3;

/** Reasons that kubelets give; `OutOfcpu` and the like on top. */
const REASONS: readonly string[] = [
  ...['Evicted', 'DeviceLost', 'UnexpectedAdmissionError', 'NodeAffinity', 'NodePorts'],
  // The node was switched off.
  ...['Terminated', 'NodeShutdown'],
];

/** Only a pod with a controller has a replacement; whoever made another one looks after it. */
export function isEndedByNode({ metadata, status }: Pod): boolean {
  const hasController = metadata.ownerReferences?.some((owner) => owner.controller) ?? false;
  const { reason = '' } = status;
  return status.phase === 'Failed' && hasController && (REASONS.includes(reason) || reason.startsWith('OutOf'));
}

export interface NodeEndedPods {
  /** To be deleted now. */
  due: Pod[];
  /** Until the next one is due; undefined: there is none. */
  nextInMs: number | undefined;
}

/** `seenForMs`: how long it is known that the pod has ended, by the clock that never jumps. */
export function computeNodeEnded(
  pods: readonly Pod[],
  { nowMs, seenForMs }: { nowMs: number; seenForMs(pod: Pod): number },
): NodeEndedPods {
  const byOwner = Map.groupBy(pods.filter(isEndedByNode), ownerOf);
  const due: Pod[] = [];
  let nextInMs: number | undefined;
  for (const members of byOwner.values()) {
    const newestFirst = [...members].sort((a, b) => endedMs(b) - endedMs(a));
    newestFirst.forEach((pod, index) => {
      // A clock that was wrong when the pod ended must not keep it for longer.
      const leftMs = Math.min(endedMs(pod) + NODE_ENDED_KEPT_MS - nowMs, NODE_ENDED_KEPT_MS - seenForMs(pod));
      if (index >= NODE_ENDED_KEPT_PER_OWNER || leftMs <= 0) due.push(pod);
      else nextInMs = Math.min(nextInMs ?? NODE_ENDED_KEPT_MS, leftMs);
    });
  }
  return { due, nextInMs };
}

function ownerOf({ metadata }: Pod): string {
  return metadata.ownerReferences?.find((owner) => owner.controller)?.uid ?? '';
}

/** When it stopped being ready, or was made. */
function endedMs({ metadata, status }: Pod): number {
  const turned = status.conditions?.find(({ type }) => type === 'ContainersReady')?.lastTransitionTime;
  return parseTime(turned) ?? parseTime(metadata.creationTimestamp) ?? 0;
}
