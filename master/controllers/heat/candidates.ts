/** Which pods of a hot board may be moved, the one to move first in front. Pure. */
import type { Pod } from '../../../shared/api/pod.ts';
import { computePodRequests } from '../../../shared/api/pod-requests.ts';
import { controllerOf } from '../../../shared/machinery/owner-references.ts';
import { isPodActive } from '../pod-state.ts';
import type { BoardState, HeatState, WorkloadRest } from './heat-state.ts';
import { PROTECTION_ANNOTATION } from './words.ts';

/** Pods of the cluster itself keep their boards alive: they are never moved for heat. */
export const SYSTEM_PRIORITY = 2_000_000_000;

export interface Candidate {
  pod: Pod;
  priority: number;
  /** What it uses, or asks for where nobody measures. */
  cpuMillis: number;
}

/** Lowest priority first; among equals the one that heats the most, then by name. */
export function computeCandidates(board: BoardState, state: HeatState): Candidate[] {
  return board.pods
    .filter((pod) => mayBeMoved(pod, state))
    .map((pod) => ({ pod, priority: pod.spec.priority ?? 0, cpuMillis: cpuOf(pod, board) }))
    .sort(
      (a, b) =>
        a.priority - b.priority || b.cpuMillis - a.cpuMillis || (a.pod.metadata.uid < b.pod.metadata.uid ? -1 : 1),
    );
}

/** Of the pods that users run on the board. */
export function highestPriority({ pods }: BoardState): number {
  const priorities = pods.filter(isPodActive).map(({ spec }) => spec.priority ?? 0);
  return Math.max(Number.NEGATIVE_INFINITY, ...priorities.filter((priority) => priority < SYSTEM_PRIORITY));
}

/** A pod that nobody makes anew would be lost, and one that belongs to its board would come right back. */
function mayBeMoved(pod: Pod, { resting, refusedUntilMs, nowMs }: HeatState): boolean {
  const owner = controllerOf(pod);
  if (!isPodActive(pod) || owner === undefined || owner.kind === 'DaemonSet' || owner.kind === 'Node') return false;
  if ((pod.spec.priority ?? 0) >= SYSTEM_PRIORITY) return false;
  if (pod.metadata.annotations?.[PROTECTION_ANNOTATION] === 'ignore') return false;
  if ((refusedUntilMs.get(pod.metadata.uid) ?? Number.NEGATIVE_INFINITY) > nowMs) return false;
  return !isResting(pod, resting.get(owner.uid), nowMs);
}

/** The replacement of a pod that was moved a while ago; pods that were there before are none. */
function isResting({ metadata }: Pod, rest: WorkloadRest | undefined, nowMs: number): boolean {
  return rest !== undefined && nowMs < rest.untilMs && !rest.older.has(metadata.uid);
}

/** What it uses, or asks for where nobody measures. */
export function cpuOf(pod: Pod, { usage }: BoardState): number {
  return usage?.get(pod.metadata.uid) ?? computePodRequests(pod.spec).scoringCpuMillis;
}
