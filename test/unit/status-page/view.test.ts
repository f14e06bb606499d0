/** What the page shows, from what the cluster says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type BoardView,
  computeDelta,
  computeView,
  renderEntries,
  type VerdictView,
} from '../../../master/status-page/view.ts';
import type { Deployment } from '../../../shared/api/deployment.ts';
import type { Node } from '../../../shared/api/node.ts';
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import type { Pod } from '../../../shared/api/pod.ts';

const TIME = '2026-11-22T10:00:00Z';

/** An object with only what the page reads. */
function fixture<T>(value: object): T {
  return JSON.parse(JSON.stringify(value));
}

function node(name: string, ready: 'True' | 'Unknown' = 'True'): Node {
  return fixture<Node>({
    metadata: { name },
    spec: {},
    status: {
      capacity: { cpu: '4', memory: '1Gi' },
      conditions: [{ type: 'Ready', status: ready, message: ready === 'True' ? 'fine' : 'its link is down' }],
    },
  });
}

function sensors(name: string, fields: Partial<NodeSensors>): NodeSensors {
  return { metadata: { name }, timestamp: TIME, usage: { cpu: '500m', memory: '256Mi' }, ...fields } as NodeSensors;
}

function deployment(available: number): Deployment {
  return fixture<Deployment>({
    metadata: { namespace: 'default', name: 'web', creationTimestamp: TIME },
    spec: { replicas: 2 },
    status: { availableReplicas: available },
  });
}

function pod(name: string, waiting?: string): Pod {
  const state = waiting === undefined ? { running: { startedAt: TIME } } : { waiting: { reason: waiting } };
  return fixture<Pod>({
    metadata: { namespace: 'default', name, creationTimestamp: TIME, annotations: { note: 'hush' } },
    spec: { nodeName: 'pi-1', containers: [{ name: 'c', image: 'x', env: [{ name: 'PASSWORD', value: 'hush' }] }] },
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'c', ready: waiting === undefined, restartCount: 2, state }],
    },
  });
}

function view(objects: Partial<Parameters<typeof computeView>[0]>) {
  return computeView({ nodes: [node('pi-1')], sensors: new Map(), deployments: [], pods: [], ...objects });
}

function verdict(objects: Partial<Parameters<typeof computeView>[0]>): VerdictView {
  return view(objects).get('verdict') as VerdictView;
}

describe('computeView', () => {
  test('a healthy board', () => {
    const reading = sensors('pi-1', { temperatureCelsius: 48.5, throttleCelsius: 80 });
    const board = view({ sensors: new Map([['pi-1', reading]]), pods: [pod('a')] }).get('board/pi-1') as BoardView;
    assert.equal(board.ready, true);
    assert.equal(board.pods, 1);
    assert.equal(board.cpuMillis, 500);
    assert.equal(board.cpuCapacityMillis, 4_000);
    assert.equal(board.memoryUsedBytes, 256 * 1024 * 1024);
    assert.equal(board.temperatureCelsius, 48.5);
  });

  test('nothing of a pod leaves but what is shown', () => {
    const text = JSON.stringify([...view({ pods: [pod('a')] })]);
    assert.ok(!text.includes('hush'));
    assert.match(text, /"status":"Running","ready":1,"containers":1,"restarts":2/);
  });

  for (const [what, objects, level, reason] of [
    ['all is well', { deployments: [deployment(2)], pods: [pod('a')] }, 'ok', undefined],
    ['no board', { nodes: [] }, 'problem', /No board has joined/],
    ['a board is gone', { nodes: [node('pi-1', 'Unknown')] }, 'problem', /pi-1 is not ready: its link is down/],
    ['pods are missing', { deployments: [deployment(1)] }, 'problem', /default\/web: 1 of 2 pods/],
    ['a pod crashes', { pods: [pod('a', 'CrashLoopBackOff')] }, 'warning', /default\/a: CrashLoopBackOff/],
    ['a pod starts', { pods: [pod('a', 'ContainerCreating')] }, 'ok', undefined],
  ] as const) {
    test(what, () => {
      const { level: actual, reasons } = verdict(objects);
      assert.equal(actual, level);
      if (reason === undefined) assert.deepEqual(reasons, []);
      else assert.match(reasons.join('\n'), reason);
    });
  }

  for (const [what, fields, level, reason] of [
    ['hot', { temperatureCelsius: 76, throttleCelsius: 80 }, 'warning', /hot: 76/],
    ['throttled', { throttled: true }, 'warning', /slows itself down/],
    ['under-voltage', { underVoltage: true }, 'problem', /power supply/],
    ['full', { diskAvailableBytes: 1, diskTotalBytes: 100 }, 'warning', /little disk/],
  ] as const) {
    test(what, () => {
      const { level: actual, reasons } = verdict({ sensors: new Map([['pi-1', sensors('pi-1', fields)]]) });
      assert.equal(actual, level);
      assert.match(reasons.join('\n'), reason);
    });
  }

  test('many reasons are counted', () => {
    const pods = Array.from({ length: 20 }, (_, index) => pod(`p-${index}`, 'Error'));
    const { reasons } = verdict({ pods });
    assert.equal(reasons.length, 5);
    assert.equal(reasons.at(-1), 'And 16 more.');
  });
});

describe('computeDelta', () => {
  test('only what changed, and it can be put together again', () => {
    const before = renderEntries(view({ pods: [pod('a'), pod('b')] }));
    const after = renderEntries(view({ pods: [pod('b', 'Error'), pod('c')] }));
    const delta = computeDelta(before, after);
    assert.deepEqual(Object.keys(delta.set).sort(), ['pod/default/b', 'pod/default/c', 'verdict']);
    assert.deepEqual(delta.remove, ['pod/default/a']);
    assert.deepEqual(computeDelta(after, after), { set: {}, remove: [] });
  });
});
