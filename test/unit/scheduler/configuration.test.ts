/** The settings file: what it may say, how mistakes are told, and what becomes of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError, parseConfiguration } from '../../../master/scheduler/configuration/parse-configuration.ts';
import { profileOf } from '../../../master/scheduler/configuration/profile-of.ts';
import { createResourceScore } from '../../../master/scheduler/plugins/resource-strategy.ts';
import { DEFAULT_PROFILE } from '../../../master/scheduler/profile.ts';
import { makeSnapshot, podInfo } from './cluster.ts';

const HEAD = 'apiVersion: bramble.dev/v1\nkind: SchedulerConfiguration\n';

const WRONG: { what: string; text: string; complaint: RegExp }[] = [
  { what: 'nothing', text: '', complaint: /must hold one object/ },
  { what: 'a list', text: '- a', complaint: /must hold one object/ },
  { what: 'no YAML', text: 'a: [', complaint: /line 1/ },
  { what: 'aliases', text: `${HEAD}a: &a {}\nb: *a`, complaint: /alias/i },
  { what: 'another kind', text: 'apiVersion: bramble.dev/v1\nkind: Pod', complaint: /^kind: Unsupported value: "Pod"/ },
  { what: 'no kind', text: 'apiVersion: bramble.dev/v1', complaint: /^kind: Required value/ },
  {
    what: 'a weight that is too large',
    text: `${HEAD}scores: {NodeTemperature: 2000}`,
    complaint: /scores.NodeTemperature.*between 0 and 1000/,
  },
  {
    what: 'a weight that is no number',
    text: `${HEAD}scores: {NodeTemperature: hot}`,
    complaint: /scores.NodeTemperature must be a whole number/,
  },
  {
    what: 'an unknown score',
    text: `${HEAD}scores: {Fortune: 1}`,
    complaint: /scores.Fortune: there is no such field/,
  },
  {
    what: 'a filter that is needed',
    text: `${HEAD}disabledFilters: [NodeResourcesFit]`,
    complaint: /NodeResourcesFit cannot be switched off/,
  },
  {
    what: 'a curve without points',
    text: `${HEAD}resources: {strategy: RequestedToCapacityRatio}`,
    complaint: /needs at least two points/,
  },
  {
    what: 'a curve that goes back',
    text: `${HEAD}resources: {strategy: RequestedToCapacityRatio, shape: [{utilization: 50, score: 1}, {utilization: 50, score: 2}]}`,
    complaint: /must grow/,
  },
  { what: 'a curve for nothing', text: `${HEAD}resources: {shape: []}`, complaint: /only RequestedToCapacityRatio/ },
  {
    what: 'a resource twice',
    text: `${HEAD}resources: {weights: [{name: cpu, weight: 1}, {name: cpu, weight: 2}]}`,
    complaint: /cpu is there twice/,
  },
  {
    what: 'limits the wrong way round',
    text: `${HEAD}heat: {fallback: {softCelsius: 80, hardCelsius: 70}}`,
    complaint: /heat.fallback: softCelsius must not be above/,
  },
  { what: 'a window of nothing', text: `${HEAD}load: {averageSeconds: 0}`, complaint: /load.averageSeconds/ },
];

for (const { what, text, complaint } of WRONG) {
  test(`settings: ${what}`, () => {
    assert.throws(
      () => parseConfiguration(text),
      (error) => error instanceof ConfigurationError && error.complaints.some((line) => complaint.test(line)),
    );
  });
}

test('settings: every mistake is told at once', () => {
  assert.throws(
    () => parseConfiguration(`${HEAD}scores: {Fortune: 1, NodeTemperature: -1}\nload: {peakShare: 2}`),
    (error) => error instanceof ConfigurationError && error.complaints.length === 3,
  );
});

test('settings: an empty file of the right kind is the default', () => {
  const profile = profileOf(parseConfiguration(HEAD));
  assert.deepEqual(profile.weights, DEFAULT_PROFILE.weights);
  assert.deepEqual(profile.boards, DEFAULT_PROFILE.boards);
  assert.deepEqual(
    profile.filters.map(({ name }) => name),
    DEFAULT_PROFILE.filters.map(({ name }) => name),
  );
});

test('settings: weights, switches and windows arrive; BoardHealth goes on outweighing the rest', () => {
  const profile = profileOf(
    parseConfiguration(
      `${HEAD}scores: {NodeTemperature: 50, OwnerSpread: 0}\ndisabledFilters: [NodeTemperature]\npreemption: false\n` +
        'load: {averageSeconds: 30}\ntemperature: {forecastSeconds: 0}\nheat: {models: [{model: "x*", softCelsius: 50, hardCelsius: 60}]}',
    ),
  );
  const { BoardHealth, ...others } = profile.weights;
  assert.equal(others.NodeTemperature, 50);
  assert.ok(BoardHealth > Object.values(others).reduce((a, b) => a + b, 0));
  assert.equal(
    profile.scores.some(({ name }) => name === 'OwnerSpread'),
    false,
  );
  assert.equal(
    profile.filters.some(({ name }) => name === 'NodeTemperature'),
    false,
  );
  assert.equal(profile.isPreemptive, false);
  assert.equal(profile.boards.readings.load.windows.averageMs, 30_000);
  assert.equal(profile.boards.readings.heat.forecastMs, 0);
  assert.equal(profile.boards.heatLimits.models[0]?.hardCelsius, 60);
});

function resourceScores(text: string, requests: Record<string, string>): number[] {
  const {
    strategy = 'LeastAllocated',
    shape = [],
    weights = [],
  } = parseConfiguration(`${HEAD}${text}`).resources ?? {};
  const plugin = createResourceScore({
    strategy: strategy === 'RequestedToCapacityRatio' ? { type: strategy, shape } : { type: strategy },
    weights: new Map(weights.map(({ name, weight }) => [name, weight])),
  });
  const snapshot = makeSnapshot({
    nodes: [
      { name: 'empty', others: { 'x/usb': '2' } },
      { name: 'half', others: { 'x/usb': '4' } },
    ],
    pods: { half: [{ requests: { cpu: '2', memory: '2Gi' } }] },
  });
  const scorer = plugin.preScore(podInfo({ requests }), snapshot, snapshot.nodes);
  return snapshot.nodes.map((node) => Math.round(scorer?.(node) ?? -1));
}

test('strategies: spread, pack, and a curve', () => {
  const cpu = 'weights: [{name: cpu, weight: 1}]';
  assert.deepEqual(resourceScores(`resources: {${cpu}}`, { cpu: '1' }), [75, 25]);
  assert.deepEqual(resourceScores(`resources: {strategy: MostAllocated, ${cpu}}`, { cpu: '1' }), [25, 75]);
  const shape = 'shape: [{utilization: 0, score: 0}, {utilization: 50, score: 10}, {utilization: 100, score: 0}]';
  const curve = `resources: {strategy: RequestedToCapacityRatio, ${shape}, ${cpu}}`;
  assert.deepEqual(resourceScores(curve, { cpu: '2' }), [100, 0]);
  assert.deepEqual(resourceScores(curve, { cpu: '1' }), [50, 50]);
});

test('strategies: extended resources count where the pod asks for them', () => {
  const text = 'resources: {weights: [{name: cpu, weight: 1}, {name: x/usb, weight: 3}]}';
  assert.deepEqual(resourceScores(text, { cpu: '1', 'x/usb': '1' }), [56, 63]);
  assert.deepEqual(resourceScores(text, { cpu: '1' }), [75, 25]);
});
