/** What readings say of a board: smoothed load, peaks that fade, trends, and pods that are not in the readings yet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTemperatureScore } from '../../../master/scheduler/plugins/node-temperature.ts';
import { BoardHistory, DEFAULT_READING_SETTINGS } from '../../../master/scheduler/readings/board-history.ts';
import { computeBoardReading } from '../../../master/scheduler/readings/board-reading.ts';
import { averageAt, observe, peakAt } from '../../../master/scheduler/readings/smoothing.ts';
import type { NodeSensors } from '../../../shared/api/node-sensors.ts';
import { MAX_READING_AGE_MS } from '../../../shared/machinery/temperature.ts';
import { defined } from '../../../shared/platform/assert.ts';
import { makeCache, makeSensors, podInfo } from './cluster.ts';

const WINDOWS = { averageMs: 60_000, peakMs: 600_000 };

test('smoothing: a step is followed slowly, and silence means that it stays', () => {
  const idle = observe(undefined, 0, { atMs: 0, windows: WINDOWS });
  const busy = observe(idle, 1_000, { atMs: 10_000, windows: WINDOWS });
  assert.equal(averageAt(busy, 10_000, WINDOWS), 0);
  assert.equal(Math.round(averageAt(busy, 70_000, WINDOWS)), 632);
  assert.ok(averageAt(busy, 600_000, WINDOWS) > 999);
});

test('smoothing: a short peak is remembered for longer than it lasted', () => {
  const idle = observe(undefined, 0, { atMs: 0, windows: WINDOWS });
  const peak = observe(idle, 1_000, { atMs: 60_000, windows: WINDOWS });
  const calm = observe(peak, 0, { atMs: 65_000, windows: WINDOWS });
  assert.ok(averageAt(calm, 65_000, WINDOWS) < 90);
  assert.ok(peakAt(calm, 65_000, WINDOWS) > 990);
  assert.ok(peakAt(calm, 665_000, WINDOWS) < 400);
  assert.ok(peakAt(calm, 665_000, WINDOWS) >= averageAt(calm, 665_000, WINDOWS));
});

test('smoothing: how often the same is told changes nothing', () => {
  const told = [0, 30_000, 60_000, 90_000].reduce(
    (before: ReturnType<typeof observe> | undefined, atMs) =>
      observe(before, atMs === 0 ? 0 : 500, { atMs, windows: WINDOWS }),
    undefined,
  );
  const once = observe(observe(undefined, 0, { atMs: 0, windows: WINDOWS }), 500, { atMs: 30_000, windows: WINDOWS });
  assert.ok(Math.abs(averageAt(defined(told, 'a value'), 120_000, WINDOWS) - averageAt(once, 120_000, WINDOWS)) < 1e-9);
});

function history(readings: readonly (Partial<NodeSensors> & { atMs: number })[]): BoardHistory {
  const board = new BoardHistory(DEFAULT_READING_SETTINGS);
  for (const { atMs, ...reading } of readings) board.add(computeBoardReading(makeSensors('a', reading), atMs));
  return board;
}

test('estimate: average and peak both count', () => {
  const usage = (cpu: string) => ({ usage: { cpu, memory: '1Gi' } });
  const board = history([
    { atMs: 0, ...usage('1') },
    { atMs: 60_000, ...usage('4') },
    { atMs: 65_000, ...usage('1') },
  ]);
  const cpuMillis = board.estimate(65_000)?.cpuMillis ?? 0;
  assert.ok(cpuMillis > 1_900 && cpuMillis < 2_300, `${cpuMillis}`);
});

test('estimate: the moment of most need counts for memory', () => {
  const board = history([
    { atMs: 0, memoryAvailableBytes: 1_000 },
    { atMs: 60_000, memoryAvailableBytes: 100 },
    { atMs: 65_000, memoryAvailableBytes: 1_000 },
  ]);
  const available = board.estimate(65_000)?.memoryAvailableBytes ?? 0;
  assert.ok(available > 600 && available < 750, `${available}`);
});

test('estimate: old readings say nothing, and are forgotten when the board comes back', () => {
  const board = history([{ atMs: 0, usage: { cpu: '4', memory: '1Gi' } }]);
  assert.equal(board.estimate(MAX_READING_AGE_MS)?.cpuMillis, 4_000);
  assert.equal(board.estimate(MAX_READING_AGE_MS + 1), undefined);
  const back = history([
    { atMs: 0, usage: { cpu: '4', memory: '1Gi' } },
    { atMs: 2 * MAX_READING_AGE_MS, usage: { cpu: '1', memory: '1Gi' } },
  ]);
  assert.equal(back.estimate(2 * MAX_READING_AGE_MS)?.cpuMillis, 1_000);
});

test('estimate: the zero of a board without a memory cgroup is never believed', () => {
  const board = history([{ atMs: 0, usage: { cpu: '1', memory: '0' }, memoryAvailableBytes: 2 ** 32 }]);
  assert.equal(board.estimate(0)?.memoryAvailableBytes, undefined);
  const later = history([
    { atMs: 0, memoryAvailableBytes: 2 ** 30 },
    { atMs: 5_000, usage: { memory: '0' }, memoryAvailableBytes: 2 ** 32 },
  ]);
  assert.equal(later.estimate(5_000)?.memoryAvailableBytes, undefined);
});

test('estimate: a rise is followed ahead, a fall is not', () => {
  const rising = history(
    [0, 5, 10, 15, 20].map((seconds) => ({ atMs: seconds * 1000, temperatureCelsius: 50 + seconds / 5 })),
  );
  const estimate = rising.estimate(20_000);
  assert.equal(estimate?.trendCelsiusPerMinute.toFixed(3), '12.000');
  assert.equal(estimate?.forecastCelsius?.toFixed(3), '78.000');
  const falling = history(
    [0, 5, 10, 15].map((seconds) => ({ atMs: seconds * 1000, temperatureCelsius: 60 - seconds / 5 })),
  );
  assert.equal(falling.estimate(15_000)?.forecastCelsius, 57);
});

test('a board that heats up fast loses before it is hot', () => {
  const cache = makeCache({ nodes: [{ name: 'steady' }, { name: 'rising' }] });
  for (const seconds of [0, 10, 20, 30]) {
    cache.setSensors('steady', makeSensors('steady', { temperatureCelsius: 60, throttleCelsius: 80 }), seconds * 1000);
    const temperatureCelsius = 45 + seconds / 5;
    cache.setSensors('rising', makeSensors('rising', { temperatureCelsius, throttleCelsius: 80 }), seconds * 1000);
  }
  const snapshot = cache.snapshot(30_000);
  const scorer = createTemperatureScore(DEFAULT_READING_SETTINGS.heat).preScore(podInfo(), snapshot, snapshot.nodes);
  const [steady = 0, rising = 0] = snapshot.nodes.map((node) => scorer?.(node));
  assert.ok(rising < steady, `${rising} < ${steady}`);
});

test('a burst of pods is not sent to the coolest board alone', () => {
  const nodes = [{ name: 'cool' }, { name: 'warm' }];
  const sensors = { cool: { temperatureCelsius: 50 }, warm: { temperatureCelsius: 55 } };
  const cache = makeCache({ nodes, sensors });
  const score = createTemperatureScore(DEFAULT_READING_SETTINGS.heat);
  const scores = (): number[] => {
    const snapshot = cache.snapshot(0);
    const scorer = score.preScore(podInfo(), snapshot, snapshot.nodes);
    return snapshot.nodes.map((node) => scorer?.(node) ?? 0);
  };
  const before = scores();
  cache.assume(podInfo({ name: 'p', requests: { cpu: '2' } }), 'cool', 0);
  const after = scores();
  assert.ok((before[0] ?? 0) > (before[1] ?? 0));
  assert.ok((after[0] ?? 0) < (after[1] ?? 0));
});
