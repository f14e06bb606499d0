/** Node lifecycle: what the link says, which taints follow, who is driven away and when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeEvictions } from '../../../master/controllers/node-lifecycle/evictions.ts';
import {
  computeLink,
  computeUnknownConditions,
  LINK_GRACE_MS,
} from '../../../master/controllers/node-lifecycle/health.ts';
import { computeNodePlan, MAX_EVICTIONS_A_STEP } from '../../../master/controllers/node-lifecycle/plan.ts';
import { computeNodeTaints } from '../../../master/controllers/node-lifecycle/taints.ts';
import type { Lease } from '../../../shared/api/lease.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { Taint } from '../../../shared/api/node-spec.ts';
import { makeNode, makePod, type PodOptions } from '../scheduler/cluster.ts';
import { at, START_MS } from './objects.ts';

type Status = 'True' | 'False' | 'Unknown';

function nodeWith(conditions: Record<string, Status>, taints: Taint[] = [], unschedulable = false): Node {
  const node = makeNode({ taints, unschedulable });
  const list = Object.entries(conditions).map(([type, status]) => ({ type, status, lastHeartbeatTime: at(-5) }));
  return {
    ...node,
    metadata: { ...node.metadata, creationTimestamp: at(-1_000) },
    status: { ...node.status, conditions: list },
  };
}

function lease(link?: 'up' | 'down'): Lease {
  const { metadata } = makeNode();
  const annotations: Record<string, string> = link === undefined ? {} : { 'bramble.dev/link': link };
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...metadata, annotations }, spec: {} };
}

const READY = nodeWith({ Ready: 'True', MemoryPressure: 'False' });

test('the link is what the lease says; without one the master waits for a while', () => {
  const link = (of: Lease | undefined, startedSecondsAgo: number) =>
    computeLink({ node: READY, lease: of, startedMs: START_MS - startedSecondsAgo * 1000, nowMs: START_MS });
  assert.deepEqual(link(lease('up'), 0), { state: 'up' });
  assert.deepEqual(link(lease('down'), 0), { state: 'down' });
  assert.deepEqual(link(undefined, 5), { state: 'unknown', knownInMs: LINK_GRACE_MS - 5_000 });
  assert.deepEqual(link(undefined, 60), { state: 'down' });
  assert.deepEqual(link(lease(), 60), { state: 'down' });
});

test('when the link is down, what the node said of itself becomes unknown, once', () => {
  const conditions = computeUnknownConditions(READY, { state: 'down' }, START_MS);
  const message = 'Kubelet stopped posting node status.';
  const unknown = {
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message,
    lastHeartbeatTime: at(-5),
    lastTransitionTime: at(0),
  };
  assert.deepEqual(conditions, [
    { type: 'Ready', ...unknown },
    { type: 'MemoryPressure', ...unknown },
  ]);
  assert.deepEqual(computeUnknownConditions(nodeWith({ Ready: 'Unknown' }), { state: 'down' }, START_MS), []);
  assert.deepEqual(computeUnknownConditions(READY, { state: 'up' }, START_MS), []);
  const [never] = computeUnknownConditions(nodeWith({}), { state: 'down' }, START_MS);
  assert.equal(never?.reason, 'NodeStatusNeverUpdated');
});

const K = 'node.kubernetes.io';
const FOREIGN: Taint = { key: 'gpu', effect: 'NoSchedule' };

const TAINTS: { what: string; node: Node; expected: string[] | undefined }[] = [
  { what: 'ready', node: READY, expected: undefined },
  {
    what: 'ready again',
    node: nodeWith({ Ready: 'True' }, [{ key: `${K}/unreachable`, effect: 'NoExecute' }, FOREIGN]),
    expected: ['gpu:NoSchedule'],
  },
  {
    what: 'not ready',
    node: nodeWith({ Ready: 'False' }, [FOREIGN]),
    expected: ['gpu:NoSchedule', `${K}/not-ready:NoSchedule`, `${K}/not-ready:NoExecute @`],
  },
  { what: 'never heard of', node: nodeWith({}), expected: [`${K}/not-ready:NoSchedule`, `${K}/not-ready:NoExecute @`] },
  {
    what: 'out of reach after not ready',
    node: nodeWith({ Ready: 'Unknown' }, [{ key: `${K}/not-ready`, effect: 'NoExecute', timeAdded: at(-9) }]),
    expected: [`${K}/unreachable:NoSchedule`, `${K}/unreachable:NoExecute @`],
  },
  {
    what: 'short of memory and disk',
    node: nodeWith({ Ready: 'True', MemoryPressure: 'True', DiskPressure: 'True' }),
    expected: [`${K}/memory-pressure:NoSchedule`, `${K}/disk-pressure:NoSchedule`],
  },
  { what: 'cordoned', node: nodeWith({ Ready: 'True' }, [], true), expected: [`${K}/unschedulable:NoSchedule`] },
  {
    what: 'uncordoned',
    node: nodeWith({ Ready: 'True' }, [{ key: `${K}/unschedulable`, effect: 'NoSchedule' }]),
    expected: [],
  },
];

for (const { what, node, expected } of TAINTS) {
  test(`taints: ${what}`, () => {
    const taints = computeNodeTaints(node, START_MS);
    const texts = taints?.map(({ key, effect, timeAdded }) => `${key}:${effect}${timeAdded === at(0) ? ' @' : ''}`);
    assert.deepEqual(texts, expected);
    if (taints !== undefined)
      assert.equal(computeNodeTaints({ ...node, spec: { ...node.spec, taints } }, START_MS), undefined);
  });
}

const UNREACHABLE: Taint = { key: `${K}/unreachable`, effect: 'NoExecute', timeAdded: at(-10) };

function toleration(tolerationSeconds?: number, key = UNREACHABLE.key): PodOptions {
  const seconds = tolerationSeconds === undefined ? {} : { tolerationSeconds };
  return { tolerations: [{ key, operator: 'Exists', effect: 'NoExecute', ...seconds }] };
}

const EVICTIONS: { what: string; pod: PodOptions; inMs: number | 'now' | undefined }[] = [
  { what: 'no toleration', pod: {}, inMs: 'now' },
  { what: 'another toleration', pod: toleration(300, 'gpu'), inMs: 'now' },
  { what: 'toleration for ever', pod: toleration(), inMs: undefined },
  { what: 'toleration for a while', pod: toleration(30), inMs: 20_000 },
  { what: 'toleration that is over', pod: toleration(10), inMs: 'now' },
  {
    what: 'the shortest counts',
    pod: { tolerations: [...(toleration(30).tolerations ?? []), { operator: 'Exists', tolerationSeconds: 12 }] },
    inMs: 2_000,
  },
  { what: 'no seconds at all', pod: toleration(0), inMs: 'now' },
];

for (const { what, pod, inMs } of EVICTIONS) {
  test(`evictions: ${what}`, () => {
    const pods = [makePod(pod)];
    const { due, nextInMs } = computeEvictions(nodeWith({ Ready: 'Unknown' }, [UNREACHABLE]), pods, {
      nowMs: START_MS,
    });
    assert.deepEqual([due.length, nextInMs], inMs === 'now' ? [1, undefined] : [0, inMs]);
  });
}

test('one taint that is not borne drives the pod away whatever it bears of others', () => {
  const node = nodeWith({ Ready: 'Unknown' }, [UNREACHABLE, { key: 'heat', effect: 'NoExecute' }]);
  assert.equal(computeEvictions(node, [makePod(toleration())], { nowMs: START_MS }).due.length, 1);
  assert.equal(computeEvictions(READY, [makePod()], { nowMs: START_MS }).due.length, 0);
});

const HISTORY = { isDamped: false, isDoubted: false, downForMs: 0, deadPodMs: 60_000 };

test('the plan goes step by step: conditions, taints, pods', () => {
  const pods = [makePod({ name: 'a' })];
  const times = { startedMs: START_MS, nowMs: START_MS };
  const state = { node: READY, lease: lease('down'), pods, ...times, history: HISTORY, isBoundToReturn: () => false };
  const types = (node: Node) => computeNodePlan({ ...state, node }).actions.map((action) => action.type);
  assert.deepEqual(types(READY), ['setConditions']);
  const unknown = nodeWith({ Ready: 'Unknown' });
  assert.deepEqual(types(unknown), ['setTaints']);
  const tainted = nodeWith({ Ready: 'Unknown' }, computeNodeTaints(unknown, START_MS));
  assert.deepEqual(types(tainted), ['evict']);
  assert.deepEqual(computeNodePlan({ ...state, lease: lease('up') }), { actions: [], requeueAfterMs: undefined });
});

test('many pods are driven away in portions', () => {
  const pods = Array.from({ length: MAX_EVICTIONS_A_STEP + 1 }, (_, index) => makePod({ name: `p${index}` }));
  const node = nodeWith({ Ready: 'True' }, [{ key: 'heat', effect: 'NoExecute' }]);
  const plan = computeNodePlan({
    node,
    lease: lease('up'),
    pods,
    startedMs: START_MS,
    nowMs: START_MS,
    history: HISTORY,
    isBoundToReturn: () => false,
  });
  assert.equal(plan.actions.length, MAX_EVICTIONS_A_STEP);
  assert.ok(plan.requeueAfterMs !== undefined);
});
