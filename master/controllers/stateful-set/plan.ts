/**
 * The plan of one StatefulSet: from what is wanted and what there is to pods and claims to make and to delete. Pure.
 * Source: Kubernetes, "StatefulSets: Deployment and Scaling Guarantees, Update Strategies".
 * Invariants: a pod is only made when no object has its name, so that no two pods of one name ever run; with OrderedReady a
 * pod is made when all before it are available, and removed when all after it are gone.
 */
import type { ControllerRevision } from '../../../shared/api/controller-revision.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { StatefulSet, StatefulSetStatus } from '../../../shared/api/stateful-set.ts';
import { jsonEqual } from '../../../shared/machinery/json.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import type { ActionOf } from '../actions.ts';
import {
  computeHistory,
  computeHistoryCleanup,
  type History,
  type HistoryActions,
  type HistoryOwner,
  type Revision,
} from '../history/revisions.ts';
import { availableInMs, isPodActive } from '../pod-state.ts';
import { identityLabels, ordinalOf, podName, revisionOf, wantedOrdinals } from './identity.ts';
import { healthOf, isBroken } from './pod-health.ts';
import { isBelowPartition, type Slot } from './slot.ts';
import { computeStatefulSetStatus } from './status.ts';
import { computeUpdates } from './updates.ts';
import { type ClaimAction, type ClaimActions, computeClaimPlan, type FindClaim } from './volume-claims.ts';

export interface StatefulSetActions extends HistoryActions, ClaimActions {
  createPod: { ordinal: number; revision: Revision };
  deletePod: { pod: Pod; why: string };
  labelPod: { pod: Pod; labels: Record<string, string> };
  updateStatus: { status: StatefulSetStatus };
}

export type StatefulSetAction = ActionOf<StatefulSetActions>;

export interface StatefulSetState {
  set: StatefulSet;
  /** Those that it owns and selects, with names that it gives. */
  pods: readonly Pod[];
  revisions: readonly ControllerRevision[];
  findClaim: FindClaim;
  nowMs: number;
}

export interface StatefulSetPlan {
  actions: StatefulSetAction[];
  /** When to look again though nothing happened: a pod will be available. */
  requeueAfterMs: number | undefined;
}

export function computeStatefulSetPlan(state: StatefulSetState, owner: HistoryOwner): StatefulSetPlan {
  const { set, revisions, nowMs } = state;
  const history = computeHistory(owner, revisions);
  const current = currentRevision(set, history);
  const slots = computeSlots(state);
  const isGoing = set.metadata.deletionTimestamp !== undefined;
  const work = isGoing ? [] : [...history.actions, ...computeWork(state, slots, { update: history.update, current })];
  const status = computeStatefulSetStatus({ set, slots, update: history.update, current });
  const inUse = new Set([
    history.update.name,
    current.name,
    status.currentRevision ?? '',
    ...state.pods.map(revisionOf),
  ]);
  return {
    actions: [
      ...work,
      ...(jsonEqual(status, set.status) ? [] : [{ type: 'updateStatus' as const, status }]),
      ...(isGoing ? [] : computeHistoryCleanup(owner, revisions, inUse)),
    ],
    requeueAfterMs: nextChangeInMs(slots, set, nowMs),
  };
}

/** The state before the roll-out; that of the present template when there is none, or when its revision is gone. */
function currentRevision({ status }: StatefulSet, { stored, update }: History): Revision {
  return stored.find(({ name }) => name === status.currentRevision) ?? update;
}

/** Wanted ordinals ascending, then those that are no longer wanted, descending. */
function computeSlots({ set, pods, nowMs }: StatefulSetState): Slot[] {
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  const slot = (ordinal: number, isCondemned: boolean): Slot => {
    const pod = byName.get(podName(set, ordinal));
    return { ordinal, pod, isCondemned, health: healthOf(pod, set.spec.minReadySeconds ?? 0, nowMs) };
  };
  const wanted = new Set(wantedOrdinals(set));
  const ordinals = pods.flatMap(({ metadata }) => ordinalOf(set, metadata.name) ?? []);
  const condemned = ordinals.filter((ordinal) => !wanted.has(ordinal)).sort((a, b) => b - a);
  return [...[...wanted].map((ordinal) => slot(ordinal, false)), ...condemned.map((ordinal) => slot(ordinal, true))];
}

export interface RolloutRevisions {
  update: Revision;
  current: Revision;
}

interface Step {
  actions: StatefulSetAction[];
  /** What comes after this slot has to wait for it. */
  isHeldUp: boolean;
}

function computeWork(
  state: StatefulSetState,
  slots: readonly Slot[],
  revisions: RolloutRevisions,
): StatefulSetAction[] {
  const isOrdered = state.set.spec.podManagementPolicy === 'OrderedReady';
  const actions: StatefulSetAction[] = [];
  for (const slot of slots) {
    const step = slot.isCondemned ? removeCondemned(state, slot) : computeStep(state, slot, revisions);
    actions.push(...step.actions);
    if (isOrdered && step.isHeldUp) return actions;
  }
  const outdated = computeUpdates(state.set, slots, revisions.update.name);
  return [...actions, ...outdated.map((pod) => ({ type: 'deletePod' as const, pod, why: 'the template has changed' }))];
}

function computeStep(state: StatefulSetState, slot: Slot, revisions: RolloutRevisions): Step {
  const { set, findClaim } = state;
  const { ordinal, pod, health } = slot;
  const claims = computeClaimPlan({ set, ordinal, pod, isCondemned: false }, findClaim);
  if (pod === undefined) {
    if (claims.isBlocked) return { actions: claims.actions, isHeldUp: true };
    const revision = revisionFor(set, ordinal, revisions);
    return { actions: [...claims.actions, { type: 'createPod', ordinal, revision }], isHeldUp: true };
  }
  const upkeep = [...claims.actions, ...computeLabels(set, ordinal, pod)];
  if (health === 'ended') {
    // A pod that ends at once, time and again, is not made anew in a loop.
    if (youthMs(pod, state.nowMs) > 0) return { actions: upkeep, isHeldUp: true };
    return { actions: [...upkeep, { type: 'deletePod', pod, why: 'it has ended' }], isHeldUp: true };
  }
  // Kubernetes waits for a pod that cannot start even when the template has been repaired; nobody would ever help it.
  const isHopeless = health === 'starting' && isOutdated(set, slot, revisions) && isBroken(pod);
  if (isHopeless) {
    return {
      actions: [...upkeep, { type: 'deletePod', pod, why: 'it cannot start, and its template has changed' }],
      isHeldUp: true,
    };
  }
  return { actions: upkeep, isHeldUp: health !== 'available' };
}

/** From the highest ordinal down; one that is leaving holds up the next. */
function removeCondemned({ set, findClaim }: StatefulSetState, { ordinal, pod, health }: Slot): Step {
  if (pod === undefined || health === 'leaving') return { actions: [], isHeldUp: true };
  const claims: ClaimAction[] = computeClaimPlan({ set, ordinal, pod, isCondemned: true }, findClaim).actions;
  return { actions: [...claims, { type: 'deletePod', pod, why: 'the set was scaled down' }], isHeldUp: true };
}

/** Below the partition the old state stays, also when a pod has to be made anew. */
function revisionFor(set: StatefulSet, ordinal: number, { update, current }: RolloutRevisions): Revision {
  return isBelowPartition(set, ordinal) ? current : update;
}

function isOutdated(set: StatefulSet, { ordinal, pod }: Slot, { update }: RolloutRevisions): boolean {
  const isRolling = set.spec.updateStrategy.type === 'RollingUpdate';
  return isRolling && pod !== undefined && !isBelowPartition(set, ordinal) && revisionOf(pod) !== update.name;
}

/** Adopted pods may lack what services go by. */
function computeLabels(set: StatefulSet, ordinal: number, pod: Pod): StatefulSetAction[] {
  const labels = identityLabels(set, ordinal);
  const hasAll = Object.entries(labels).every(([key, value]) => pod.metadata.labels?.[key] === value);
  return hasAll || !isPodActive(pod) ? [] : [{ type: 'labelPod', pod, labels }];
}

/** An ended pod is replaced no sooner than this after its creation. */
const MIN_LIFE_MS = 10_000;

/** Milliseconds until the pod is old enough; 0 also for a creation in the future, which a clock that jumped leaves behind. */
function youthMs({ metadata }: Pod, nowMs: number): number {
  const ageMs = nowMs - (parseTime(metadata.creationTimestamp) ?? 0);
  return ageMs < 0 ? 0 : Math.max(0, MIN_LIFE_MS - ageMs);
}

/** A pod will be available, or old enough to be replaced. */
function nextChangeInMs(slots: readonly Slot[], { spec }: StatefulSet, nowMs: number): number | undefined {
  const waits = slots.flatMap(({ pod, health }) => {
    if (pod === undefined) return [];
    if (health === 'ended') return youthMs(pod, nowMs);
    return health === 'settling' ? (availableInMs(pod, spec.minReadySeconds ?? 0, nowMs) ?? []) : [];
  });
  const positive = waits.filter((waitMs) => waitMs > 0);
  return positive.length === 0 ? undefined : Math.min(...positive);
}
