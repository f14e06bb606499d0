/** Each score: which node it prefers, and what it says of a node that it knows nothing about. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEUTRAL_SCORE, type ScorePlugin } from '../../../master/scheduler/framework.ts';
import { balancedAllocation } from '../../../master/scheduler/plugins/balanced-allocation.ts';
import { boardHealth } from '../../../master/scheduler/plugins/board-health.ts';
import { nodeAffinityScore } from '../../../master/scheduler/plugins/node-affinity.ts';
import { createTemperatureScore } from '../../../master/scheduler/plugins/node-temperature.ts';
import { ownerSpread } from '../../../master/scheduler/plugins/owner-spread.ts';
import { realLoad } from '../../../master/scheduler/plugins/real-load.ts';
import { createResourceScore, DEFAULT_RESOURCE_SCORING } from '../../../master/scheduler/plugins/resource-strategy.ts';
import { taintTolerationScore } from '../../../master/scheduler/plugins/taint-toleration.ts';
import { DEFAULT_PROFILE } from '../../../master/scheduler/profile.ts';
import { DEFAULT_READING_SETTINGS } from '../../../master/scheduler/readings/board-history.ts';
import { MAX_READING_AGE_MS } from '../../../shared/machinery/temperature.ts';
import { type ClusterOptions, makeCache, makeSnapshot, type NodeOptions, type PodOptions, podInfo } from './cluster.ts';

function scoresOf(plugin: ScorePlugin, pod: PodOptions, cluster: ClusterOptions, nowMs = 0): number[] | undefined {
  const snapshot = makeSnapshot(cluster, nowMs);
  const scorer = plugin.preScore(podInfo(pod), snapshot, snapshot.nodes);
  if (scorer === undefined) return undefined;
  const scores = Float64Array.from(snapshot.nodes, scorer);
  plugin.normalizeScore?.(scores);
  return [...scores].map(Math.round);
}

const leastAllocated = createResourceScore(DEFAULT_RESOURCE_SCORING);
const temperature = createTemperatureScore(DEFAULT_READING_SETTINGS.heat);

const TWO = [{ name: 'a' }, { name: 'b' }];

test('least allocated prefers the emptier node and assumes something of pods that ask for nothing', () => {
  const scores = scoresOf(
    leastAllocated,
    { requests: { cpu: '1', memory: '1Gi' } },
    { nodes: TWO, pods: { b: [{}, {}] } },
  );
  assert.deepEqual(scores, [75, 71]);
  assert.deepEqual(scoresOf(leastAllocated, { requests: { cpu: '9' } }, { nodes: [{ name: 'a' }] }), [49]);
});

test('balanced allocation prefers the node whose resources fill up evenly', () => {
  const pods = { b: [{ requests: { cpu: '3' } }] };
  assert.deepEqual(scoresOf(balancedAllocation, { requests: { memory: '3Gi' } }, { nodes: TWO, pods }), [63, 100]);
});

test('owner spread counts the pods of the same owner and says nothing of pods without one', () => {
  const nodes = [...TWO, { name: 'c' }];
  const pods = { a: [{ owner: 'rs' }, { owner: 'rs' }], b: [{ owner: 'rs' }, { owner: 'other' }] };
  assert.deepEqual(scoresOf(ownerSpread, { owner: 'rs' }, { nodes, pods }), [0, 50, 100]);
  assert.equal(scoresOf(ownerSpread, { owner: 'new' }, { nodes, pods }), undefined);
  assert.equal(scoresOf(ownerSpread, {}, { nodes, pods }), undefined);
});

test('mild taints count when they are not tolerated', () => {
  const mild = { key: 'slow', effect: 'PreferNoSchedule' } as const;
  const nodes = [{ name: 'a', taints: [mild] }, { name: 'b' }];
  assert.deepEqual(scoresOf(taintTolerationScore, {}, { nodes }), [0, 100]);
  assert.deepEqual(scoresOf(taintTolerationScore, { tolerations: [{ operator: 'Exists' }] }, { nodes }), [100, 100]);
});

test('preferred affinity adds up the weights of the wishes that hold', () => {
  const wish = (key: string, weight: number) => ({
    weight,
    preference: { matchExpressions: [{ key, operator: 'Exists' as const }] },
  });
  const pod = {
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [wish('x', 10), wish('y', 30)] } },
  };
  const nodes: NodeOptions[] = [
    { name: 'a', labels: { x: '', y: '' } },
    { name: 'b', labels: { x: '' } },
    { name: 'c' },
  ];
  assert.deepEqual(scoresOf(nodeAffinityScore, pod, { nodes }), [100, 25, 0]);
  assert.equal(scoresOf(nodeAffinityScore, {}, { nodes }), undefined);
});

test('temperature: the more room below the own throttle limit the better', () => {
  const sensors = {
    a: { temperatureCelsius: 40, throttleCelsius: 80 },
    b: { temperatureCelsius: 60, throttleCelsius: 80 },
    c: { temperatureCelsius: 60, throttleCelsius: 85 },
    d: { temperatureCelsius: 84, throttleCelsius: 80 },
    e: { temperatureCelsius: 60 },
  };
  const nodes = Object.keys(sensors).map((name) => ({ name }));
  assert.deepEqual(scoresOf(temperature, {}, { nodes, sensors }), [100, 50, 63, 0, 50]);
});

test('temperature: a board without a believable, fresh reading is neutral', () => {
  const sensors = {
    a: { temperatureCelsius: 0 },
    b: {},
    c: { temperatureCelsius: 300 },
    d: { temperatureCelsius: 40 },
  };
  const nodes = ['a', 'b', 'c', 'd', 'silent'].map((name) => ({ name }));
  assert.deepEqual(scoresOf(temperature, {}, { nodes, sensors }), [50, 50, 50, 100, 50]);
  assert.equal(scoresOf(temperature, {}, { nodes, sensors }, MAX_READING_AGE_MS + 1_000), undefined);
});

test('board health: throttled and under-voltage boards are told from the rest', () => {
  const sensors = { a: { throttled: true }, b: { underVoltage: true }, c: { throttled: false } };
  const nodes = ['a', 'b', 'c', 'd'].map((name) => ({ name }));
  assert.deepEqual(scoresOf(boardHealth, {}, { nodes, sensors }), [0, 0, 100, 100]);
});

test('boards in distress lose against all other scores together', () => {
  const { BoardHealth, ...others } = DEFAULT_PROFILE.weights;
  assert.ok(BoardHealth > Object.values(others).reduce((a, b) => a + b, 0));
});

test('real load: what is free by the reading, neutral where there is none or it is old', () => {
  const sensors = {
    a: { usage: { cpu: '1', memory: '1Gi' }, memoryAvailableBytes: 2 ** 31 },
    b: { usage: { cpu: '3', memory: '3Gi' }, memoryAvailableBytes: 2 ** 30 },
  };
  const nodes = ['a', 'b', 'silent'].map((name) => ({ name }));
  const pod = { requests: { cpu: '1', memory: '1Gi' } };
  assert.deepEqual(scoresOf(realLoad, pod, { nodes, sensors }), [38, 0, NEUTRAL_SCORE]);
  assert.equal(scoresOf(realLoad, pod, { nodes, sensors }, MAX_READING_AGE_MS + 1_000), undefined);
});

test('real load: the zero of a board without a memory cgroup is not believed', () => {
  const sensors = {
    a: { usage: { cpu: '0', memory: '0' }, memoryAvailableBytes: 2 ** 32 },
    b: { usage: { cpu: '0', memory: '1Gi' }, memoryAvailableBytes: 0 },
    c: { usage: { cpu: '0' }, memoryAvailableBytes: 2 ** 32 },
  };
  const nodes = ['a', 'b', 'c'].map((name) => ({ name, cpu: '100', memory: '4Gi' }));
  assert.deepEqual(scoresOf(realLoad, {}, { nodes, sensors }), [75, 75, 99]);
});

test('real load: pods that came after the reading count until the next one', () => {
  const cache = makeCache({ nodes: TWO, sensors: { a: {}, b: {} } });
  cache.assume(podInfo({ name: 'x', requests: { cpu: '2', memory: '1Gi' } }), 'a', 0);
  const scorer = realLoad.preScore(podInfo(), cache.snapshot(0), cache.nodes);
  const [a = 0, b = 0] = cache.nodes.map((node) => scorer?.(node));
  assert.ok(a < b);
});
