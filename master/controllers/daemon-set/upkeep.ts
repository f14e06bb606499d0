/** What a DaemonSet does whether or not a roll-out is under way: one pod where one should be, none where not. Pure. */
import type { DaemonSet } from '../../../shared/api/daemon-set.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { resolveIntOrPercent } from '../../../shared/machinery/int-or-string.ts';
import { availableInMs } from '../pod-state.ts';
import { type DaemonSetView, hashOf, type NodeView } from './view.ts';

export interface PodChanges {
  /** Nodes that get a pod. */
  create: readonly string[];
  remove: readonly Pod[];
}

export interface Upkeep {
  changes: PodChanges;
  /** Until failed pods may be replaced. */
  waitsMs: number[];
}

/** `backoffMs`: how long a failed pod of a node stays before it is replaced; 0: no longer. */
export function computeUpkeep(view: DaemonSetView, { backoffMs }: { backoffMs(node: string): number }): Upkeep {
  const create: string[] = [];
  const remove: Pod[] = [];
  const waitsMs: number[] = [];
  for (const node of view.nodes) {
    const { fit, pods, name } = node;
    if (fit.shouldRun && pods.length === 0) create.push(name);
    else if (!fit.mayStay) remove.push(...pods.filter((pod) => isRemovable(pod)));
    else {
      const ended = pods.filter((pod) => !isLeaving(pod) && hasEnded(pod));
      const waitMs = ended.some(({ status }) => status.phase === 'Failed') ? backoffMs(name) : 0;
      if (waitMs > 0) waitsMs.push(waitMs);
      else remove.push(...ended);
      const kept = keptPods(view, node);
      remove.push(...kept.excess);
      if (fit.shouldRun && kept.isSurgeMissing) create.push(name);
    }
  }
  return { changes: { create, remove }, waitsMs };
}

const MAX_PODS_A_NODE = 2;

/** How many nodes may have an old and a new pod. */
export function maxSurge({ spec }: DaemonSet, desired: number): number {
  const { type, rollingUpdate } = spec.updateStrategy;
  return type === 'RollingUpdate' ? resolveIntOrPercent(rollingUpdate?.maxSurge ?? 0, desired, 'up') : 0;
}

export function hasEnded({ status }: Pod): boolean {
  return status.phase === 'Failed' || status.phase === 'Succeeded';
}

export function isLeaving({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Where pods may surge a node has two of them at most: one that leaves takes as much as one that stays. */
export function hasSurgeRoom({ pods }: NodeView): boolean {
  return pods.filter((pod) => !hasEnded(pod)).length < MAX_PODS_A_NODE;
}

/** Neither leaving nor ended. */
export function livePods({ pods }: NodeView): Pod[] {
  return pods.filter((pod) => !isLeaving(pod) && !hasEnded(pod));
}

export function isAvailable({ set, nowMs }: DaemonSetView, pod: Pod): boolean {
  return availableInMs(pod, set.spec.minReadySeconds ?? 0, nowMs) === 0;
}

function isRemovable(pod: Pod): boolean {
  return !isLeaving(pod);
}

/**
 * Without surge the oldest pod stays. With surge an old pod that is available stays beside a new one that is not yet; a
 * node whose only pod leaves gets a new one without waiting for it.
 */
function keptPods(view: DaemonSetView, node: NodeView): { excess: Pod[]; isSurgeMissing: boolean } {
  const live = livePods(node);
  if (maxSurge(view.set, view.nodes.length) === 0) return { excess: live.slice(1), isSurgeMissing: false };
  const hasEndedOnes = node.pods.some((pod) => !isLeaving(pod) && hasEnded(pod));
  if (live.length <= 1) return { excess: [], isSurgeMissing: live.length === 0 && !hasEndedOnes && hasSurgeRoom(node) };
  const newest = live.find((pod) => hashOf(pod) === view.hash);
  const old = live.find((pod) => hashOf(pod) !== view.hash);
  const isOldNeeded =
    old !== undefined && isAvailable(view, old) && (newest === undefined || !isAvailable(view, newest));
  const kept = new Set([newest, ...(isOldNeeded || newest === undefined ? [old] : [])]);
  return { excess: live.filter((pod) => !kept.has(pod)), isSurgeMissing: false };
}
