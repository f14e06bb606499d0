/** Plans of StatefulSets: what is made, what goes, in which order; claims; status. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { REVISION_HASH_LABEL } from '../../../master/controllers/history/revisions.ts';
import { identityLabels, ordinalOf, renderPod } from '../../../master/controllers/stateful-set/identity.ts';
import { computeStatefulSetPlan, type StatefulSetAction } from '../../../master/controllers/stateful-set/plan.ts';
import { healthOf, isBroken } from '../../../master/controllers/stateful-set/pod-health.ts';
import { computeClaimPlan } from '../../../master/controllers/stateful-set/volume-claims.ts';
import type { PersistentVolumeClaim } from '../../../shared/api/persistent-volume-claim.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { StatefulSet } from '../../../shared/api/stateful-set.ts';
import { at, makeTemplate, START_MS } from './objects.ts';
import { makeRevision, makeStatefulSet, makeWorkloadPod, type WorkloadPodOptions } from './workload-objects.ts';

const NOW_MS = START_MS + 60_000;

function pod(ordinal: number, options: Partial<WorkloadPodOptions> & { image?: string } = {}): Pod {
  const { image = 'nginx:1', ...rest } = options;
  const labels = { ...identityLabels(makeStatefulSet(), ordinal), [REVISION_HASH_LABEL]: `web-${image}` };
  return makeWorkloadPod({ name: `web-${ordinal}`, readyAt: 0, labels, ...rest });
}

interface Input {
  set?: StatefulSet;
  pods?: Pod[];
  /** Images of the stored revisions, oldest first; the last one is of the present template. */
  revisions?: string[];
  claims?: PersistentVolumeClaim[];
}

function plan({ set = makeStatefulSet(), pods = [], revisions = ['nginx:1'], claims = [] }: Input) {
  const wanted = { ...set, spec: { ...set.spec, template: makeTemplate(revisions.at(-1)) } };
  const stored = revisions.map((image, index) => makeRevision(index + 1, image));
  const findClaim = (name: string) => claims.find(({ metadata }) => metadata.name === name);
  return computeStatefulSetPlan({ set: wanted, pods, revisions: stored, findClaim, nowMs: NOW_MS }, wanted);
}

/** `+web-0`, `-web-2`; the status is left out. */
function steps(input: Input): string[] {
  return plan(input).actions.flatMap((action) => brief(action) ?? []);
}

function brief(action: StatefulSetAction): string | undefined {
  switch (action.type) {
    case 'createPod':
      return `+web-${action.ordinal} ${action.revision.template.spec.containers[0]?.image}`;
    case 'deletePod':
      return `-${action.pod.metadata.name}`;
    case 'labelPod':
      return `label ${action.pod.metadata.name}`;
    case 'createClaim':
      return `+${action.name}`;
    case 'setClaimOwners':
      return `${action.claim.metadata.name} of ${action.owners.map(({ kind }) => kind)}`;
    case 'createRevision':
      return `revision ${action.revision.number}`;
    case 'renumberRevision':
      return `revision ${action.number} again`;
    case 'deleteRevision':
      return `forget ${action.stored.revision}`;
    case 'updateStatus':
      return undefined;
  }
}

const parallel = makeStatefulSet({ podManagementPolicy: 'Parallel' });
const unready = { readyAt: undefined };
const old = { image: 'nginx:0' };
const changed = ['nginx:0', 'nginx:1'];

function rolling(rollingUpdate: { partition?: number; maxUnavailable?: number | string }, replicas = 3): StatefulSet {
  return makeStatefulSet({ replicas, updateStrategy: { type: 'RollingUpdate', rollingUpdate } }, OF_OLD);
}

const OF_OLD = { currentRevision: 'web-nginx:0' };

const cases: [why: string, input: Input, steps: string[]][] = [
  ['nothing there', {}, ['+web-0 nginx:1']],
  ['nothing known', { revisions: [] }, ['revision 1', '+web-0 nginx:1']],
  ['the first is not ready', { pods: [pod(0, unready)] }, []],
  ['the first is ready', { pods: [pod(0)] }, ['+web-1 nginx:1']],
  ['a gap', { pods: [pod(0), pod(2)] }, ['+web-1 nginx:1']],
  ['all at once', { set: parallel }, ['+web-0 nginx:1', '+web-1 nginx:1', '+web-2 nginx:1']],
  ['a pod leaves', { pods: [pod(0, { isGoing: true }), pod(1), pod(2)] }, []],
  ['a pod has ended', { pods: [pod(0, { phase: 'Failed' }), pod(1), pod(2)] }, ['-web-0']],
  ['it ended at once', { pods: [pod(0, { phase: 'Failed', createdAt: 55 })] }, []],
  ['too many', { pods: [0, 1, 2, 3, 4].map((ordinal) => pod(ordinal)) }, ['-web-4']],
  [
    'too many, the last leaves',
    { pods: [0, 1, 2, 3].map((ordinal) => pod(ordinal)).concat(pod(4, { isGoing: true })) },
    [],
  ],
  ['too many, one wanted is not ready', { pods: [pod(0, unready), pod(1), pod(2), pod(3)] }, []],
  ['too many at once', { set: parallel, pods: [0, 1, 2, 3, 4].map((ordinal) => pod(ordinal)) }, ['-web-4', '-web-3']],
  [
    'labels are missing',
    { pods: [pod(0), pod(1), pod(2, { labels: { [REVISION_HASH_LABEL]: 'web-nginx:1' } })] },
    ['label web-2'],
  ],
  ['a new template', { revisions: changed, pods: [pod(0, old), pod(1, old), pod(2, old)] }, ['-web-2']],
  ['half way', { revisions: changed, pods: [pod(0, old), pod(1, old), pod(2)] }, ['-web-1']],
  ['half way, not ready', { revisions: changed, pods: [pod(0, old), pod(1, old), pod(2, unready)] }, []],
  ['made anew on the way', { revisions: changed, pods: [pod(0, old), pod(1, old)] }, ['+web-2 nginx:1']],
  ['partition', { revisions: changed, set: rolling({ partition: 1 }), pods: [pod(0, old), pod(1), pod(2)] }, []],
  [
    'made anew below the partition',
    { revisions: changed, set: rolling({ partition: 1 }), pods: [pod(1), pod(2)] },
    ['+web-0 nginx:0'],
  ],
  [
    'two may be missing',
    { revisions: changed, set: rolling({ maxUnavailable: 2 }), pods: [pod(0, old), pod(1, old), pod(2, old)] },
    ['-web-2', '-web-1'],
  ],
  [
    'half may be missing',
    {
      revisions: changed,
      set: rolling({ maxUnavailable: '50%' }, 4),
      pods: [0, 1, 2, 3].map((ordinal) => pod(ordinal, old)),
    },
    ['-web-3', '-web-2'],
  ],
  [
    'on delete',
    {
      revisions: changed,
      set: makeStatefulSet({ updateStrategy: { type: 'OnDelete' } }, OF_OLD),
      pods: [pod(0, old), pod(1, old), pod(2, old)],
    },
    [],
  ],
  [
    'an old pod that cannot start',
    { revisions: changed, pods: [pod(0, { ...old, ...unready, waiting: 'ImagePullBackOff' }), pod(1, old)] },
    ['-web-0'],
  ],
  [
    'a new pod that cannot start',
    { revisions: changed, pods: [pod(0, { ...unready, waiting: 'ImagePullBackOff' }), pod(1, old)] },
    [],
  ],
  ['an old pod that just starts', { revisions: changed, pods: [pod(0, { ...old, ...unready }), pod(1, old)] }, []],
  ['back to an earlier template', { revisions: ['nginx:1', 'nginx:0', 'nginx:1'], pods: [pod(0), pod(1), pod(2)] }, []],
];

describe('steps', () => {
  for (const [why, input, expected] of cases) {
    test(`${why}: ${expected.join(', ') || 'none'}`, () => assert.deepEqual(steps(input), expected));
  }
});

test('an earlier state that is wanted again becomes the newest; old ones are forgotten', () => {
  const set = makeStatefulSet({ revisionHistoryLimit: 1, replicas: 0, template: makeTemplate('a') });
  const stored = ['a', 'b', 'c', 'd'].map((image, index) => makeRevision(index + 1, image));
  const state = { set, pods: [], revisions: stored, findClaim: () => undefined, nowMs: NOW_MS };
  const actions = computeStatefulSetPlan(state, set).actions.flatMap((action) => brief(action) ?? []);
  assert.deepEqual(actions, ['revision 5 again', 'forget 2', 'forget 3']);
});

test('a set that is being deleted makes and removes nothing', () => {
  const set = makeStatefulSet();
  const going = { ...set, metadata: { ...set.metadata, deletionTimestamp: at(0) } };
  assert.deepEqual(steps({ set: going, pods: [pod(0), pod(7)], revisions: [] }), []);
});

test('status: the roll-out is over when all pods are new and ready', () => {
  const statusOf = (input: Input) => {
    const update = plan(input).actions.find(({ type }) => type === 'updateStatus');
    assert.ok(update?.type === 'updateStatus');
    return update.status;
  };
  const set = makeStatefulSet({ minReadySeconds: 30 }, OF_OLD);
  const half = statusOf({ set, revisions: changed, pods: [pod(0, old), pod(1, { readyAt: 50 }), pod(2)] });
  assert.deepEqual(half, {
    observedGeneration: 1,
    replicas: 3,
    readyReplicas: 3,
    currentReplicas: 1,
    updatedReplicas: 2,
    currentRevision: 'web-nginx:0',
    updateRevision: 'web-nginx:1',
    availableReplicas: 2,
  });
  const done = statusOf({ set, revisions: changed, pods: [pod(0), pod(1), pod(2)] });
  assert.deepEqual([done.currentRevision, done.currentReplicas], ['web-nginx:1', 3]);
});

test('it looks again when a pod will be available', () => {
  const set = makeStatefulSet({ minReadySeconds: 30 });
  assert.equal(plan({ set, pods: [pod(0, { readyAt: 50 })] }).requeueAfterMs, 20_000);
  assert.equal(plan({ pods: [pod(0, { phase: 'Failed', createdAt: 55 })] }).requeueAfterMs, 5_000);
});

test('names and pods', () => {
  const set = makeStatefulSet();
  for (const [name, ordinal] of [
    ['web-0', 0],
    ['web-12', 12],
    ['web-01', undefined],
    ['web-', undefined],
    ['web-a', undefined],
    ['webs-1', undefined],
    ['web-1-1', undefined],
  ] as const) {
    assert.equal(ordinalOf(set, name), ordinal, name);
  }
  const withClaims = makeStatefulSet({ volumeClaimTemplates: [claim('data')] });
  const template = makeTemplate();
  const volumes = [
    { name: 'data', emptyDir: {} },
    { name: 'tmp', emptyDir: {} },
  ];
  const revision = {
    name: 'web-x',
    hash: 'x',
    number: 1,
    template: { ...template, spec: { ...template.spec, volumes } },
  };
  const { spec } = renderPod(withClaims, 4, revision);
  assert.deepEqual(spec?.volumes, [
    { name: 'data', persistentVolumeClaim: { claimName: 'data-web-4' } },
    { name: 'tmp', emptyDir: {} },
  ]);
});

test('how a pod does', () => {
  assert.equal(healthOf(undefined, 0, NOW_MS), 'gone');
  assert.equal(healthOf(pod(0, { isGoing: true }), 0, NOW_MS), 'leaving');
  assert.equal(healthOf(pod(0, { phase: 'Succeeded' }), 0, NOW_MS), 'ended');
  assert.equal(healthOf(pod(0, { phase: 'Pending' }), 0, NOW_MS), 'starting');
  assert.equal(healthOf(pod(0, { readyAt: 50 }), 30, NOW_MS), 'settling');
  assert.equal(healthOf(pod(0, { readyAt: 30 }), 30, NOW_MS), 'available');
  assert.equal(healthOf(pod(0, { readyAt: 90 }), 30, NOW_MS), 'settling');
  assert.equal(healthOf(pod(0, { readyAt: 9_999_999 }), 30, NOW_MS), 'available', 'a clock that was years ahead');
  assert.ok(isBroken(pod(0, { waiting: 'CrashLoopBackOff' })) && !isBroken(pod(0, { waiting: 'ContainerCreating' })));
});

function claim(name: string, metadata: Partial<PersistentVolumeClaim['metadata']> = {}): PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid of ${name}`,
      resourceVersion: '1',
      creationTimestamp: at(0),
      ...metadata,
    },
    spec: { resources: {}, volumeMode: 'Filesystem' },
    status: { phase: 'Pending' },
  };
}

describe('claims', () => {
  type Policy = StatefulSet['spec']['persistentVolumeClaimRetentionPolicy'];
  const setOf = (whenDeleted: Policy['whenDeleted'], whenScaled: Policy['whenScaled']) =>
    makeStatefulSet({
      volumeClaimTemplates: [claim('data')],
      persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled },
    });
  const owners = (set: StatefulSet, isCondemned: boolean, present: PersistentVolumeClaim): string => {
    const { actions } = computeClaimPlan({ set, ordinal: 0, pod: pod(0), isCondemned }, () => present);
    const [action] = actions;
    return action?.type === 'setClaimOwners' ? action.owners.map(({ kind }) => kind).join() : 'as they are';
  };
  const ofSet = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'uid of web', controller: true };

  test('belong to whom they go with', () => {
    const [free, owned] = [claim('data-web-0'), claim('data-web-0', { ownerReferences: [ofSet] })];
    assert.equal(owners(setOf('Retain', 'Retain'), false, free), 'as they are');
    assert.equal(owners(setOf('Retain', 'Retain'), false, owned), '');
    assert.equal(owners(setOf('Delete', 'Retain'), false, free), 'StatefulSet');
    assert.equal(owners(setOf('Delete', 'Retain'), true, owned), 'as they are');
    assert.equal(owners(setOf('Delete', 'Delete'), true, owned), 'Pod');
    assert.equal(owners(setOf('Retain', 'Delete'), true, free), 'Pod');
    assert.equal(owners(setOf('Retain', 'Delete'), false, free), 'as they are');
  });

  test('of a former pod of that name are waited for', () => {
    const ofPod = { apiVersion: 'v1', kind: 'Pod', name: 'web-0', uid: 'another' };
    const set = setOf('Retain', 'Delete');
    assert.deepEqual(steps({ set, claims: [claim('data-web-0', { ownerReferences: [ofPod] })] }), []);
    assert.deepEqual(steps({ set, claims: [claim('data-web-0', { deletionTimestamp: at(0) })] }), []);
    assert.deepEqual(steps({ set }), ['+data-web-0', '+web-0 nginx:1']);
    assert.deepEqual(steps({ set, claims: [claim('data-web-0')] }), ['+web-0 nginx:1']);
  });
});
