/** Times as text: the same as Date's own, without what that looks up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIsoTime, formatMicroTime, formatTime } from '../../../shared/platform/clock.ts';

const MAX_TIME_MS = 8.64e15;

test('a time is written as Date writes it', () => {
  const inAnyYear = fc.integer({ min: -MAX_TIME_MS, max: MAX_TIME_MS });
  const inOurs = fc.integer({ min: -62_198_755_200_000, max: 253_433_923_200_000 });
  fc.assert(
    fc.property(fc.oneof(inAnyYear, inOurs), (epochMs) => {
      assert.equal(formatIsoTime(epochMs), new Date(epochMs).toISOString());
    }),
    { seed: 4, numRuns: 2_000 },
  );
  for (const epochMs of [0, -1, 0.7, 951_782_400_000, 1_795_359_600_123]) {
    assert.equal(formatIsoTime(epochMs), new Date(epochMs).toISOString());
  }
});

test('what is no time is refused', () => {
  assert.throws(() => formatIsoTime(Number.NaN), RangeError);
  assert.throws(() => formatIsoTime(MAX_TIME_MS + 1), RangeError);
});

test('Kubernetes has seconds, and microseconds of which we know milliseconds', () => {
  assert.equal(formatTime(1_795_359_600_123), '2026-11-22T15:00:00Z');
  assert.equal(formatMicroTime(1_795_359_600_123), '2026-11-22T15:00:00.123000Z');
});
