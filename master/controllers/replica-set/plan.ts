/** The plan of one ReplicaSet: from what is wanted and what there is to pods to make and to delete, and the status. Pure. */
import type { Pod } from '../../../shared/api/pod.ts';
import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '../../../shared/api/replica-set.ts';
import { removeCondition, setCondition } from '../../../shared/machinery/conditions.ts';
import { selectorFromLabels, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import type { ActionOf } from '../actions.ts';
import { availableInMs, isPodActive, isPodReady } from '../pod-state.ts';
import { rankForDeletion } from './ranking.ts';

export interface ReplicaSetActions {
  createPods: { count: number };
  deletePods: { pods: readonly Pod[] };
}

export type ReplicaSetAction = ActionOf<ReplicaSetActions>;

export interface ReplicaSetState {
  replicaSet: ReplicaSet;
  /** The pods that it owns and selects, ended ones included. */
  pods: readonly Pod[];
  /** Pods of the same workload in other ReplicaSets, for ranking. */
  related?: readonly Pod[];
  nowMs: number;
}

/** Pods made or deleted in one step; the rest follows when these have been seen. */
export const MAX_PODS_A_STEP = 500;

export function computeReplicaSetActions(state: ReplicaSetState): ReplicaSetAction[] {
  const { replicaSet, pods, related = [], nowMs } = state;
  if (replicaSet.metadata.deletionTimestamp !== undefined) return [];
  const active = pods.filter(isPodActive);
  const missing = replicaSet.spec.replicas - active.length;
  if (missing > 0) return [{ type: 'createPods', count: Math.min(missing, MAX_PODS_A_STEP) }];
  if (missing === 0) return [];
  const ranked = rankForDeletion({ pods: active, related: [...pods, ...related], nowMs });
  return [{ type: 'deletePods', pods: ranked.slice(0, Math.min(-missing, MAX_PODS_A_STEP)) }];
}

/** Why pods could not be made or deleted at the last step. */
export interface ReplicaFailure {
  reason: 'FailedCreate' | 'FailedDelete';
  message: string;
}

/** `now` is RFC 3339. Returns the present status itself when nothing changed. */
export function computeReplicaSetStatus(
  state: ReplicaSetState,
  failure: ReplicaFailure | undefined,
  now: string,
): ReplicaSetStatus {
  const { replicaSet, pods, nowMs } = state;
  const { spec, status, metadata } = replicaSet;
  const active = pods.filter(isPodActive);
  const template = selectorFromLabels(spec.template.metadata.labels ?? {});
  const conditions = computeConditions(status.conditions, failure, now);
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => selectorMatches(template, pod.metadata.labels)).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter((pod) => availableInMs(pod, spec.minReadySeconds ?? 0, nowMs) === 0).length,
    terminatingReplicas: pods.filter(isTerminating).length,
    observedGeneration: metadata.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

/** When the next pod becomes available without anything else happening; undefined: none is waiting for it. */
export function nextAvailableInMs({ replicaSet, pods, nowMs }: ReplicaSetState): number | undefined {
  const { minReadySeconds = 0 } = replicaSet.spec;
  const waits = pods.filter(isPodActive).map((pod) => availableInMs(pod, minReadySeconds, nowMs) ?? 0);
  const positive = waits.filter((waitMs) => waitMs > 0);
  return positive.length === 0 ? undefined : Math.min(...positive);
}

function isTerminating(pod: Pod): boolean {
  const hasEnded = pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
  return pod.metadata.deletionTimestamp !== undefined && !hasEnded;
}

function computeConditions(
  present: readonly ReplicaSetCondition[] | undefined,
  failure: ReplicaFailure | undefined,
  now: string,
): ReplicaSetCondition[] {
  if (failure === undefined) return removeCondition(present, 'ReplicaFailure');
  // The first message stays: each one names another pod, and a status that changes with every attempt causes the next one.
  if (present?.some(({ type, reason }) => type === 'ReplicaFailure' && reason === failure.reason)) return [...present];
  return setCondition(present, { type: 'ReplicaFailure', status: 'True', ...failure }, now);
}
