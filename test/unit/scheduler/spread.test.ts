/** PodTopologySpread: which groups are too full, which nodes are counted, and which group is liked more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topologySpreadFilter } from '../../../master/scheduler/plugins/topology-spread.ts';
import { topologySpreadScore } from '../../../master/scheduler/plugins/topology-spread-score.ts';
import type { TopologySpreadConstraint } from '../../../shared/api/pod-spec-parts.ts';
import { type ClusterOptions, makeSnapshot, type NodeOptions, type PodOptions, podInfo } from './cluster.ts';

const WEB = { app: 'web' };

function constraint(options: Partial<TopologySpreadConstraint> = {}): TopologySpreadConstraint {
  return {
    maxSkew: 1,
    topologyKey: 'zone',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: WEB },
    ...options,
  };
}

function spread(options: Partial<TopologySpreadConstraint> = {}, pod: PodOptions = {}): PodOptions {
  return { labels: WEB, topologySpreadConstraints: [constraint(options)], ...pod };
}

const ZONES: NodeOptions[] = [
  { name: 'a1', labels: { zone: 'a' } },
  { name: 'a2', labels: { zone: 'a' } },
  { name: 'b1', labels: { zone: 'b' } },
  { name: 'c1', labels: { zone: 'c' } },
];

interface Row {
  what: string;
  pod: PodOptions;
  nodes?: NodeOptions[];
  pods?: ClusterOptions['pods'];
  feasible: string[];
}

const web = (count: number, options: PodOptions = {}): PodOptions[] =>
  Array.from({ length: count }, () => ({ labels: WEB, ...options }));

const ROWS: Row[] = [
  { what: 'nothing there yet', pod: spread(), feasible: ['a1', 'a2', 'b1', 'c1'] },
  { what: 'one ahead', pod: spread(), pods: { a1: web(1) }, feasible: ['b1', 'c1'] },
  { what: 'groups count, not nodes', pod: spread(), pods: { a1: web(1), b1: web(1) }, feasible: ['c1'] },
  {
    what: 'even again',
    pod: spread(),
    pods: { a2: web(1), b1: web(1), c1: web(1) },
    feasible: ['a1', 'a2', 'b1', 'c1'],
  },
  { what: 'a larger skew', pod: spread({ maxSkew: 2 }), pods: { a1: web(1) }, feasible: ['a1', 'a2', 'b1', 'c1'] },
  {
    what: 'a node without the label',
    pod: spread(),
    nodes: [...ZONES, { name: 'x' }],
    feasible: ['a1', 'a2', 'b1', 'c1'],
  },
  {
    what: 'other pods do not count',
    pod: spread(),
    pods: { a1: [{ labels: { app: 'db' } }] },
    feasible: ['a1', 'a2', 'b1', 'c1'],
  },
  {
    what: 'other namespaces do not count',
    pod: spread(),
    pods: { a1: web(1, { namespace: 'x' }) },
    feasible: ['a1', 'a2', 'b1', 'c1'],
  },
  {
    what: 'leaving pods do not count',
    pod: spread(),
    pods: { a1: web(1, { leaving: true }) },
    feasible: ['a1', 'a2', 'b1', 'c1'],
  },
  {
    what: 'a pod that does not count itself',
    pod: spread({}, { labels: {} }),
    pods: { a1: web(2) },
    feasible: ['b1', 'c1'],
  },
  {
    what: 'too few groups count as an empty one',
    pod: spread({ minDomains: 4 }),
    pods: { a1: web(1), b1: web(1), c1: web(1) },
    feasible: [],
  },
  {
    what: 'enough groups',
    pod: spread({ minDomains: 3 }),
    pods: { a1: web(1), b1: web(1), c1: web(1) },
    feasible: ['a1', 'a2', 'b1', 'c1'],
  },
  {
    what: 'groups that the pod cannot use do not hold it back',
    pod: spread({}, { nodeSelector: { zone: 'a' } }),
    pods: { a1: web(3) },
    feasible: ['a1', 'a2', 'b1', 'c1'],
  },
  {
    what: 'unless the policy says so',
    pod: spread({ nodeAffinityPolicy: 'Ignore' }, { nodeSelector: { zone: 'a' } }),
    pods: { a1: web(3) },
    feasible: ['b1', 'c1'],
  },
  {
    what: 'tainted groups hold it back',
    pod: spread(),
    nodes: [
      { name: 'a1', labels: { zone: 'a' } },
      { name: 'b1', labels: { zone: 'b' }, taints: [{ key: 'x', effect: 'NoSchedule' }] },
    ],
    pods: { a1: web(1) },
    feasible: ['b1'],
  },
  {
    what: 'unless the policy honours taints',
    pod: spread({ nodeTaintsPolicy: 'Honor' }),
    nodes: [
      { name: 'a1', labels: { zone: 'a' } },
      { name: 'b1', labels: { zone: 'b' }, taints: [{ key: 'x', effect: 'NoSchedule' }] },
    ],
    pods: { a1: web(1) },
    feasible: ['a1', 'b1'],
  },
  {
    what: 'each revision is spread by itself',
    pod: spread({ matchLabelKeys: ['hash'] }, { labels: { ...WEB, hash: '2' } }),
    pods: { a1: [{ labels: { ...WEB, hash: '1' } }] },
    feasible: ['a1', 'a2', 'b1', 'c1'],
  },
  {
    what: 'two constraints must both hold',
    pod: {
      labels: WEB,
      topologySpreadConstraints: [constraint(), constraint({ topologyKey: 'host' })],
    },
    nodes: ZONES.map((node) => ({ ...node, labels: { ...node.labels, host: node.name ?? '' } })),
    pods: { a1: web(1), b1: web(1), c1: web(1) },
    feasible: ['a2'],
  },
];

for (const { what, pod, nodes = ZONES, pods = {}, feasible } of ROWS) {
  test(`spread: ${what}`, () => {
    const snapshot = makeSnapshot({ nodes, pods });
    const filter = topologySpreadFilter.preFilter(podInfo(pod), snapshot);
    const names = snapshot.nodes.filter((node) => filter?.check(node) === undefined).map(({ name }) => name);
    assert.deepEqual(names, feasible);
  });
}

test('spread: pods without a demand cost nothing', () => {
  const snapshot = makeSnapshot({ nodes: ZONES });
  assert.equal(topologySpreadFilter.preFilter(podInfo({}), snapshot), undefined);
  assert.equal(topologySpreadScore.preScore(podInfo({}), snapshot, snapshot.nodes), undefined);
  assert.equal(
    topologySpreadFilter.preFilter(podInfo(spread({ whenUnsatisfiable: 'ScheduleAnyway' })), snapshot),
    undefined,
  );
});

test('spread: what if a pod left is the same as if it had never been there', () => {
  const snapshot = makeSnapshot({ nodes: ZONES, pods: { a1: web(1) } });
  const filter = topologySpreadFilter.preFilter(podInfo(spread()), snapshot);
  const [a1] = snapshot.nodes;
  const [there] = a1?.pods.values() ?? [];
  assert.ok(filter && a1 && there);
  assert.notEqual(filter.check(a1), undefined);
  filter.podLeaves?.(there, a1);
  assert.equal(filter.check(a1), undefined);
  filter.podComes?.(there, a1);
  assert.notEqual(filter.check(a1), undefined);
});

test('spread: where it is a wish, emptier groups score higher and nodes without the label nothing', () => {
  const nodes = [...ZONES, { name: 'x' }];
  const snapshot = makeSnapshot({ nodes, pods: { a1: web(2), b1: web(1) } });
  const pod = podInfo(spread({ whenUnsatisfiable: 'ScheduleAnyway' }));
  const scorer = topologySpreadScore.preScore(pod, snapshot, snapshot.nodes);
  assert.ok(scorer);
  const scores = Float64Array.from(snapshot.nodes, scorer);
  topologySpreadScore.normalizeScore?.(scores);
  assert.deepEqual([...scores].map(Math.round), [0, 0, 50, 100, 0]);
});
