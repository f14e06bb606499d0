/** Deployment: which step comes next, and what the status says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  computeRevisionAnnotations,
  computeRevisions,
  computeTemplateHash,
} from '../../../master/controllers/deployment/revisions.ts';
import { computeDeploymentRollout, type DeploymentAction } from '../../../master/controllers/deployment/rollout.ts';
import { computeBounds } from '../../../master/controllers/deployment/scaling.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { ReplicaSet } from '../../../shared/api/replica-set.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import {
  at,
  type DeploymentOptions,
  makeDeployment,
  makeReplica,
  makeReplicaSet,
  makeTemplate,
  type ReplicaSetOptions,
  START_MS,
} from './objects.ts';

interface World {
  deployment?: DeploymentOptions;
  sets?: ReplicaSetOptions[];
  pods?: Pod[];
  nowMs?: number;
}

function rollout({ deployment = {}, sets = [], pods = [], nowMs = START_MS }: World) {
  return computeDeploymentRollout({
    deployment: makeDeployment(deployment),
    replicaSets: sets.map((set) =>
      makeReplicaSet({ ...set, annotations: { ...sized(deployment.replicas ?? 3), ...set.annotations } }),
    ),
    pods,
    nowMs,
  });
}

function sized(replicas: number, surge = Math.ceil(replicas / 4)): Record<string, string> {
  return {
    'deployment.kubernetes.io/desired-replicas': String(replicas),
    'deployment.kubernetes.io/max-replicas': String(replicas + surge),
  };
}

/** The steps in short: `web-2 3`, `create 3`. */
function steps(world: World): string[] {
  return rollout(world).actions.flatMap((action) => shortOf(action) ?? []);
}

function shortOf(action: DeploymentAction): string | undefined {
  switch (action.type) {
    case 'createReplicaSet':
      return `create ${action.replicas}`;
    case 'updateReplicaSet':
      return action.replicas === action.replicaSet.spec.replicas
        ? undefined
        : `${action.replicaSet.metadata.name} ${action.replicas}`;
    case 'deleteReplicaSet':
      return `delete ${action.replicaSet.metadata.name}`;
    default:
      return undefined;
  }
}

const OLD: ReplicaSetOptions = {
  name: 'web-1',
  image: 'nginx:0',
  ageSeconds: 100,
  annotations: { 'deployment.kubernetes.io/revision': '1' },
};
const NEW: ReplicaSetOptions = { name: 'web-2', annotations: { 'deployment.kubernetes.io/revision': '2' } };

const STEPS: { what: string; world: World; steps: string[] }[] = [
  { what: 'the first ReplicaSet gets all replicas', world: {}, steps: ['create 3'] },
  { what: 'the new one starts with the surge', world: { sets: [OLD] }, steps: ['create 1'] },
  {
    what: 'with room to be unavailable the old one shrinks once the new one is there',
    world: { deployment: { maxUnavailable: 1, maxSurge: 0 }, sets: [OLD, { ...NEW, replicas: 0 }] },
    steps: ['web-1 2'],
  },
  {
    what: 'nothing happens as long as the new pod is not available',
    world: { sets: [OLD, { ...NEW, replicas: 1, status: { availableReplicas: 0 } }] },
    steps: [],
  },
  {
    what: 'an available new pod replaces an old one',
    world: { sets: [OLD, { ...NEW, replicas: 1 }] },
    steps: ['web-1 2'],
  },
  {
    what: 'the freed place goes to the new one',
    world: {
      sets: [
        { ...OLD, replicas: 2 },
        { ...NEW, replicas: 1 },
      ],
    },
    steps: ['web-2 2'],
  },
  {
    what: 'old pods that never became available go first',
    world: {
      deployment: { maxSurge: 1, maxUnavailable: 0 },
      sets: [{ ...OLD, replicas: 1, status: { availableReplicas: 0 } }, NEW],
    },
    steps: ['web-1 0'],
  },
  { what: 'done', world: { sets: [{ ...OLD, replicas: 0 }, NEW] }, steps: [] },
  {
    what: 'scaled up by hand',
    world: { deployment: { replicas: 5 }, sets: [{ ...NEW, annotations: sized(3) }] },
    steps: ['web-2 5'],
  },
  {
    what: 'scaled down by hand',
    world: { deployment: { replicas: 1 }, sets: [{ ...NEW, annotations: sized(3) }] },
    steps: ['web-2 1'],
  },
  {
    what: 'scaled while rolling: in proportion',
    world: {
      deployment: { replicas: 30, maxSurge: 3, maxUnavailable: 2 },
      sets: [
        { ...OLD, replicas: 8, annotations: sized(10, 3) },
        { ...NEW, replicas: 5, annotations: sized(10, 3), status: { availableReplicas: 0 } },
      ],
    },
    steps: ['web-1 20', 'web-2 13'],
  },
  { what: 'paused: no roll-out', world: { deployment: { paused: true }, sets: [OLD] }, steps: [] },
  {
    what: 'paused: scaling goes on',
    world: { deployment: { paused: true, replicas: 4 }, sets: [OLD] },
    steps: ['web-1 4'],
  },
  {
    what: 'recreate: everything old goes first',
    world: { deployment: { type: 'Recreate' }, sets: [OLD] },
    steps: ['web-1 0'],
  },
  {
    what: 'recreate: waits for the last old pod',
    world: {
      deployment: { type: 'Recreate' },
      sets: [{ ...OLD, replicas: 0 }],
      pods: [makeReplica({ name: 'a', isGoing: true })],
    },
    steps: [],
  },
  {
    what: 'recreate: then all new ones at once',
    world: {
      deployment: { type: 'Recreate' },
      sets: [{ ...OLD, replicas: 0 }],
      pods: [makeReplica({ name: 'a', phase: 'Failed' })],
    },
    steps: ['create 3'],
  },
  {
    what: 'history beyond the limit goes, the oldest revision first',
    world: {
      deployment: { revisionHistoryLimit: 1 },
      sets: [
        { ...OLD, name: 'web-0', replicas: 0, annotations: { 'deployment.kubernetes.io/revision': '0' } },
        { ...OLD, replicas: 0 },
        NEW,
      ],
    },
    steps: ['delete web-0'],
  },
];

for (const { what, world, steps: expected } of STEPS) {
  test(`roll-out: ${what}`, () => assert.deepEqual(steps(world), expected));
}

test('bounds: surge is rounded up, unavailable down, and something always may move', () => {
  const bounds = (options: DeploymentOptions) => computeBounds(makeDeployment(options));
  assert.deepEqual(bounds({ replicas: 10, maxSurge: '25%', maxUnavailable: '25%' }), {
    maxSurge: 3,
    maxUnavailable: 2,
  });
  assert.deepEqual(bounds({ replicas: 1, maxSurge: 0, maxUnavailable: '25%' }), { maxSurge: 0, maxUnavailable: 1 });
  assert.deepEqual(bounds({ replicas: 2, maxSurge: 0, maxUnavailable: 5 }), { maxSurge: 0, maxUnavailable: 2 });
  assert.deepEqual(bounds({ type: 'Recreate' }), { maxSurge: 0, maxUnavailable: 0 });
});

test('an undo makes the old ReplicaSet the newest revision and remembers its earlier number', () => {
  const deployment = makeDeployment({
    image: 'nginx:0',
    annotations: { 'deployment.kubernetes.io/revision': '2', team: 'a' },
  });
  const sets = [OLD, NEW].map(makeReplicaSet);
  const revisions = computeRevisions(deployment, sets);
  assert.equal(revisions.current?.metadata.name, 'web-1');
  assert.deepEqual(computeRevisionAnnotations(deployment, revisions), {
    'deployment.kubernetes.io/revision': '3',
    'deployment.kubernetes.io/revision-history': '1',
    team: 'a',
  });
  const { actions } = computeDeploymentRollout({ deployment, replicaSets: sets, pods: [], nowMs: START_MS });
  assert.deepEqual(
    actions.filter((action) => action.type === 'setRevision'),
    [{ type: 'setRevision', revision: '3' }],
  );
});

test('the hash follows the template, not the order of its keys, and moves on after a collision', () => {
  const template = makeTemplate();
  const { spec, metadata } = template;
  const reordered = { spec: Object.fromEntries(Object.entries(spec).reverse()) as typeof spec, metadata };
  assert.equal(computeTemplateHash(template, 0), computeTemplateHash(reordered, 0));
  assert.notEqual(computeTemplateHash(template, 0), computeTemplateHash(template, 1));
  assert.notEqual(computeTemplateHash(template, 0), computeTemplateHash(makeTemplate('nginx:2'), 0));
  assert.match(computeTemplateHash(template, 0), /^[bcdfghjklmnpqrstvwxz2456789]{7}$/);
});

function progressing(world: World) {
  const action = rollout(world).actions.find((candidate) => candidate.type === 'updateStatus');
  const condition = getCondition(action?.status.conditions, 'Progressing');
  return condition && `${condition.status} ${condition.reason}`;
}

function progressCondition(reason: string, status: 'True' | 'False' | 'Unknown' = 'True') {
  return { conditions: [{ type: 'Progressing', status, reason, lastUpdateTime: at(0), lastTransitionTime: at(0) }] };
}

const WAITING = { ...NEW, status: { readyReplicas: 0, availableReplicas: 0 } };
const COUNTS = { replicas: 3, updatedReplicas: 3, readyReplicas: 0, availableReplicas: 0 };

const PROGRESS: { what: string; world: World; says: string | undefined }[] = [
  { what: 'created', world: {}, says: 'True NewReplicaSetCreated' },
  { what: 'found', world: { sets: [WAITING], deployment: { status: COUNTS } }, says: 'True FoundNewReplicaSet' },
  {
    what: 'moving',
    world: {
      sets: [{ ...WAITING, status: { availableReplicas: 1 } }],
      deployment: { status: { ...COUNTS, ...progressCondition('ReplicaSetUpdated') } },
    },
    says: 'True ReplicaSetUpdated',
  },
  {
    what: 'complete',
    world: { sets: [NEW], deployment: { status: { ...COUNTS, ...progressCondition('ReplicaSetUpdated') } } },
    says: 'True NewReplicaSetAvailable',
  },
  {
    what: 'too late',
    world: {
      sets: [WAITING],
      deployment: { status: { ...COUNTS, ...progressCondition('ReplicaSetUpdated') } },
      nowMs: START_MS + 601_000,
    },
    says: 'False ProgressDeadlineExceeded',
  },
  {
    what: 'paused',
    world: { sets: [WAITING], deployment: { paused: true, status: COUNTS } },
    says: 'Unknown DeploymentPaused',
  },
  {
    what: 'resumed',
    world: {
      sets: [WAITING],
      deployment: { status: { ...COUNTS, ...progressCondition('DeploymentPaused', 'Unknown') } },
    },
    says: 'True DeploymentResumed',
  },
  {
    what: 'a complete roll-out does not start again because a pod restarts',
    world: {
      sets: [WAITING],
      deployment: { status: { ...COUNTS, ...progressCondition('NewReplicaSetAvailable') } },
      nowMs: START_MS + 601_000,
    },
    says: 'True NewReplicaSetAvailable',
  },
];

for (const { what, world, says } of PROGRESS) test(`progress: ${what}`, () => assert.equal(progressing(world), says));

test('the deadline is looked at again in time, and not after the end', () => {
  const status = { ...COUNTS, ...progressCondition('ReplicaSetUpdated') };
  assert.equal(rollout({ sets: [WAITING], deployment: { status }, nowMs: START_MS + 1_000 }).requeueAfterMs, 599_000);
  assert.equal(rollout({ sets: [NEW], deployment: { status } }).requeueAfterMs, undefined);
});

test('a settled Deployment plans nothing', () => {
  const sets: ReplicaSet[] = [makeReplicaSet({ ...NEW, annotations: { ...NEW.annotations, ...sized(3) } })];
  const annotations = { 'deployment.kubernetes.io/revision': '2' };
  const first = computeDeploymentRollout({
    deployment: makeDeployment({ annotations }),
    replicaSets: sets,
    pods: [],
    nowMs: START_MS,
  });
  const [action] = first.actions;
  assert.ok(action?.type === 'updateStatus' && first.actions.length === 1);
  const settled = makeDeployment({ annotations, status: action.status });
  const second = computeDeploymentRollout({
    deployment: settled,
    replicaSets: sets,
    pods: [],
    nowMs: START_MS + 5_000,
  });
  assert.deepEqual(second, { actions: [], requeueAfterMs: undefined });
});
