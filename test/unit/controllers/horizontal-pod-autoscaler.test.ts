/** Autoscaling as pure arithmetic: what a metric asks for, how fast that is followed, and what is worth a write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { computeAllowedReplicas } from '../../../master/controllers/horizontal-pod-autoscaler/behavior.ts';
import { ScaleHistory } from '../../../master/controllers/horizontal-pod-autoscaler/history.ts';
import {
  computeMetricReplicas,
  type MetricQuestion,
} from '../../../master/controllers/horizontal-pod-autoscaler/replica-calculator.ts';
import { isWorthWriting } from '../../../master/controllers/horizontal-pod-autoscaler/worth-writing.ts';
import {
  type HorizontalPodAutoscaler,
  HorizontalPodAutoscalerKind,
} from '../../../shared/api/horizontal-pod-autoscaler.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { formatTime } from '../../../shared/platform/clock.ts';

const NOW_MS = 10_000_000_000;

type State = 'ready' | 'young' | 'pending' | 'failed' | 'going';

function podOf(name: string, state: State, request = '100m'): Pod {
  const startedMs = NOW_MS - (state === 'young' ? 60_000 : 3_600_000);
  const isReady = state === 'ready' || state === 'going';
  const object: unknown = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...(state === 'going' ? { deletionTimestamp: formatTime(NOW_MS) } : {}) },
    spec: { containers: [{ name: 'main', resources: { requests: { cpu: request, memory: '100' } } }] },
    status: {
      phase: state === 'pending' ? 'Pending' : state === 'failed' ? 'Failed' : 'Running',
      startTime: formatTime(startedMs),
      conditions: [
        { type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: formatTime(startedMs + 5_000) },
      ],
    },
  };
  return object as Pod;
}

interface Case {
  what: string;
  /** State and thousandths of a CPU in use; no number: no sample. */
  pods: readonly (readonly [State, number?])[];
  target: MetricQuestion['target'];
  replicas: number;
  resource?: string;
}

const HALF = { type: 'utilization', percent: 50 } as const;

const CASES: readonly Case[] = [
  {
    what: 'twice as much as wanted',
    pods: [
      ['ready', 100],
      ['ready', 100],
    ],
    target: HALF,
    replicas: 4,
  },
  {
    what: 'half as much',
    pods: [
      ['ready', 25],
      ['ready', 25],
      ['ready', 25],
      ['ready', 25],
    ],
    target: HALF,
    replicas: 2,
  },
  {
    what: 'within the tolerance',
    pods: [
      ['ready', 54],
      ['ready', 54],
    ],
    target: HALF,
    replicas: 2,
  },
  {
    what: 'just outside of it',
    pods: [
      ['ready', 56],
      ['ready', 56],
    ],
    target: HALF,
    replicas: 3,
  },
  {
    what: 'an average value',
    pods: [
      ['ready', 300],
      ['ready', 500],
    ],
    target: { type: 'average', millis: 200 },
    replicas: 4,
  },
  {
    what: 'a pod that just began counts as idle on the way up',
    pods: [
      ['ready', 100],
      ['young', 900],
    ],
    target: HALF,
    replicas: 2,
  },
  {
    what: 'and not at all on the way down',
    pods: [
      ['ready', 10],
      ['ready', 10],
      ['young', 900],
    ],
    target: HALF,
    replicas: 1,
  },
  {
    what: 'a silent pod is busy on the way down',
    pods: [['ready', 10], ['ready', 10], ['ready']],
    target: HALF,
    replicas: 3,
  },
  { what: 'a silent pod is idle on the way up', pods: [['ready', 100], ['ready']], target: HALF, replicas: 2 },
  {
    what: 'pods that go or have failed do not count',
    pods: [
      ['ready', 100],
      ['going', 900],
      ['failed', 900],
    ],
    target: HALF,
    replicas: 2,
  },
  { what: 'a pending pod softens the way up', pods: [['ready', 150], ['pending']], target: HALF, replicas: 3 },
  {
    what: 'memory of a young pod counts',
    pods: [['young', 100_000]],
    target: { type: 'average', millis: 50_000 },
    replicas: 2,
    resource: 'memory',
  },
];

for (const { what, pods, target, replicas, resource = 'cpu' } of CASES) {
  test(`replicas: ${what}`, () => {
    const all = pods.map(([state], index) => podOf(`p${index}`, state));
    const known = pods.flatMap(([, millis], index) =>
      millis === undefined ? [] : [[`p${index}`, { millis, takenMs: NOW_MS }] as const],
    );
    const tolerances = { down: 0.1, up: 0.1 };
    const question = { resource, target, tolerances, nowMs: NOW_MS };
    const answer = computeMetricReplicas({
      ...question,
      pods: all,
      samples: new Map(known),
      currentReplicas: pods.filter(([state]) => state !== 'going' && state !== 'failed').length,
    });
    assert.equal(answer.replicas, replicas);
  });
}

test('without a sample that counts there is no answer, nor without requests', () => {
  const base = { resource: 'cpu', target: HALF, tolerances: { down: 0.1, up: 0.1 }, nowMs: NOW_MS, currentReplicas: 1 };
  const pod = podOf('p0', 'young');
  const samples = new Map([['p0', { millis: 1, takenMs: NOW_MS }]]);
  assert.throws(() => computeMetricReplicas({ ...base, pods: [pod], samples: new Map() }), /no samples of cpu/);
  assert.throws(() => computeMetricReplicas({ ...base, pods: [pod], samples }), /pods might be unready/);
  const silent = podOf('p0', 'ready');
  silent.spec.containers = [{ ...silent.spec.containers[0], resources: {} } as Pod['spec']['containers'][number]];
  assert.throws(
    () => computeMetricReplicas({ ...base, pods: [silent], samples }),
    /missing request for cpu in container main of Pod p0/,
  );
});

function specOf(behavior?: object): HorizontalPodAutoscaler['spec'] {
  const spec: unknown = {
    scaleTargetRef: { kind: 'Deployment', name: 'web' },
    minReplicas: 2,
    maxReplicas: 20,
    metrics: [],
    behavior,
  };
  const object = { metadata: {}, spec, status: {} } as HorizontalPodAutoscaler;
  HorizontalPodAutoscalerKind.applyDefaults?.(object);
  return object.spec;
}

const allowed = (
  spec: HorizontalPodAutoscaler['spec'],
  history: ScaleHistory,
  current: number,
  desired: number,
  nowMs = NOW_MS,
) => computeAllowedReplicas(spec, history, { current, desired, nowMs });

test('bounds and the default speed upwards', () => {
  const tried = [
    [3, 100],
    [15, 100],
    [3, 1],
    [3, 4],
  ].map(([current = 0, desired = 0]) => {
    const { replicas, limited } = allowed(specOf(), new ScaleHistory(), current, desired);
    return [replicas, limited.reason];
  });
  assert.deepEqual(tried, [
    [6, 'ScaleUpLimit'],
    [20, 'TooManyReplicas'],
    [2, 'TooFewReplicas'],
    [4, 'DesiredWithinRange'],
  ]);
});

test('the way down waits for the window, the way up for its own', () => {
  const history = new ScaleHistory();
  assert.equal(allowed(specOf(), history, 10, 10).replicas, 10);
  const early = allowed(specOf(), history, 10, 3, NOW_MS + 299_000);
  assert.deepEqual([early.replicas, early.able.reason], [10, 'ScaleDownStabilized']);
  assert.equal(allowed(specOf(), history, 10, 3, NOW_MS + 601_000).replicas, 3);
  const slow = specOf({ scaleUp: { stabilizationWindowSeconds: 60 } });
  const other = new ScaleHistory();
  other.recommendations.push({ replicas: 4, atMs: NOW_MS - 30_000 });
  assert.deepEqual([allowed(slow, other, 4, 8).replicas, allowed(slow, other, 4, 8, NOW_MS + 31_000).replicas], [4, 8]);
});

test('policies: so many pods, so many percent, the slower of both, none', () => {
  const policies = [
    { type: 'Pods', value: 1, periodSeconds: 60 },
    { type: 'Percent', value: 50, periodSeconds: 60 },
  ];
  const speeds = (way: 'scaleUp' | 'scaleDown', selectPolicy: string, desired: number): number => {
    const rules = { policies, selectPolicy, stabilizationWindowSeconds: 0 };
    return allowed(specOf({ [way]: rules }), new ScaleHistory(), 10, desired).replicas;
  };
  assert.deepEqual(
    ['Max', 'Min', 'Disabled'].map((policy) => speeds('scaleUp', policy, 20)),
    [15, 11, 10],
  );
  assert.deepEqual(
    ['Max', 'Min', 'Disabled'].map((policy) => speeds('scaleDown', policy, 2)),
    [5, 9, 10],
  );
});

test('what came in the period counts', () => {
  const spec = specOf({ scaleUp: { policies: [{ type: 'Pods', value: 4, periodSeconds: 60 }] } });
  const history = new ScaleHistory();
  history.noteScale(4, 7, NOW_MS - 30_000);
  assert.equal(allowed(spec, history, 7, 20).replicas, 8);
  assert.equal(allowed(spec, history, 7, 20, NOW_MS + 31_000).replicas, 11);
});

test('never outside of the bounds, never against the wish', () => {
  const wish = fc.record({ current: fc.integer({ min: 2, max: 20 }), desired: fc.integer({ min: 0, max: 60 }) });
  fc.assert(
    fc.property(fc.array(wish, { minLength: 1, maxLength: 20 }), (wishes) => {
      const history = new ScaleHistory();
      let current = wishes[0]?.current ?? 2;
      for (const [index, { desired }] of wishes.entries()) {
        const { replicas } = allowed(specOf(), history, current, desired, NOW_MS + index * 15_000);
        assert.ok(replicas >= 2 && replicas <= 20);
        if (desired >= current) assert.ok(replicas >= current);
        else assert.ok(replicas <= current || desired < 2);
        if (replicas !== current) history.noteScale(current, replicas, NOW_MS + index * 15_000);
        current = replicas;
      }
    }),
    { seed: 7, numRuns: 200 },
  );
});

test('readings that flicker are not written', () => {
  const status = (averageUtilization: number, desiredReplicas = 2): HorizontalPodAutoscaler['status'] => ({
    desiredReplicas,
    currentMetrics: [
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization, averageValue: '1' } } },
    ],
  });
  assert.deepEqual(
    [status(52), status(56), status(50, 3)].map((next) => isWorthWriting(next, status(50))),
    [false, true, true],
  );
});
