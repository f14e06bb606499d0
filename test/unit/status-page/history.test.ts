/** What is remembered of boards: rings, uptime, trend, wear. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { History, MAX_BOARDS } from '../../../master/status-page/history/history.ts';
import { Ring, SLOT_MS, SLOTS } from '../../../master/status-page/history/ring.ts';
import { computeTrend, thin } from '../../../master/status-page/history/trend.ts';
import { UPTIME_SLOT_MS, Uptime } from '../../../master/status-page/history/uptime.ts';
import { Wear } from '../../../master/status-page/history/wear.ts';

const START_MS = Date.UTC(2026, 10, 22, 10);

describe('rings', () => {
  test('what was added is read, gaps are null', () => {
    const ring = new Ring();
    ring.add(START_MS, { celsius: 50.04 });
    ring.add(START_MS + 2 * SLOT_MS, { celsius: 52, cpuPercent: 10 });
    assert.deepEqual(ring.read('celsius', START_MS + 3 * SLOT_MS, 5), [null, 50, null, 52, null]);
    assert.deepEqual(ring.read('cpuPercent', START_MS + 2 * SLOT_MS, 2), [null, 10]);
  });
  test('a clock that is set a little back, and one that is set far back', () => {
    const ring = new Ring();
    ring.add(START_MS, { celsius: 50 });
    ring.add(START_MS - 5 * SLOT_MS, { celsius: 99 });
    assert.deepEqual(ring.read('celsius', START_MS, 6), [null, null, null, null, null, 50]);
    ring.add(START_MS - 2 * SLOTS * SLOT_MS, { celsius: 40 });
    assert.deepEqual(ring.read('celsius', START_MS - 2 * SLOTS * SLOT_MS, 2), [null, 40]);
    assert.deepEqual(ring.read('celsius', START_MS, 1), [null]);
  });
  test('reads what a plain map would hold', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: SLOTS * 2 }), fc.integer({ min: -20, max: 120 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (samples) => {
        const ring = new Ring();
        const model = new Map<number, number>();
        const sorted = samples.toSorted(([a], [b]) => a - b);
        for (const [slot, celsius] of sorted) {
          ring.add(START_MS + slot * SLOT_MS, { celsius });
          model.set(slot, celsius);
        }
        const last = sorted.at(-1)?.[0] ?? 0;
        const expected = Array.from({ length: SLOTS }, (_, index) => model.get(last - SLOTS + 1 + index) ?? null);
        assert.deepEqual(ring.read('celsius', START_MS + last * SLOT_MS), expected);
      }),
      { seed: 7, numRuns: 40 },
    );
  });
});

describe('uptime', () => {
  const now = START_MS + 10 * UPTIME_SLOT_MS;
  test('nothing is known at first', () => {
    const { day, dayShare } = new Uptime().view(now);
    assert.deepEqual([day, dayShare], ['-'.repeat(48), undefined]);
  });
  test('any time away shows', () => {
    const uptime = new Uptime();
    uptime.add(now - 3 * UPTIME_SLOT_MS, now - UPTIME_SLOT_MS - 10_000, true);
    uptime.add(now - UPTIME_SLOT_MS - 10_000, now - UPTIME_SLOT_MS, false);
    uptime.add(now - UPTIME_SLOT_MS, now, true);
    const { day, week, dayShare } = uptime.view(now - 1);
    assert.equal(day.slice(-3), '989');
    assert.equal(week.slice(-2).includes('8'), true);
    assert.equal(dayShare, Math.floor((1 - 10 / 5400) * 10_000) / 10_000);
  });
  test('a week, and nothing before it', () => {
    const uptime = new Uptime();
    uptime.add(0, now, true);
    const { week, weekShare } = uptime.view(now);
    assert.deepEqual([week, weekShare], ['9'.repeat(84), 1]);
  });
  test('old slots are forgotten', () => {
    const uptime = new Uptime();
    uptime.add(now - UPTIME_SLOT_MS, now, false);
    const later = now + 400 * UPTIME_SLOT_MS;
    uptime.add(later - UPTIME_SLOT_MS, later, true);
    assert.equal(uptime.view(later - 1).weekShare, 1);
  });
});

describe('trends', () => {
  const line = (perSlot: number) => Array.from({ length: 20 }, (_, index) => 50 + perSlot * index);
  const cases: [string, (number | null)[], string][] = [
    ['flat', line(0), 'steady'],
    ['up', line(0.2), 'rising'],
    ['down', line(-0.2), 'falling'],
    ['flicker', line(0).map((value, index) => value + (index % 2)), 'steady'],
    ['three points', [null, 50, 60, 70], 'unknown'],
  ];
  for (const [what, values, direction] of cases)
    test(what, () => assert.equal(computeTrend(values).direction, direction));
  test('°C an hour', () => assert.equal(computeTrend(line(0.2)).celsiusPerHour, 24));
  test('fewer points', () => assert.deepEqual(thin([1, 2, null, null, 4, null], 2), [1.5, null, 4]));
});

describe('wear', () => {
  const HOUR_MS = 3_600_000;
  test('by day, and anew after a boot', () => {
    const wear = new Wear();
    wear.add(START_MS, 1_000_000);
    assert.equal(wear.bytesPerDay(), undefined);
    wear.add(START_MS + HOUR_MS, 2_000_000);
    assert.equal(wear.bytesPerDay(), 24_000_000);
    wear.add(START_MS + 2 * HOUR_MS, 500);
    assert.equal(wear.bytesPerDay(), undefined);
  });
});

describe('the history', () => {
  test('a state that changes is counted from when it began, once', () => {
    const history = new History();
    history.setState('pi-1', START_MS, { isUp: true, sinceMs: START_MS - 3_600_000 });
    history.setState('pi-1', START_MS + 60_000, { isUp: false, sinceMs: START_MS + 30_000 });
    history.setState('pi-1', START_MS + 60_000, { isUp: false, sinceMs: START_MS + 30_000 });
    const share = history.uptime('pi-1', START_MS + 60_000)?.dayShare ?? 0;
    assert.ok(Math.abs(share - (3_600 + 30) / (3_600 + 60)) < 0.001);
  });
  test('boards beyond the limit have none, those that left make room', () => {
    const history = new History();
    for (let index = 0; index <= MAX_BOARDS; index += 1) history.addSample(`pi-${index}`, START_MS, { celsius: 50 });
    assert.equal(history.trend(`pi-${MAX_BOARDS}`, START_MS), undefined);
    history.forget('pi-0');
    history.addSample('new', START_MS, { celsius: 50 });
    assert.notEqual(history.read('new', START_MS), undefined);
  });
});
