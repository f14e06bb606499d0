/** Plans of DaemonSets: which nodes get a pod, which pods go, in which order a roll-out replaces them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { computeDaemonSetPlan } from '../../../master/controllers/daemon-set/plan.ts';
import { REVISION_HASH_LABEL } from '../../../master/controllers/history/revisions.ts';
import type { DaemonSet } from '../../../shared/api/daemon-set.ts';
import type { DaemonSetUpdateStrategy } from '../../../shared/api/daemon-set-spec.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { makeNode } from '../scheduler/cluster.ts';
import { makeTemplate, START_MS } from './objects.ts';
import { makeDaemonSet, makeRevision, makeWorkloadPod, type WorkloadPodOptions } from './workload-objects.ts';

const NEW = 'nginx:1';
const OLD = 'nginx:0';
const NOW_MS = START_MS + 60_000;

/** Of the present template and ready, unless told otherwise; its name is its node's. */
function pod(node: string, options: Partial<WorkloadPodOptions> & { image?: string } = {}): Pod {
  const { image = NEW, name = node, ...rest } = options;
  return makeWorkloadPod({ name, node, readyAt: 0, labels: { [REVISION_HASH_LABEL]: image }, ...rest });
}

interface Input {
  strategy?: DaemonSetUpdateStrategy;
  set?: Partial<DaemonSet['spec']>;
  nodes?: Node[];
  pods?: Pod[];
  backoffMs?: number;
  isUpToDate?: boolean;
  isGoing?: boolean;
}

function plan(input: Input) {
  const { strategy, set: spec = {}, pods = [], backoffMs = 0, isUpToDate = true, isGoing } = input;
  const set = makeDaemonSet({
    template: makeTemplate(NEW),
    ...(strategy === undefined ? {} : { updateStrategy: strategy }),
    ...spec,
  });
  if (isGoing) set.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
  return computeDaemonSetPlan(
    {
      set,
      pods,
      nodes: input.nodes ?? ['a', 'b', 'c'].map((name) => makeNode({ name })),
      revisions: [makeRevision(1, OLD), makeRevision(2, NEW)],
      nowMs: NOW_MS,
      backoffMs: () => backoffMs,
      isUpToDate,
    },
    set,
  );
}

/** `+a` makes a pod for a, `-a` deletes pod a. */
function steps(input: Input): string {
  const all = plan(input).actions.flatMap((action) => {
    if (action.type === 'createPods') return action.nodes.map((node) => `+${node}`);
    return action.type === 'deletePods' ? action.pods.map(({ metadata }) => `-${metadata.name}`) : [];
  });
  return all.join(' ');
}

const rolling = (maxUnavailable: number | string, maxSurge: number | string = 0): DaemonSetUpdateStrategy => ({
  type: 'RollingUpdate',
  rollingUpdate: { maxUnavailable, maxSurge },
});
const surge = rolling(0, 1);
const old = { image: OLD };
const unready = { readyAt: undefined };
const allOld = ['a', 'b', 'c'].map((node) => pod(node, old));
const three = ['a', 'b', 'c'].map((node) => pod(node));
const taint = (key: string, effect: 'NoSchedule' | 'NoExecute') => makeNode({ name: 'a', taints: [{ key, effect }] });

const cases: [why: string, input: Input, steps: string][] = [
  ['nothing there', {}, '+a +b +c'],
  ['all there', { pods: three }, ''],
  ['one is missing', { pods: [pod('a'), pod('c')] }, '+b'],
  ['pods that were made have not been seen', { isUpToDate: false }, ''],
  ['it is being deleted', { isGoing: true }, ''],
  ['two on a node: the older stays', { pods: [...three, pod('b', { name: 'b2', createdAt: 9 })] }, '-b2'],
  ['one leaves: its place is not free yet', { pods: [pod('a', { isGoing: true }), pod('b'), pod('c')] }, ''],
  ['one failed', { pods: [pod('a', { phase: 'Failed' }), pod('b'), pod('c')] }, '-a'],
  ['one failed again', { pods: [pod('a', { phase: 'Failed' }), pod('b'), pod('c')], backoffMs: 900 }, ''],
  ['one ended well', { pods: [pod('a', { phase: 'Succeeded' }), pod('b'), pod('c')], backoffMs: 900 }, '-a'],
  ['a node that is gone', { pods: [...three, pod('d')] }, '-d'],
  ['a taint for new pods', { nodes: [taint('maintenance', 'NoSchedule')] }, ''],
  ['a taint for new pods, and there is one', { nodes: [taint('maintenance', 'NoSchedule')], pods: [pod('a')] }, ''],
  ['a taint that drives away', { nodes: [taint('fire', 'NoExecute')], pods: [pod('a')] }, '-a'],
  ['a hot board', { nodes: [taint('bramble.dev/overheating', 'NoSchedule')] }, ''],
  ['a board out of reach', { nodes: [taint('node.kubernetes.io/unreachable', 'NoExecute')], pods: [pod('a')] }, ''],
  ['a closed board', { nodes: [taint('node.kubernetes.io/unschedulable', 'NoSchedule')] }, '+a'],
  ['a new template', { pods: allOld }, '-a'],
  ['two may be missing', { strategy: rolling(2), pods: allOld }, '-a -b'],
  ['half may be missing, rounded up', { strategy: rolling('50%'), pods: allOld }, '-a -b'],
  ['half way, the new one is not ready', { pods: [pod('a', unready), pod('b', old), pod('c', old)] }, ''],
  ['half way', { pods: [pod('a'), pod('b', old), pod('c', old)] }, '-b'],
  [
    'old ones that are not ready are no loss',
    { pods: [pod('a', old), pod('b', { ...old, ...unready }), pod('c', old)] },
    '-b',
  ],
  ['on delete', { strategy: { type: 'OnDelete' }, pods: allOld }, ''],
  ['surge', { strategy: surge, pods: allOld }, '+a'],
  ['surge under way', { strategy: surge, pods: [...allOld, pod('a', { ...unready, name: 'a2', createdAt: 9 })] }, ''],
  ['surge done on a node', { strategy: surge, pods: [...allOld, pod('a', { name: 'a2', createdAt: 9 })] }, '-a'],
  [
    'surge beside one that is not ready costs nothing',
    { strategy: surge, pods: [pod('a', { ...old, ...unready }), pod('b', old), pod('c', old)] },
    '+a +b',
  ],
  [
    'surge waits where one leaves beside one that is not ready',
    {
      strategy: surge,
      pods: [pod('a', { ...old, ...unready }), pod('a', { name: 'a0', isGoing: true }), pod('b'), pod('c')],
    },
    '',
  ],
  [
    'surge waits where two leave',
    {
      strategy: surge,
      pods: [pod('a', { isGoing: true }), pod('a', { name: 'a0', isGoing: true }), pod('b'), pod('c')],
    },
    '',
  ],
  [
    'surge fills at once where all leave',
    { strategy: surge, pods: [pod('a', { isGoing: true }), pod('b'), pod('c')] },
    '+a',
  ],
];

describe('steps', () => {
  for (const [why, input, expected] of cases) {
    test(`${why}: ${expected || 'none'}`, () => assert.equal(steps(input), expected));
  }
});

test('status', () => {
  const status = (input: Input) => {
    const action = plan(input).actions.find(({ type }) => type === 'updateStatus');
    assert.ok(action?.type === 'updateStatus');
    const { status: found } = action;
    const { desiredNumberScheduled, currentNumberScheduled, numberReady, numberAvailable, updatedNumberScheduled } =
      found;
    const counts = [
      desiredNumberScheduled,
      currentNumberScheduled,
      numberReady,
      numberAvailable,
      updatedNumberScheduled,
    ];
    return [...counts, found.numberMisscheduled].join(' ');
  };
  assert.equal(status({ pods: three }), '3 3 3 3 3 0');
  assert.equal(status({ pods: [pod('a'), pod('b', old), pod('d')] }), '3 2 2 2 1 1');
  const settling = { set: { minReadySeconds: 30 }, pods: [pod('a', { readyAt: 50 }), pod('b')] };
  assert.equal(status(settling), '3 2 2 1 2 0');
  assert.equal(plan(settling).requeueAfterMs, 20_000);
  assert.equal(plan({ pods: [pod('a', { phase: 'Failed' })], backoffMs: 900 }).requeueAfterMs, 900);
});
