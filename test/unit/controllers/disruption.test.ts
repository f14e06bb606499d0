/** Budgets: how many pods may go, and that evictions that are under way count. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BudgetPlan,
  computeBudgetPlan,
  DELETION_TIMEOUT_MS,
  INFORMER_LAG_MS,
} from '../../../master/controllers/disruption/plan.ts';
import { computeWantedPods } from '../../../master/controllers/disruption/wanted-pods.ts';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { type PodDisruptionBudget, PodDisruptionBudgetKind } from '../../../shared/api/pod-disruption-budget.ts';
import { ReplicaSetKind } from '../../../shared/api/replica-set.ts';
import type { OwnerReferenceLike } from '../../../shared/machinery/owner-references.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { stored } from '../api/support.ts';
import { makeDeployment, makeReplica, makeReplicaSet, START_MS } from './objects.ts';

type Spec = Partial<PodDisruptionBudget['spec']>;

function budget(spec: Spec, disruptedPods?: Record<string, string>): PodDisruptionBudget {
  const made = stored(PodDisruptionBudgetKind, { metadata: { generation: 3 }, spec });
  return { ...made, status: { ...made.status, ...(disruptedPods ? { disruptedPods } : {}) } };
}

function pods(states: string): Pod[] {
  return [...states].map((state, index) => {
    const options = { name: `p${index}`, isGoing: state === 'g' };
    return makeReplica(state === 'u' ? options : { ...options, readyAt: 1 });
  });
}

function plan(spec: Spec, states: string, wantedPods: number | undefined = states.length): BudgetPlan['status'] {
  return computeBudgetPlan({ budget: budget(spec), pods: pods(states), wantedPods, nowMs: START_MS }).status;
}

const TABLE: readonly [what: string, spec: Spec, states: string, wanted: number, allowed: number, desired: number][] = [
  ['all but two of five', { minAvailable: 2 }, 'rrrrr', 5, 3, 2],
  ['more than there are', { minAvailable: 9 }, 'rrr', 3, 0, 9],
  ['unready pods do not count', { minAvailable: 2 }, 'rruu', 4, 0, 2],
  ['going pods do not count', { minAvailable: 2 }, 'rrrg', 4, 1, 2],
  ['half of five, rounded up', { minAvailable: '50%' }, 'rrrrr', 5, 2, 3],
  ['one may be missing', { maxUnavailable: 1 }, 'rrr', 3, 1, 2],
  ['one is missing already', { maxUnavailable: 1 }, 'rru', 3, 0, 2],
  ['a pod that was not made yet is missing', { maxUnavailable: 1 }, 'rr', 3, 0, 2],
  ['a third of four, rounded up', { maxUnavailable: '30%' }, 'rrrr', 4, 2, 2],
  ['all may be missing', { maxUnavailable: '100%' }, 'rr', 2, 2, 0],
  ['none may', { maxUnavailable: 0 }, 'rrr', 3, 0, 3],
  ['nothing there', { minAvailable: 1 }, '', 0, 0, 1],
  ['no rule', {}, 'rrr', 3, 3, 0],
];

for (const [what, spec, states, wanted, allowed, desired] of TABLE) {
  test(`${what}: ${JSON.stringify(spec)} of ${states} allows ${allowed}`, () => {
    const status = plan(spec, states, wanted);
    assert.deepEqual(
      [status.disruptionsAllowed, status.desiredHealthy, status.observedGeneration],
      [allowed, desired, 3],
    );
    const [condition] = status.conditions ?? [];
    assert.equal(condition?.status, allowed > 0 ? 'True' : 'False');
  });
}

test('a controller that does not say how many it wants makes the budget cautious', () => {
  const { status } = computeBudgetPlan({
    budget: budget({ maxUnavailable: 1 }),
    pods: pods('rrr'),
    wantedPods: undefined,
    nowMs: START_MS,
  });
  assert.deepEqual([status.disruptionsAllowed, status.conditions?.[0]?.reason], [0, 'SyncFailed']);
});

test('a pod whose eviction was allowed counts as gone, until it goes or until nothing comes of it', () => {
  const at = (ageMs: number): string => formatTime(START_MS - ageMs);
  const state = { pods: pods('rrrg'), wantedPods: 4, nowMs: START_MS };
  const disrupted = {
    p0: at(1_000),
    p1: at(DELETION_TIMEOUT_MS),
    p3: at(1_000),
    gone: at(1_000),
    old: at(INFORMER_LAG_MS),
  };
  const { status, lookAgainMs } = computeBudgetPlan({ ...state, budget: budget({ minAvailable: 1 }, disrupted) });
  assert.deepEqual(Object.keys(status.disruptedPods ?? {}), ['p0', 'gone']);
  assert.deepEqual([status.currentHealthy, status.disruptionsAllowed, lookAgainMs], [2, 1, INFORMER_LAG_MS - 1_000]);
});

test('the wish of a Deployment counts once, whatever its ReplicaSets want', () => {
  const deployment = makeDeployment({ replicas: 7 });
  const replicaSet = makeReplicaSet({ replicas: 3 });
  const readOwner = (_namespace: string, owner: OwnerReferenceLike) => {
    if (owner.kind === 'ReplicaSet') return { kind: ReplicaSetKind, object: replicaSet };
    return owner.kind === 'Deployment' ? { kind: DeploymentKind, object: deployment } : undefined;
  };
  assert.equal(computeWantedPods(pods('rrr'), readOwner), 7);
  assert.equal(computeWantedPods([], readOwner), 0);
  assert.equal(
    computeWantedPods(pods('rrr'), () => undefined),
    undefined,
  );
  const orphan = pods('r').map((pod) => ({ ...pod, metadata: { ...pod.metadata, ownerReferences: [] } }));
  assert.equal(computeWantedPods(orphan, readOwner), 0);
});
