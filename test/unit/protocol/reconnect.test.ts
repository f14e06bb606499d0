/** How soon a lost link is tried again: eagerly while the master may only be starting anew, rarely when it stays away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../shared/platform/random.ts';
import { computeReconnectMs } from '../../../shared/protocol/mqtt-transport.ts';

test('a master that is back within twenty seconds is found within one', () => {
  const random = seededRandom(1);
  let atMs = 0;
  for (let failures = 0; atMs < 20_000; failures += 1) {
    const delayMs = computeReconnectMs(failures, random);
    assert.ok(delayMs >= 125 && delayMs <= 1_000, `${delayMs} ms`);
    atMs += delayMs;
  }
});

test('one that stays away is asked every fifteen seconds at most, and not by all at once', () => {
  const delaysMs = Array.from({ length: 50 }, (_, seed) => computeReconnectMs(100, seededRandom(seed)));
  assert.ok(delaysMs.every((delayMs) => delayMs >= 7_500 && delayMs <= 15_000));
  assert.ok(new Set(delaysMs).size > 25);
});
