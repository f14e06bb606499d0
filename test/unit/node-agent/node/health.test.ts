/** A board's health over time: thresholds, hysteresis, and what becomes of it in the Node. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_EVICTION_SETTINGS } from '../../../../node-agent/kubelet/eviction/thresholds.ts';
import { computeParallelPods } from '../../../../node-agent/kubelet/node/board-class.ts';
import { HealthTracker, type HealthType } from '../../../../node-agent/kubelet/node/health-tracker.ts';
import { LATCH_OFF, type Reading, stepLatch } from '../../../../node-agent/kubelet/node/latch.ts';
import type { Sample } from '../../../../node-agent/sensors/sensors.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';
import { INVENTORY, SAMPLE } from '../agent-fixture.ts';

const MIB = 1024 ** 2;
const QUIET_MS = 60_000;
const PROPERTY = { seed: 1, numRuns: 300 };

function open() {
  const clock = createVirtualClock();
  const tracker = new HealthTracker({ clock, settings: DEFAULT_EVICTION_SETTINGS, transitionMs: QUIET_MS });
  const observe = (over: Partial<Sample> = {}) => tracker.observe({ ...SAMPLE, ...over }, INVENTORY);
  return { clock, tracker, observe, is: (type: HealthType) => tracker.health.get(type) };
}

describe('latch', () => {
  const readings = fc.array(
    fc.record({ reading: fc.constantFrom<Reading>('bad', 'unclear', 'good'), afterMs: fc.nat(90_000) }),
  );

  it('begins at once, and ends only after a quiet time without a bad reading', () => {
    fc.assert(
      fc.property(readings, (steps) => {
        let latch = LATCH_OFF;
        let nowMs = 0;
        let quietSinceMs = 0;
        for (const { reading, afterMs } of steps) {
          nowMs += afterMs;
          const before = latch;
          latch = stepLatch(before, reading, { nowMs, quietMs: QUIET_MS });
          if (reading === 'bad') assert.ok(latch.isOn);
          if (reading === 'unclear') assert.equal(latch.isOn, before.isOn);
          if (reading !== 'good') quietSinceMs = nowMs;
          if (before.isOn && !latch.isOn) assert.ok(nowMs - quietSinceMs >= QUIET_MS);
        }
      }),
      PROPERTY,
    );
  });

  it('never turns more often than once in a quiet time', () => {
    fc.assert(
      fc.property(readings, (steps) => {
        let latch = LATCH_OFF;
        let nowMs = 0;
        let turnedOnMs = Number.NEGATIVE_INFINITY;
        for (const { reading, afterMs } of steps) {
          nowMs += afterMs;
          const after = stepLatch(latch, reading, { nowMs, quietMs: QUIET_MS });
          if (!latch.isOn && after.isOn) turnedOnMs = nowMs;
          if (latch.isOn && !after.isOn) assert.ok(nowMs - turnedOnMs >= QUIET_MS);
          latch = after;
        }
      }),
      PROPERTY,
    );
  });
});

describe('health of a board', () => {
  it('is known for what the board can tell', () => {
    const { tracker, observe } = open();
    observe();
    assert.deepEqual([...tracker.health.keys()].sort(), [
      'DiskPressure',
      'MemoryPressure',
      'bramble.dev/Overheating',
      'bramble.dev/Throttled',
      'bramble.dev/UnderVoltage',
    ]);
    observe({ temperatureCelsius: undefined, throttled: undefined, underVoltage: undefined });
    assert.deepEqual([...tracker.health.keys()].sort(), ['DiskPressure', 'MemoryPressure']);
  });

  it('says whether anything turned', () => {
    const { observe } = open();
    assert.equal(observe(), true);
    assert.equal(observe(), false);
    assert.equal(observe({ underVoltage: true }), true);
    assert.equal(observe({ underVoltage: true }), false);
  });

  it('is memory pressure below 100 MiB on a large board, over when a quarter more was there for a while', async () => {
    const { clock, tracker, observe, is } = open();
    observe({ memoryAvailableBytes: 99 * MIB });
    assert.deepEqual([is('MemoryPressure'), tracker.met], [true, ['memory.available']]);
    observe({ memoryAvailableBytes: 110 * MIB });
    assert.deepEqual(tracker.met, ['memory.available'], 'less than the minimum reclaim');
    observe({ memoryAvailableBytes: 126 * MIB });
    assert.deepEqual([is('MemoryPressure'), tracker.met], [true, []]);
    await clock.advance(QUIET_MS);
    observe({ memoryAvailableBytes: 126 * MIB });
    assert.equal(is('MemoryPressure'), false);
  });

  it('is disk pressure when either disk is full', () => {
    const { tracker, observe, is } = open();
    const nodeDisk = { totalBytes: 8 * 1024 * MIB, availableBytes: 300 * MIB };
    observe({ nodeDisk });
    assert.deepEqual([is('DiskPressure'), tracker.met], [true, ['nodefs.available']]);
  });

  it('is pressure of processes near the limit', () => {
    const { observe, is } = open();
    observe({ processes: { count: 32_000, max: 32_768 } });
    assert.equal(is('PIDPressure'), true);
  });

  it('is hot until it is five degrees cooler', async () => {
    const { clock, observe, is } = open();
    const type = 'bramble.dev/Overheating';
    observe({ temperatureCelsius: 80 });
    assert.equal(is(type), true);
    for (let minute = 0; minute < 5; minute += 1) {
      await clock.advance(QUIET_MS);
      observe({ temperatureCelsius: 76 });
    }
    assert.equal(is(type), true);
    observe({ temperatureCelsius: 75 });
    await clock.advance(QUIET_MS);
    observe({ temperatureCelsius: 75 });
    assert.equal(is(type), false);
  });

  it('shows a short dip of the voltage for a minute', async () => {
    const { clock, observe, is } = open();
    observe({ underVoltage: true });
    await clock.advance(QUIET_MS - 1);
    observe();
    assert.equal(is('bramble.dev/UnderVoltage'), true);
    await clock.advance(1);
    observe();
    assert.equal(is('bramble.dev/UnderVoltage'), false);
  });
});

describe('small boards', () => {
  const boards: [string, number, number, number][] = [
    ['Zero 2 W', 4, 429_000 * 1024, 1],
    ['Pi 3', 4, 949_000 * 1024, 1],
    ['a virtual machine with one CPU', 1, 4 * 1024 ** 3, 1],
    ['Pi 4 with 2 GB', 4, 1_900_000 * 1024, 4],
    ['Pi 5', 4, 8 * 1024 ** 3, 4],
  ];
  for (const [name, cpus, memoryBytes, expected] of boards) {
    it(`${name} starts ${expected} at a time`, () =>
      assert.equal(computeParallelPods({ cpus, memoryBytes }), expected));
  }
});
