/** Trends: the slope of the last readings, and when there is none to speak of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addTrendPoint,
  MAX_TREND_POINTS,
  TREND_WINDOW_MS,
  type TrendPoint,
  trendPerMinute,
} from '../../../shared/machinery/trend.ts';

function points(...values: readonly (readonly [seconds: number, value: number])[]): TrendPoint[] {
  return values.reduce<TrendPoint[]>(
    (all, [seconds, value]) => addTrendPoint(all, { atMs: seconds * 1000, value }),
    [],
  );
}

const ROWS: { what: string; points: TrendPoint[]; nowSeconds?: number; perMinute: number }[] = [
  { what: 'nothing known', points: [], perMinute: 0 },
  { what: 'two readings are no trend', points: points([0, 50], [60, 60]), perMinute: 0 },
  { what: 'three close together are none', points: points([0, 50], [5, 52], [10, 54]), perMinute: 0 },
  { what: 'a straight rise', points: points([0, 50], [30, 52], [60, 54]), perMinute: 4 },
  { what: 'a straight fall', points: points([0, 54], [30, 52], [60, 50]), perMinute: -4 },
  { what: 'a wobble', points: points([0, 50], [20, 52], [40, 50], [60, 52], [80, 50]), perMinute: 0 },
  { what: 'silence after a rise', points: points([0, 50], [30, 52], [60, 54]), nowSeconds: 180, perMinute: 1.15 },
];

for (const { what, points: of, nowSeconds, perMinute } of ROWS) {
  test(`trend: ${what}`, () => {
    const nowMs = nowSeconds === undefined ? (of.at(-1)?.atMs ?? 0) : nowSeconds * 1000;
    assert.ok(Math.abs(trendPerMinute(of, nowMs) - perMinute) < 0.2, `${trendPerMinute(of, nowMs)}`);
  });
}

test('trend: few points are kept, old ones and doubled ones not', () => {
  const many = points(...Array.from({ length: 40 }, (_, index) => [index * 5, 50] as const));
  assert.equal(many.length, MAX_TREND_POINTS);
  const afterSilence = addTrendPoint(many, { atMs: 1_000_000 + TREND_WINDOW_MS, value: 1 });
  assert.equal(afterSilence.length, 1);
  assert.deepEqual(addTrendPoint(points([0, 1]), { atMs: 0, value: 2 }), [{ atMs: 0, value: 2 }]);
});
