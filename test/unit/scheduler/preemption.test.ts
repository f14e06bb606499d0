/** Preemption: who must go so that a more important pod fits, from where, and whose budget it costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeDecision } from '../../../master/scheduler/decision.ts';
import type { Budget } from '../../../master/scheduler/preemption/budgets.ts';
import { computePreemption } from '../../../master/scheduler/preemption/victims.ts';
import { DEFAULT_PROFILE } from '../../../master/scheduler/profile.ts';
import { selectorFromLabels } from '../../../shared/machinery/label-selector.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { type ClusterOptions, makeSnapshot, type PodOptions, podInfo } from './cluster.ts';

interface Row {
  what: string;
  pod?: PodOptions;
  cluster: ClusterOptions;
  budgets?: Record<string, number>;
  /** `node: victims`; undefined: nothing helps. */
  expected: string | undefined;
}

const cpu = (amount: string, priority = 0, options: PodOptions = {}): PodOptions => ({
  requests: { cpu: amount },
  priority,
  ...options,
});
const IMPORTANT = cpu('2', 100);
const ONE = [{ name: 'a', cpu: '4' }];
const TWO = [...ONE, { name: 'b', cpu: '4' }];
const guarded = (app: string): PodOptions => ({ labels: { app } });

const ROWS: Row[] = [
  {
    what: 'the least important goes',
    cluster: { nodes: ONE, pods: { a: [cpu('2', 1), cpu('2', 2)] } },
    expected: 'a: a-0',
  },
  { what: 'equal priority stays', cluster: { nodes: ONE, pods: { a: [cpu('4', 100)] } }, expected: undefined },
  { what: 'higher priority stays', cluster: { nodes: ONE, pods: { a: [cpu('4', 200)] } }, expected: undefined },
  {
    what: 'as few as possible',
    cluster: { nodes: ONE, pods: { a: [cpu('1', 1), cpu('1', 1), cpu('2', 1)] } },
    expected: 'a: a-2',
  },
  {
    what: 'where the victims are less important',
    cluster: { nodes: TWO, pods: { a: [cpu('4', 50)], b: [cpu('4', 10)] } },
    expected: 'b: b-0',
  },
  {
    what: 'rather two unimportant ones than one important one',
    cluster: { nodes: TWO, pods: { a: [cpu('4', 50)], b: [cpu('2', 10), cpu('2', 10)] } },
    pod: cpu('4', 100),
    expected: 'b: b-0 b-1',
  },
  {
    what: 'of equals the one that began last',
    cluster: { nodes: ONE, pods: { a: [cpu('2', 1, { startedSeconds: 10 }), cpu('2', 1, { startedSeconds: 90 })] } },
    expected: 'a: a-1',
  },
  {
    what: 'a budget sends it elsewhere',
    cluster: { nodes: TWO, pods: { a: [cpu('4', 1, guarded('db'))], b: [cpu('4', 90)] } },
    budgets: { db: 0 },
    expected: 'b: b-0',
  },
  {
    what: 'a budget with room does not',
    cluster: { nodes: TWO, pods: { a: [cpu('4', 1, guarded('db'))], b: [cpu('4', 90)] } },
    budgets: { db: 1 },
    expected: 'a: a-0',
  },
  {
    what: 'on one node the guarded stay',
    cluster: { nodes: ONE, pods: { a: [cpu('2', 1, guarded('db')), cpu('2', 50)] } },
    budgets: { db: 0 },
    expected: 'a: a-1',
  },
  {
    what: 'a budget is spent on the least important',
    cluster: { nodes: ONE, pods: { a: [cpu('2', 1, guarded('db')), cpu('2', 50, guarded('db'))] } },
    budgets: { db: 1 },
    expected: 'a: a-0',
  },
  {
    what: 'where every way breaks a budget the least important one is broken',
    cluster: { nodes: ONE, pods: { a: [cpu('4', 1, guarded('db'))] } },
    budgets: { db: 0 },
    expected: 'a: a-0 (1 violations)',
  },
  {
    what: 'pods that are leaving are not driven away again',
    cluster: { nodes: ONE, pods: { a: [cpu('2', 1, { leaving: true }), cpu('2', 0)] } },
    expected: 'a: ',
  },
  {
    what: 'a taint does not go with the pods',
    cluster: { nodes: [{ name: 'a', taints: [{ key: 'x', effect: 'NoSchedule' }] }], pods: { a: [cpu('4', 1)] } },
    expected: undefined,
  },
  {
    what: 'too hot is too hot',
    cluster: { nodes: ONE, pods: { a: [cpu('4', 1)] }, sensors: { a: { temperatureCelsius: 90 } } },
    expected: undefined,
  },
  {
    what: 'a port',
    pod: { priority: 5, ports: [{ hostPort: 80 }] },
    cluster: { nodes: ONE, pods: { a: [{ ports: [{ hostPort: 80 }] }, { ports: [{ hostPort: 81 }] }] } },
    expected: 'a: a-0',
  },
  {
    what: 'a pod that stays away',
    pod: { priority: 5, labels: { app: 'web' } },
    cluster: {
      nodes: [{ name: 'a', labels: { host: 'a' } }],
      pods: {
        a: [
          {},
          {
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  { topologyKey: 'host', labelSelector: { matchLabels: { app: 'web' } } },
                ],
              },
            },
          },
        ],
      },
    },
    expected: 'a: a-1',
  },
  {
    what: 'an uneven spread',
    pod: {
      priority: 5,
      labels: { app: 'web' },
      requests: { cpu: '1' },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'host',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { app: 'web' } },
        },
      ],
    },
    cluster: {
      nodes: [
        { name: 'a', labels: { host: 'a' } },
        { name: 'b', cpu: '0', labels: { host: 'b' } },
      ],
      pods: { a: [{ labels: { app: 'web' } }, {}] },
    },
    expected: 'a: a-0',
  },
];

for (const { what, pod = IMPORTANT, cluster, budgets = {}, expected } of ROWS) {
  test(`preemption: ${what}`, () => {
    const snapshot = makeSnapshot(cluster);
    const info = podInfo({ name: 'new', ...pod });
    const decision = computeDecision({ pod: info, snapshot, random: seededRandom(1) });
    assert.equal(decision.type, 'unschedulable');
    const found = computePreemption({
      ...{ pod: info, snapshot, profile: DEFAULT_PROFILE, refusals: decision.refusals },
      budgets: Object.entries(budgets).map(([app, disruptionsAllowed]) => makeBudget(app, disruptionsAllowed)),
    });
    const names = found?.victims.map((victim) => victim.pod.metadata.name).sort();
    const violations = found?.violations ? ` (${found.violations} violations)` : '';
    assert.equal(found && `${found.node}: ${names?.join(' ')}${violations}`, expected);
  });
}

function makeBudget(app: string, disruptionsAllowed: number): Budget {
  return {
    key: `default/${app}`,
    namespace: 'default',
    selector: selectorFromLabels({ app }),
    disruptionsAllowed,
    disruptedPods: new Set(),
  };
}
