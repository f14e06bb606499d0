/**
 * Takes one disruption from the budget of a pod, or says why not. The budget is changed by compare and swap: two evictions
 * at once never take the same one. Source: Kubernetes, "API-initiated Eviction".
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { PodDisruptionBudget } from '../../../shared/api/pod-disruption-budget.ts';
import { isConditionTrue, setCondition } from '../../../shared/machinery/conditions.ts';
import { forbidden, internalError, isStatusError, StatusError } from '../../../shared/machinery/errors.ts';
import { selectorFromLabelSelector, selectorMatches } from '../../../shared/machinery/label-selector.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { changeObject } from '../registry/change.ts';
import type { Services } from '../services.ts';
import { type AnyKind, asKind } from '../storage/api-object.ts';

/** Evictions under way at the same time, of one budget. */
const MAX_DISRUPTED_PODS = 2_000;

/** When the client shall ask again. */
const RETRY_SECONDS = 10;

export type BudgetAnswer =
  /** No budget, or none that matters for this pod. */
  | { type: 'free' }
  /** The pod goes without asking as long as it is as it was read. */
  | { type: 'asRead' }
  | { type: 'taken' };

/** Throws TooManyRequests when the budget has nothing left. A dry run takes nothing. */
export async function takeDisruption(services: Services, pod: Pod, dryRun: boolean): Promise<BudgetAnswer> {
  const kind = services.kindOf('policy', 'PodDisruptionBudget');
  if (kind === undefined || goesAnyway(pod)) return { type: 'free' };
  const [budget, ...others] = await budgetsOf(services, kind, pod);
  if (budget === undefined) return { type: 'free' };
  if (others.length > 0) {
    throw internalError(
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  if (isUnhealthyAndFree(pod, budget)) return { type: 'asRead' };
  await takeFrom(services, kind, { budget, pod, dryRun });
  return { type: 'taken' };
}

async function takeFrom(
  { objects, clock }: Services,
  kind: AnyKind,
  { budget, pod, dryRun }: { budget: PodDisruptionBudget; pod: Pod; dryRun: boolean },
): Promise<void> {
  const { namespace = '', name } = budget.metadata;
  try {
    await changeObject(objects, { kind, namespace, name, dryRun }, (current) => {
      const status = takeOne(asKind<PodDisruptionBudget>(kind, current), pod, clock.nowMs());
      return { action: 'put', object: { ...current, status } };
    });
  } catch (error) {
    if (!isStatusError(error, 'Conflict')) throw error;
    throw tooManyRequests(`couldn't update PodDisruptionBudget ${JSON.stringify(name)} due to conflicts`);
  }
}

/** A pod that does not serve anybody, or is going already. */
function goesAnyway({ metadata, status }: Pod): boolean {
  const { phase } = status;
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || metadata.deletionTimestamp !== undefined;
}

async function budgetsOf({ objects }: Services, kind: AnyKind, { metadata }: Pod): Promise<PodDisruptionBudget[]> {
  const { items } = await objects.list(kind, { namespace: metadata.namespace ?? '' });
  const budgets = items.map(({ object }) => asKind<PodDisruptionBudget>(kind, object));
  return budgets.filter(({ spec }) => {
    return spec.selector !== undefined && selectorMatches(selectorFromLabelSelector(spec.selector), metadata.labels);
  });
}

/** A pod that runs and is not ready does not count as healthy: without it the application is not worse off. */
function isUnhealthyAndFree({ status }: Pod, budget: PodDisruptionBudget): boolean {
  if (isConditionTrue(status.conditions, 'Ready')) return false;
  if (budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy, desiredHealthy } = budget.status;
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

function takeOne(budget: PodDisruptionBudget, pod: Pod, nowMs: number): PodDisruptionBudget['status'] {
  const { metadata, status } = budget;
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    throw tooManyRequests(`The disruption budget ${metadata.name} is still being processed by the server.`);
  }
  const disruptedPods = status.disruptedPods ?? {};
  if (Object.keys(disruptedPods).length >= MAX_DISRUPTED_PODS) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw forbidden({ group: 'policy', plural: 'poddisruptionbudgets' }, metadata.name, why);
  }
  if (status.disruptionsAllowed <= 0) {
    const { desiredHealthy, currentHealthy } = status;
    throw tooManyRequests(
      `The disruption budget ${metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
    );
  }
  const now = formatTime(nowMs);
  const disruptionsAllowed = status.disruptionsAllowed - 1;
  const taken = { ...status, disruptionsAllowed, disruptedPods: { ...disruptedPods, [pod.metadata.name]: now } };
  if (disruptionsAllowed > 0) return taken;
  const exhausted = {
    type: 'DisruptionAllowed',
    status: 'False' as const,
    reason: 'InsufficientPods',
    message: '',
    observedGeneration: metadata.generation ?? 0,
    lastTransitionTime: now,
  };
  return { ...taken, conditions: setCondition(status.conditions, exhausted, now) };
}

function tooManyRequests(why: string): StatusError {
  const message = "Cannot evict pod as it would violate the pod's disruption budget.";
  const causes = [{ reason: 'DisruptionBudget', message: why }];
  return new StatusError('TooManyRequests', message, { causes, retryAfterSeconds: RETRY_SECONDS });
}
