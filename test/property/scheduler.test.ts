/** Named safety properties of the scheduler, over random clusters and pods. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cache } from '../../master/scheduler/cache.ts';
import { computeDecision, type Decision } from '../../master/scheduler/decision.ts';
import { compileFilters, refusalOf } from '../../master/scheduler/feasibility.ts';
import { LocalScores } from '../../master/scheduler/local-scores.ts';
import type { PodInfo } from '../../master/scheduler/pod-info.ts';
import { DEFAULT_PROFILE } from '../../master/scheduler/profile.ts';
import { defined } from '../../shared/platform/assert.ts';
import { seededRandom } from '../../shared/platform/random.ts';
import { makeNode, makeSensors, type NodeOptions, type PodOptions, podInfo } from '../unit/scheduler/cluster.ts';

const SEED = 20260101;
const RUNS = { seed: SEED, numRuns: 150 };

/** Hard limit of a board that says nothing of its own. */
const HARD_CELSIUS = 78;

const LABELS = fc.dictionary(fc.constantFrom('disk', 'zone'), fc.constantFrom('a', 'b'));

const TAINT = fc.record({
  key: fc.constantFrom('gpu', 'slow'),
  effect: fc.constantFrom('NoSchedule' as const, 'PreferNoSchedule' as const, 'NoExecute' as const),
});

const NODE: fc.Arbitrary<NodeOptions> = fc.record({
  cpu: fc.constantFrom('1', '2', '4'),
  memory: fc.constantFrom('512Mi', '1Gi', '4Gi'),
  pods: fc.constantFrom('2', '5', '110'),
  labels: LABELS,
  taints: fc.array(TAINT, { maxLength: 2 }),
  unschedulable: fc.boolean(),
});

const POD: fc.Arbitrary<PodOptions> = fc.record({
  requests: fc.record({
    cpu: fc.constantFrom('0', '100m', '500m', '1', '3'),
    memory: fc.constantFrom('0', '64Mi', '256Mi', '1Gi'),
  }),
  nodeSelector: LABELS,
  tolerations: fc.array(fc.record({ key: fc.constantFrom('gpu', 'slow'), operator: fc.constant('Exists' as const) }), {
    maxLength: 2,
  }),
  owner: fc.option(fc.constantFrom('rs-1', 'rs-2'), { nil: undefined }),
  ports: fc.array(fc.constant({ hostPort: 80 }), { maxLength: 1 }),
});

const SENSORS = fc.record({
  temperatureCelsius: fc.option(fc.double({ min: 1, max: 95, noNaN: true }), { nil: undefined }),
  throttled: fc.option(fc.boolean(), { nil: undefined }),
  memoryAvailableBytes: fc.integer({ min: 0, max: 2 ** 32 }),
});

const CLUSTER = fc.record({
  nodes: fc.array(NODE, { minLength: 1, maxLength: 8 }),
  sensors: fc.array(SENSORS, { minLength: 8, maxLength: 8 }),
  pods: fc.array(POD, { minLength: 1, maxLength: 30 }),
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
});

type Cluster = typeof CLUSTER extends fc.Arbitrary<infer T> ? T : never;

function build({ nodes, sensors }: Cluster): Cache {
  const cache = new Cache();
  nodes.forEach((node, index) => {
    cache.setNode(makeNode({ ...node, name: `n${index}` }));
    cache.setSensors(`n${index}`, makeSensors(`n${index}`, sensors[index]), 0);
  });
  return cache;
}

/** Places the pods one after the other, as the scheduler does; `onPlaced` sees each decision before it is assumed. */
function schedule(
  cluster: Cluster,
  onPlaced: (pod: PodInfo, decision: Decision, cache: Cache, turn: number) => void,
): string[] {
  const cache = build(cluster);
  const random = seededRandom(cluster.seed);
  let start = 0;
  return cluster.pods.map((options, index) => {
    const pod = podInfo({ ...options, name: `p${index}` });
    const decision = computeDecision({ pod, snapshot: cache.snapshot(0), random, start });
    onPlaced(pod, decision, cache, index);
    if (decision.type === 'unschedulable') return '';
    start = decision.nextStart;
    cache.assume(pod, decision.node, 0);
    return decision.node;
  });
}

test('never an infeasible node; unschedulable only when every node refuses', () => {
  fc.assert(
    fc.property(CLUSTER, (cluster) => {
      schedule(cluster, (pod, decision, cache) => {
        const filters = compileFilters(pod, cache.snapshot(0), DEFAULT_PROFILE);
        const feasible = cache.nodes
          .filter((node) => refusalOf(filters, node, pod) === undefined)
          .map((node) => node.name);
        if (decision.type === 'place') assert.ok(feasible.includes(decision.node));
        else assert.deepEqual([feasible, decision.refusals.length], [[], cache.nodes.length]);
      });
    }),
    RUNS,
  );
});

test('never over allocatable, never two pods on one host port', () => {
  fc.assert(
    fc.property(CLUSTER, (cluster) => {
      schedule(cluster, (_pod, _decision, current) => {
        for (const node of current.nodes) {
          assert.ok(node.requested.cpuMillis <= node.allocatable.cpuMillis);
          assert.ok(node.requested.memoryBytes <= node.allocatable.memoryBytes);
          assert.ok(node.pods.size <= node.allocatable.pods);
          assert.ok(node.usedPorts.length <= 1);
        }
      });
    }),
    RUNS,
  );
});

test('same snapshot and seed, same node', () => {
  fc.assert(
    fc.property(CLUSTER, (cluster) => {
      assert.deepEqual(
        schedule(cluster, () => undefined),
        schedule(cluster, () => undefined),
      );
    }),
    RUNS,
  );
});

test('scores that are remembered are those that would be worked out anew, whatever happens to the boards', () => {
  const happening = fc.record({
    name: fc.integer({ min: 0, max: 7 }).map((index) => `n${index}`),
    node: NODE.map(openToAll),
    sensors: fc.option(SENSORS, { nil: undefined }),
    leaver: fc.integer({ min: 0, max: 29 }),
    what: fc.constantFrom('nothing', 'changed', 'gone', 'read', 'a pod left'),
  });
  fc.assert(
    fc.property(CLUSTER, fc.array(happening, { minLength: 30, maxLength: 30 }), (cluster, happenings) => {
      const nodes = cluster.nodes.map(openToAll);
      // Many that ask for the same.
      const pods = cluster.pods.map(({ owner }, index) => ({
        owner,
        requests: { cpu: index % 3 === 0 ? '50m' : '100m' },
      }));
      schedule({ ...cluster, nodes, pods }, (pod, decision, cache, turn) => {
        const remembering = cache.snapshot(0);
        const input = { pod, random: seededRandom(1), enough: 8 };
        const remembered = computeDecision({ ...input, snapshot: remembering });
        const anew = computeDecision({ ...input, snapshot: { ...remembering, localScores: new LocalScores() } });
        assert.deepEqual(scoresOf(remembered), scoresOf(anew));
        const { name, node, sensors, leaver, what } = defined(happenings[turn], 'what happens');
        if (what === 'changed') cache.setNode(makeNode({ ...node, name }));
        // A board that was just chosen stays: the pod is about to be counted there.
        else if (what === 'gone' && decision.type === 'place' && decision.node !== name) cache.removeNode(name);
        else if (what === 'read') cache.setSensors(name, sensors && makeSensors(name, sensors), 0);
        else if (what === 'a pod left') cache.removePod(`default/p${leaver}`);
      });
    }),
    RUNS,
  );
});

function openToAll(node: NodeOptions): NodeOptions {
  return { ...node, taints: [], unschedulable: false };
}

function scoresOf(decision: Decision) {
  if (decision.type === 'unschedulable') return [];
  return decision.candidates.map(({ name }, index) => [name, decision.scores.totals[index], decision.scores.of(index)]);
}

test('a hotter node never scores higher, all else equal', () => {
  const celsius = fc.double({ min: 1, max: 95, noNaN: true });
  fc.assert(
    fc.property(NODE, POD, fc.tuple(celsius, celsius), (node, pod, [first, second]) => {
      const equal = { ...node, taints: [], unschedulable: false, pods: '110', cpu: '4', memory: '4Gi' };
      const cluster = [Math.min(first, second), Math.max(first, second)];
      const cache = new Cache();
      cluster.forEach((temperatureCelsius, index) => {
        cache.setNode(makeNode({ ...equal, name: `n${index}` }));
        cache.setSensors(`n${index}`, makeSensors(`n${index}`, { temperatureCelsius }), 0);
      });
      const input = { pod: podInfo({ ...pod, nodeSelector: {} }), snapshot: cache.snapshot(0) };
      const decision = computeDecision({ ...input, random: seededRandom(1) });
      if (decision.type === 'unschedulable') return assert.ok(cluster[0] !== undefined && cluster[0] >= HARD_CELSIUS);
      // Above its hard limit a board is no candidate at all.
      const [cooler = 0, hotter = Number.NEGATIVE_INFINITY] = decision.scores.totals;
      assert.ok(hotter <= cooler);
      assert.equal(decision.candidates[0]?.name, 'n0');
    }),
    RUNS,
  );
});

test('a board in distress is chosen only when every feasible board is in distress', () => {
  fc.assert(
    fc.property(CLUSTER, (cluster) => {
      schedule(cluster, (_pod, decision) => {
        if (decision.type !== 'place') return;
        const isInDistress = (name: string) => cluster.sensors[Number(name.slice(1))]?.throttled === true;
        const anyHealthy = decision.candidates.some((node) => !isInDistress(node.name));
        assert.ok(!(anyHealthy && isInDistress(decision.node)));
      });
    }),
    RUNS,
  );
});

test('adding and removing pods in any order leaves the sums that the remaining pods make', () => {
  const step = fc.record({
    pod: POD,
    name: fc.integer({ min: 0, max: 5 }),
    node: fc.integer({ min: 0, max: 2 }),
    isAdded: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const cache = new Cache();
      const expected = new Map<string, { pod: PodInfo; node: string }>();
      for (const { pod, name, node, isAdded } of steps) {
        const info = podInfo({ ...pod, name: `p${name}` });
        cache.setNode(makeNode({ name: `n${node}` }));
        if (isAdded) cache.setPod(info, `n${node}`);
        else cache.removePod(info.key);
        if (isAdded) expected.set(info.key, { pod: info, node: `n${node}` });
        else expected.delete(info.key);
      }
      for (const node of cache.nodes) {
        const here = [...expected.values()].filter((placed) => placed.node === node.name);
        assert.equal(node.pods.size, here.length);
        assert.equal(
          node.requested.cpuMillis,
          here.reduce((sum, { pod }) => sum + pod.requests.cpuMillis, 0),
        );
        assert.equal(
          node.usedPorts.length,
          here.reduce((sum, { pod }) => sum + pod.hostPorts.length, 0),
        );
      }
    }),
    RUNS,
  );
});
