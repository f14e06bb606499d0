/** Whole decisions: who wins, how ties end, how large clusters are sampled, and how a decision reads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeDecision, type Decision, feasibleNodesToFind } from '../../../master/scheduler/decision.ts';
import { renderDecision, renderImpossibility } from '../../../master/scheduler/explanation.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { type ClusterOptions, makeSnapshot, type NodeOptions, type PodOptions, podInfo } from './cluster.ts';

function decide(pod: PodOptions, cluster: ClusterOptions, options: { seed?: number; start?: number } = {}): Decision {
  const { seed = 1, start = 0 } = options;
  return computeDecision({ pod: podInfo(pod), snapshot: makeSnapshot(cluster), random: seededRandom(seed), start });
}

function nodeOf(decision: Decision): string | undefined {
  return decision.type === 'place' ? decision.node : undefined;
}

function many(count: number): NodeOptions[] {
  return Array.from({ length: count }, (_, index) => ({ name: `n${index}` }));
}

test('refusals are counted in the words of Kubernetes', () => {
  const taints = [{ key: 'gpu', effect: 'NoSchedule' as const }];
  const nodes = [
    { name: 'a', taints },
    { name: 'b', taints },
    { name: 'c', cpu: '1', memory: '1Gi' },
  ];
  const decision = decide({ requests: { cpu: '2', memory: '2Gi' } }, { nodes });
  assert.ok(decision.type === 'unschedulable');
  assert.equal(
    renderImpossibility(decision),
    '0/3 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 2 node(s) had untolerated taint {gpu: }.',
  );
  assert.deepEqual(renderDecision(decision).at(-1), 'c: Insufficient cpu, Insufficient memory');
});

test('a cluster without nodes', () => {
  const decision = decide({}, { nodes: [] });
  assert.ok(decision.type === 'unschedulable');
  assert.equal(renderImpossibility(decision), 'no nodes available to schedule pods');
});

test('the coolest of equal boards wins, and the record says why', () => {
  const sensors = { a: { temperatureCelsius: 70 }, b: { temperatureCelsius: 45 }, c: { temperatureCelsius: 60 } };
  const decision = decide({}, { nodes: [{ name: 'a' }, { name: 'b' }, { name: 'c' }], sensors });
  assert.equal(nodeOf(decision), 'b');
  const [first = ''] = renderDecision(decision);
  assert.match(first, /^b: \d+ = .*NodeTemperature 2×88/);
});

test('a throttled board loses against a hot, loaded, disliked one', () => {
  const nodes = [{ name: 'a' }, { name: 'b', taints: [{ key: 'slow', effect: 'PreferNoSchedule' as const }] }];
  const sensors = {
    a: { throttled: true, temperatureCelsius: 40 },
    b: { temperatureCelsius: 77, usage: { cpu: '4', memory: '4Gi' }, memoryAvailableBytes: 1 },
  };
  const pods = { b: [{ owner: 'rs', requests: { cpu: '1' } }] };
  assert.equal(nodeOf(decide({ owner: 'rs' }, { nodes, sensors, pods })), 'b');
});

test('a throttled board is better than none', () => {
  assert.equal(nodeOf(decide({}, { nodes: [{ name: 'a' }], sensors: { a: { throttled: true } } })), 'a');
});

test('equal nodes are equally likely', () => {
  const wins = new Map<string | undefined, number>();
  const random = seededRandom(7);
  const snapshot = makeSnapshot({ nodes: many(4) });
  for (let round = 0; round < 400; round += 1) {
    const node = nodeOf(computeDecision({ pod: podInfo(), snapshot, random }));
    wins.set(node, (wins.get(node) ?? 0) + 1);
  }
  assert.equal(wins.size, 4);
  assert.ok(
    [...wins.values()].every((count) => count > 60),
    JSON.stringify([...wins]),
  );
});

test('large clusters are sampled, in turn', () => {
  assert.deepEqual([1, 100, 101, 1_000, 5_000, 10_000].map(feasibleNodesToFind), [1, 100, 100, 420, 500, 500]);
  const decision = decide({}, { nodes: many(1_000) }, { start: 900 });
  assert.ok(decision.type === 'place');
  assert.equal(decision.candidates.length, 420);
  assert.deepEqual(
    [decision.candidates[0]?.name, decision.candidates[419]?.name, decision.nextStart],
    ['n900', 'n319', 320],
  );
});

test('all nodes are looked at when most cannot take the pod', () => {
  const nodes = many(500).map((node, index) => ({ ...node, cpu: index === 499 ? '4' : '1' }));
  assert.equal(nodeOf(decide({ requests: { cpu: '2' } }, { nodes })), 'n499');
});
