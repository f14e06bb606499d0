/**
 * How many pods of a budget may go right now. Pure. Source: Kubernetes, "Specifying a Disruption Budget".
 *
 * A pod whose eviction was allowed counts as gone from that moment on, though the informer may still show it: two evictions
 * at once never share one allowance.
 */

import type { Pod } from '../../../shared/api/pod.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../../shared/api/pod-disruption-budget.ts';
import { setCondition } from '../../../shared/machinery/conditions.ts';
import { type IntOrString, resolveIntOrPercent } from '../../../shared/machinery/int-or-string.ts';
import { formatTime, parseTime } from '../../../shared/platform/clock.ts';
import { isPodReady } from '../pod-state.ts';

/** An eviction that was allowed and has not become a deletion in this time never will: the pod counts again. */
export const DELETION_TIMEOUT_MS = 120_000;

/** A pod that the informer does not show may be one that it does not show yet. */
export const INFORMER_LAG_MS = 2_000;

export const DISRUPTION_ALLOWED = 'DisruptionAllowed';

export interface BudgetState {
  budget: PodDisruptionBudget;
  /** Pods that the budget selects. */
  pods: readonly Pod[];
  /** Pods that their controllers want; undefined where nobody says how many those are. */
  wantedPods: number | undefined;
  nowMs: number;
}

export interface BudgetPlan {
  status: PodDisruptionBudgetStatus;
  /** When an entry of `disruptedPods` runs out; undefined: there is none. */
  lookAgainMs: number | undefined;
}

/** Whether the budget is a share of what controllers want, so that it matters how much that is. */
export function needsControllers({ spec: { minAvailable, maxUnavailable } }: PodDisruptionBudget): boolean {
  return maxUnavailable !== undefined || typeof minAvailable === 'string';
}

export function computeBudgetPlan(state: BudgetState): BudgetPlan {
  const { budget, pods, nowMs } = state;
  const disrupted = computeDisrupted(state);
  const healthy = pods.filter(
    (pod) =>
      isPodReady(pod) &&
      pod.metadata.deletionTimestamp === undefined &&
      disrupted.pods[pod.metadata.name] === undefined,
  );
  const { expectedPods, desiredHealthy } = computeDemand(state);
  const spare = expectedPods <= 0 ? 0 : Math.max(0, healthy.length - desiredHealthy);
  const isKnown = state.wantedPods !== undefined;
  const status = {
    ...(budget.metadata.generation === undefined ? {} : { observedGeneration: budget.metadata.generation }),
    ...(Object.keys(disrupted.pods).length > 0 ? { disruptedPods: disrupted.pods } : {}),
    disruptionsAllowed: isKnown ? spare : 0,
    currentHealthy: healthy.length,
    desiredHealthy,
    expectedPods,
  };
  const conditions = conditionsOf(budget, { allowed: status.disruptionsAllowed, isKnown, now: formatTime(nowMs) });
  return { status: { ...status, conditions }, lookAgainMs: disrupted.lookAgainMs };
}

/** Evictions that were allowed and are not visible at the pods yet. */
function computeDisrupted({ budget, pods, nowMs }: BudgetState): {
  pods: Record<string, string>;
  lookAgainMs: number | undefined;
} {
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  const kept: Record<string, string> = {};
  let lookAgainMs: number | undefined;
  for (const [name, time] of Object.entries(budget.status.disruptedPods ?? {})) {
    const pod = byName.get(name);
    if (pod?.metadata.deletionTimestamp !== undefined) continue;
    const limitMs = pod === undefined ? INFORMER_LAG_MS : DELETION_TIMEOUT_MS;
    const leftMs = (parseTime(time) ?? 0) + limitMs - nowMs;
    if (leftMs <= 0) continue;
    kept[name] = time;
    lookAgainMs = Math.min(leftMs, lookAgainMs ?? Number.POSITIVE_INFINITY);
  }
  return { pods: kept, lookAgainMs };
}

function computeDemand({ budget: { spec }, pods, wantedPods = 0 }: BudgetState): {
  expectedPods: number;
  desiredHealthy: number;
} {
  const { minAvailable, maxUnavailable } = spec;
  if (maxUnavailable !== undefined) {
    return { expectedPods: wantedPods, desiredHealthy: Math.max(0, wantedPods - share(maxUnavailable, wantedPods)) };
  }
  if (typeof minAvailable === 'string') {
    return { expectedPods: wantedPods, desiredHealthy: share(minAvailable, wantedPods) };
  }
  return { expectedPods: pods.length, desiredHealthy: minAvailable ?? 0 };
}

function share(value: IntOrString, total: number): number {
  return resolveIntOrPercent(value, total, 'up');
}

function conditionsOf(
  { status, metadata }: PodDisruptionBudget,
  { allowed, isKnown, now }: { allowed: number; isKnown: boolean; now: string },
): NonNullable<PodDisruptionBudgetStatus['conditions']> {
  const reason = allowed > 0 ? 'SufficientPods' : isKnown ? 'InsufficientPods' : 'SyncFailed';
  const message = isKnown ? '' : 'a pod belongs to a controller that does not say how many pods it wants';
  return setCondition(
    status.conditions,
    {
      type: DISRUPTION_ALLOWED,
      status: allowed > 0 ? ('True' as const) : ('False' as const),
      reason,
      message,
      observedGeneration: metadata.generation ?? 0,
      lastTransitionTime: now,
    },
    now,
  );
}
