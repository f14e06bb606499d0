/** Garbage collection: what is done about an object by its owners and dependents; ended pods; namespaces; tokens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeTokenExpiryMs } from '../../../master/controllers/bootstrap-token-cleaner.ts';
import {
  type CollectorAction,
  computeCollectorActions,
  FOREGROUND_FINALIZER,
  ORPHAN_FINALIZER,
  type OwnerState,
} from '../../../master/controllers/garbage-collector/plan.ts';
import { computeDeletionConditions } from '../../../master/controllers/namespace.ts';
import { computeExcessPods } from '../../../master/controllers/pod-garbage-collector.ts';
import type { Secret } from '../../../shared/api/secret.ts';
import { at, makeReplica, makeReplicaSet, START_MS } from './objects.ts';

interface Case {
  what: string;
  owners?: OwnerState[];
  finalizers?: string[];
  isGoing?: boolean;
  /** blockOwnerDeletion of each dependent. */
  dependents?: boolean[];
  expected: (CollectorAction['type'] | 'Background' | 'Foreground' | 'Orphan')[];
}

const CASES: Case[] = [
  { what: 'nobody owns it', expected: [] },
  { what: 'its owner is there', owners: ['present'], expected: [] },
  { what: 'its owner is gone', owners: ['absent'], expected: ['deleteObject', 'Background'] },
  { what: 'nobody knows its owner', owners: ['unknown'], expected: [] },
  { what: 'one of two owners is gone', owners: ['absent', 'present'], expected: ['dropOwners'] },
  { what: 'one of two owners waits', owners: ['waiting', 'present'], expected: ['dropOwners'] },
  { what: 'its owner waits for it', owners: ['waiting'], expected: ['deleteObject', 'Background'] },
  {
    what: 'its owner waits and it has dependents',
    owners: ['waiting'],
    dependents: [true],
    expected: ['deleteObject', 'Foreground'],
  },
  { what: 'it goes already', owners: ['absent'], isGoing: true, expected: [] },
  {
    what: 'an earlier wish to orphan holds',
    owners: ['absent'],
    finalizers: [ORPHAN_FINALIZER],
    expected: ['deleteObject', 'Orphan'],
  },
  {
    what: 'foreground: waits for a dependent that blocks',
    finalizers: [FOREGROUND_FINALIZER],
    isGoing: true,
    dependents: [true],
    expected: ['lookAtDependents'],
  },
  {
    what: 'foreground: does not wait for others',
    finalizers: [FOREGROUND_FINALIZER],
    isGoing: true,
    dependents: [false],
    expected: ['removeFinalizer'],
  },
  { what: 'foreground: done', finalizers: [FOREGROUND_FINALIZER], isGoing: true, expected: ['removeFinalizer'] },
  {
    what: 'orphan',
    finalizers: [ORPHAN_FINALIZER],
    isGoing: true,
    dependents: [true],
    expected: ['setDependentsFree', 'removeFinalizer'],
  },
];

for (const { what, owners = [], finalizers, isGoing, dependents = [], expected } of CASES) {
  test(`collection: ${what}`, () => {
    const object = makeReplicaSet();
    if (finalizers) object.metadata.finalizers = finalizers;
    if (isGoing) object.metadata.deletionTimestamp = at(0);
    const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'uid of web' };
    const blocking = (blockOwnerDeletion: boolean) => ({ ...reference, uid: object.metadata.uid, blockOwnerDeletion });
    const actions = computeCollectorActions({
      object,
      owners: owners.map((state) => ({ reference, state })),
      dependents: dependents.map((blocks, index) => {
        const pod = makeReplica({ name: `p${index}` });
        return { ...pod, metadata: { ...pod.metadata, ownerReferences: [blocking(blocks)] } };
      }),
    });
    assert.deepEqual(
      actions.flatMap((action) => (action.type === 'deleteObject' ? [action.type, action.policy] : [action.type])),
      expected,
    );
  });
}

test('the oldest of too many ended pods go', () => {
  const pods = [3, 1, 2].map((createdAt) => makeReplica({ name: `p${createdAt}`, phase: 'Succeeded', createdAt }));
  const running = makeReplica({ name: 'running', createdAt: 0 });
  const names = (limit: number) => computeExcessPods([...pods, running], limit).map((pod) => pod.metadata.name);
  assert.deepEqual([names(3), names(2), names(0)], [[], ['p1'], ['p1', 'p2', 'p3']]);
});

test('a namespace says what keeps it', () => {
  const left = [
    { resource: 'pods', count: 2, finalizers: new Map([['example.com/hold', 1]]) },
    { resource: 'deployments.apps', count: 1, finalizers: new Map() },
  ];
  const texts = computeDeletionConditions(undefined, left, at(0)).map(
    ({ type, status, message }) => `${type} ${status} ${message}`,
  );
  assert.deepEqual(texts.slice(1), [
    'NamespaceContentRemaining True Some resources are remaining: pods has 2 resource instances, deployments.apps has 1 resource instances',
    'NamespaceFinalizersRemaining True Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
  ]);
  const gone = computeDeletionConditions(undefined, [], at(0));
  assert.ok(gone.every((condition) => condition.status === 'False'));
});

test('join tokens end when they say so, or at once when that cannot be read', () => {
  const token = (
    expiration: string | undefined,
    type = 'bootstrap.kubernetes.io/token',
    namespace = 'kube-system',
  ): Secret => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'bootstrap-token-abcdef', namespace, uid: 'u', resourceVersion: '1', creationTimestamp: at(0) },
    type,
    data: expiration === undefined ? {} : { expiration: Buffer.from(expiration).toString('base64') },
  });
  assert.equal(computeTokenExpiryMs(token(at(60))), START_MS + 60_000);
  assert.equal(computeTokenExpiryMs(token('soon')), 0);
  assert.equal(computeTokenExpiryMs(token(undefined)), undefined);
  assert.equal(computeTokenExpiryMs(token(at(60), 'Opaque')), undefined);
  assert.equal(computeTokenExpiryMs(token(at(60), undefined, 'default')), undefined);
});
