/**
 * The plan of one DaemonSet: nodes that need a pod, pods that must go, the next step of a roll-out, and the status. Pure.
 * Source: Kubernetes, "DaemonSet" and "Perform a Rolling Update on a DaemonSet".
 */
import type { ControllerRevision } from '../../../shared/api/controller-revision.ts';
import type { DaemonSet, DaemonSetStatus } from '../../../shared/api/daemon-set.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import type { ActionOf } from '../actions.ts';
import {
  computeHistory,
  computeHistoryCleanup,
  type HistoryActions,
  type HistoryOwner,
  REVISION_HASH_LABEL,
  type Revision,
} from '../history/revisions.ts';
import { availableInMs } from '../pod-state.ts';
import { computeNodeFit, type NodeFit, nodeOf } from './placement.ts';
import { computeRollout } from './rollout.ts';
import { computeDaemonSetStatus } from './status.ts';
import { computeUpkeep, type PodChanges } from './upkeep.ts';
import { type DaemonSetView, hashOf, type NodeView } from './view.ts';

export interface DaemonSetActions extends HistoryActions {
  createPods: { nodes: readonly string[]; revision: Revision };
  deletePods: { pods: readonly Pod[] };
  updateStatus: { status: DaemonSetStatus };
}

export type DaemonSetAction = ActionOf<DaemonSetActions>;

export interface DaemonSetState {
  set: DaemonSet;
  /** Those that it owns and selects. */
  pods: readonly Pod[];
  nodes: readonly Node[];
  revisions: readonly ControllerRevision[];
  nowMs: number;
  /** How long a failed pod of that node stays before it is replaced; 0: no longer. */
  backoffMs(node: string): number;
  /** The pods made and deleted before have been seen. */
  isUpToDate: boolean;
}

export interface DaemonSetPlan {
  actions: DaemonSetAction[];
  requeueAfterMs: number | undefined;
}

/** Pods made or deleted in one step; the rest follows when these have been seen. */
export const MAX_PODS_A_STEP = 250;

export function computeDaemonSetPlan(state: DaemonSetState, owner: HistoryOwner): DaemonSetPlan {
  const { set, revisions, pods, nowMs } = state;
  const { update, actions: history } = computeHistory(owner, revisions);
  const view: DaemonSetView = { set, nodes: computeNodeViews(state), hash: update.hash, nowMs };
  const isGoing = set.metadata.deletionTimestamp !== undefined;
  const status = computeDaemonSetStatus(view);
  const upkeep = computeUpkeep(view, state);
  const changes = isGoing || !state.isUpToDate ? NO_CHANGE : upkeep.changes;
  const isQuiet = changes.create.length + changes.remove.length === 0;
  const rollout = isGoing || !state.isUpToDate || !isQuiet ? NO_CHANGE : computeRollout(view);
  const inUse = new Set([update.name, ...revisionsInUse(revisions, pods)]);
  return {
    actions: [
      ...(isGoing ? [] : history),
      ...renderChanges(
        { create: [...changes.create, ...rollout.create], remove: [...changes.remove, ...rollout.remove] },
        update,
      ),
      ...(jsonEqual(status, set.status) ? [] : [{ type: 'updateStatus' as const, status }]),
      ...(isGoing ? [] : computeHistoryCleanup(owner, revisions, inUse)),
    ],
    requeueAfterMs: earliest([...upkeep.waitsMs, ...availableWaits(view)]),
  };
}

const NO_CHANGE: PodChanges = { create: [], remove: [] };

function computeNodeViews({ set, pods, nodes }: DaemonSetState): NodeView[] {
  const known = new Map(nodes.map((node) => [node.metadata.name, computeNodeFit(set, node)]));
  const byNode = Map.groupBy([...pods].sort(byAge), (pod) => nodeOf(pod) ?? '');
  const names = [...new Set([...known.keys(), ...byNode.keys()])].sort();
  return names.map((name) => ({
    name,
    fit: known.get(name) ?? UNKNOWN_NODE,
    pods: byNode.get(name) ?? [],
  }));
}

/** Pods that are bound to a node that is gone are collected with it; those that wait for it must go. */
const UNKNOWN_NODE: NodeFit = { shouldRun: false, mayStay: false };

function byAge(a: Pod, b: Pod): number {
  const [left, right] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  if (left !== right) return left < right ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

function renderChanges({ create, remove }: PodChanges, revision: Revision): DaemonSetAction[] {
  return [
    ...(remove.length === 0 ? [] : [{ type: 'deletePods' as const, pods: remove.slice(0, MAX_PODS_A_STEP) }]),
    ...(create.length === 0
      ? []
      : [{ type: 'createPods' as const, nodes: create.slice(0, MAX_PODS_A_STEP), revision }]),
  ];
}

function revisionsInUse(revisions: readonly ControllerRevision[], pods: readonly Pod[]): string[] {
  const hashes = new Set(pods.map(hashOf));
  const used = revisions.filter(({ metadata }) => hashes.has(metadata.labels?.[REVISION_HASH_LABEL] ?? ''));
  return used.map(({ metadata }) => metadata.name);
}

function availableWaits({ set, nodes, nowMs }: DaemonSetView): number[] {
  const pods = nodes.flatMap((node) => node.pods);
  return pods.flatMap((pod) => availableInMs(pod, set.spec.minReadySeconds ?? 0, nowMs) ?? []);
}

function earliest(waitsMs: readonly number[]): number | undefined {
  const waits = waitsMs.filter((waitMs) => waitMs > 0);
  return waits.length === 0 ? undefined : Math.min(...waits);
}
