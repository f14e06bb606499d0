/** Which changes bring resting pods back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_PROFILE } from '../../../master/scheduler/profile.ts';
import { createWakeUpTest, mayFitBetter, mayTakeMore } from '../../../master/scheduler/wake-up.ts';
import { makeNode, makePod, makeSnapshot, type PodOptions, podInfo } from './cluster.ts';

const TAINTS = [{ key: 'gpu', effect: 'NoSchedule' as const }];

test('a node may take more when it is new or its taints, labels, cordon or allocatable changed', () => {
  const node = makeNode();
  const heartbeat = { ...node, status: { ...node.status, conditions: [] } };
  assert.deepEqual(
    [
      undefined,
      node,
      heartbeat,
      makeNode({ taints: TAINTS }),
      makeNode({ labels: { a: 'b' } }),
      makeNode({ cpu: '8' }),
      makeNode({ unschedulable: true }),
    ].map((previous) => mayTakeMore(node, previous)),
    [true, false, false, true, true, true, true],
  );
});

test('a pod is worth another try when its spec changed, not when its status did', () => {
  const pod = makePod();
  const withStatus = {
    ...pod,
    status: { ...pod.status, conditions: [{ type: 'PodScheduled', status: 'False' as const }] },
  };
  assert.equal(mayFitBetter(withStatus, pod), false);
  assert.equal(mayFitBetter(makePod({ tolerations: [{ operator: 'Exists' }] }), pod), true);
});

test('only pods that fit one of the changed nodes are woken', () => {
  const snapshot = makeSnapshot({
    nodes: [
      { name: 'a', cpu: '2' },
      { name: 'b', taints: TAINTS },
    ],
  });
  const events = ['a', 'b'].map((nodeName) => ({ type: 'node-changed' as const, nodeName }));
  const mayFit = (pod: PodOptions): boolean =>
    createWakeUpTest({ events, snapshot, profile: DEFAULT_PROFILE })({ pod: podInfo(pod), refusedBy: new Set() });
  assert.equal(mayFit({ requests: { cpu: '2' } }), true);
  assert.equal(mayFit({ requests: { cpu: '3' } }), false);
  assert.equal(mayFit({ requests: { cpu: '3' }, tolerations: [{ operator: 'Exists' }] }), true);
  const idle = createWakeUpTest({ events: [], snapshot, profile: DEFAULT_PROFILE });
  assert.equal(idle({ pod: podInfo(), refusedBy: new Set() }), false);
});
