/** ReplicaSet: the plan, the order of deletion, the status, and what was done and not seen yet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeClaims } from '../../../master/controllers/claims.ts';
import { EXPECTATION_LIMIT_MS, Expectations } from '../../../master/controllers/replica-set/expectations.ts';
import {
  computeReplicaSetActions,
  computeReplicaSetStatus,
  MAX_PODS_A_STEP,
  nextAvailableInMs,
} from '../../../master/controllers/replica-set/plan.ts';
import { rankForDeletion } from '../../../master/controllers/replica-set/ranking.ts';
import { selectorFromLabelSelector } from '../../../shared/machinery/label-selector.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
import { at, makeReplica, makeReplicaSet, type ReplicaOptions, type ReplicaSetOptions, START_MS } from './objects.ts';

const NOW_MS = START_MS + 3_600_000;

function plan(replicaSet: ReplicaSetOptions, pods: ReplicaOptions[]) {
  return computeReplicaSetActions({
    replicaSet: makeReplicaSet(replicaSet),
    pods: pods.map(makeReplica),
    nowMs: NOW_MS,
  });
}

test('missing pods are made, so many at a time; ended and leaving ones do not count', () => {
  assert.deepEqual(plan({ replicas: 3 }, [{ name: 'a' }]), [{ type: 'createPods', count: 2 }]);
  const gone: ReplicaOptions[] = [{ name: 'a', phase: 'Failed' }, { name: 'b', isGoing: true }, { name: 'c' }];
  assert.deepEqual(plan({ replicas: 3 }, gone), [{ type: 'createPods', count: 2 }]);
  assert.deepEqual(plan({ replicas: 9_999 }, []), [{ type: 'createPods', count: MAX_PODS_A_STEP }]);
  assert.deepEqual(plan({ replicas: 1 }, [{ name: 'a' }]), []);
});

test('a ReplicaSet that is being deleted makes and deletes nothing', () => {
  const replicaSet = makeReplicaSet({ replicas: 3 });
  replicaSet.metadata.deletionTimestamp = at(0);
  assert.deepEqual(computeReplicaSetActions({ replicaSet, pods: [], nowMs: NOW_MS }), []);
});

/** In each row the first pod goes first. */
const ORDER: { what: string; first: Partial<ReplicaOptions>; second: Partial<ReplicaOptions> }[] = [
  { what: 'without a node', first: { readyAt: 0 }, second: { node: 'n' } },
  { what: 'pending', first: { node: 'n', phase: 'Pending' }, second: { node: 'n', phase: 'Running' } },
  { what: 'not ready', first: { node: 'n' }, second: { node: 'n', readyAt: 0 } },
  { what: 'cheap', first: { node: 'n', cost: '-1' }, second: { node: 'n', readyAt: undefined } },
  { what: 'on a crowded node', first: { node: 'crowded', readyAt: 0 }, second: { node: 'n', readyAt: 0 } },
  { what: 'ready for a shorter time', first: { node: 'n', readyAt: 3_000 }, second: { node: 'n', readyAt: 0 } },
  { what: 'restarted more often', first: { node: 'n', readyAt: 10, restarts: 2 }, second: { node: 'n', readyAt: 0 } },
  { what: 'younger', first: { node: 'n', readyAt: 0, createdAt: 3_000 }, second: { node: 'n', readyAt: 0 } },
];

for (const { what, first, second } of ORDER) {
  test(`who goes first: ${what}`, () => {
    const pods = [makeReplica({ ...second, name: 'second' }), makeReplica({ ...first, name: 'first' })];
    const crowd = ['x', 'y'].map((name) => makeReplica({ name, node: 'crowded' }));
    const ranked = rankForDeletion({ pods, related: [...pods, ...crowd], nowMs: NOW_MS });
    assert.deepEqual(
      ranked.map((pod) => pod.metadata.name),
      ['first', 'second'],
    );
  });
}

test('status counts pods, ready ones, and those that have been ready for long enough', () => {
  const replicaSet = makeReplicaSet({ minReadySeconds: 10 });
  const pods = [
    { name: 'a', readyAt: 0 },
    { name: 'b', readyAt: 3_595 },
    { name: 'c' },
    { name: 'd', isGoing: true },
  ].map(makeReplica);
  const state = { replicaSet, pods, nowMs: NOW_MS };
  assert.deepEqual(computeReplicaSetStatus(state, undefined, at(0)), {
    replicas: 3,
    fullyLabeledReplicas: 3,
    readyReplicas: 2,
    availableReplicas: 1,
    terminatingReplicas: 1,
    observedGeneration: 1,
  });
  assert.equal(nextAvailableInMs(state), 5_000);
});

test('a failure is a condition until it is over', () => {
  const replicaSet = makeReplicaSet();
  const state = { replicaSet, pods: [], nowMs: NOW_MS };
  const failed = computeReplicaSetStatus(state, { reason: 'FailedCreate', message: 'no' }, at(5));
  const condition = {
    type: 'ReplicaFailure',
    status: 'True',
    reason: 'FailedCreate',
    message: 'no',
    lastTransitionTime: at(5),
  };
  assert.deepEqual(failed.conditions, [condition]);
  const healed = computeReplicaSetStatus({ ...state, replicaSet: { ...replicaSet, status: failed } }, undefined, at(6));
  assert.equal(healed.conditions, undefined);
});

test('claims: adopts what it selects and nobody controls, releases what it does not select', () => {
  const replicaSet = makeReplicaSet();
  const selector = selectorFromLabelSelector(replicaSet.spec.selector);
  const own = makeReplica({ name: 'own' });
  const astray = { ...own, metadata: { ...own.metadata, uid: 'astray', labels: {} } };
  const orphan = { ...own, metadata: { ...own.metadata, uid: 'orphan', ownerReferences: [] } };
  const foreign = makeReplica({ name: 'foreign', owner: 'somebody' });
  const elsewhere = { ...orphan, metadata: { ...orphan.metadata, namespace: 'other' } };
  const leaving = { ...orphan, metadata: { ...orphan.metadata, deletionTimestamp: at(0) } };
  const candidates = [own, astray, orphan, foreign, elsewhere, leaving];
  assert.deepEqual(computeClaims({ owner: replicaSet, selector, candidates }), {
    owned: [own],
    adopt: [orphan],
    release: [astray],
  });
  const going = { metadata: { ...replicaSet.metadata, deletionTimestamp: at(0) } };
  assert.deepEqual(computeClaims({ owner: going, selector, candidates }), { owned: [own], adopt: [], release: [] });
});

test('expectations hold until everything has been seen, or for so long', async () => {
  const clock = createVirtualClock();
  const expectations = new Expectations(clock);
  assert.equal(expectations.remainingMs('rs'), 0);
  expectations.expectCreations('rs', 2);
  expectations.noteCreation('rs');
  assert.equal(expectations.remainingMs('rs'), EXPECTATION_LIMIT_MS);
  expectations.noteCreation('rs');
  assert.equal(expectations.remainingMs('rs'), 0);
  expectations.expectDeletions('rs', ['a', 'b']);
  expectations.noteDeletion('rs', 'a');
  expectations.noteDeletion('rs', 'a');
  assert.ok(expectations.remainingMs('rs') > 0);
  await clock.advance(EXPECTATION_LIMIT_MS);
  assert.equal(expectations.remainingMs('rs'), 0);
});
