/** Own creations: wait for the informer to show them, not for ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnCreations } from '../../../master/controllers/own-creations.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

test('as long as one of them is not shown, it lags', async () => {
  const clock = createVirtualClock();
  const creations = new OwnCreations(clock);
  const shown = new Set<string>();
  const lagMs = (key: string): number => creations.lagMs(key, (object) => shown.has(object));
  assert.equal(lagMs('a'), 0);
  creations.note('a', 'a-1');
  await clock.advance(400);
  creations.note('a', 'a-2');
  assert.deepEqual([lagMs('a'), lagMs('b')], [1_000, 0]);
  shown.add('a-2');
  assert.equal(lagMs('a'), 600);
  shown.add('a-1');
  assert.equal(lagMs('a'), 0);
  shown.clear();
  assert.equal(lagMs('a'), 0);
});

test('one that is never shown holds nobody up for long', async () => {
  const clock = createVirtualClock();
  const creations = new OwnCreations(clock);
  creations.note('a', 'a-1');
  await clock.advance(1_000);
  assert.equal(
    creations.lagMs('a', () => false),
    0,
  );
  creations.note('a', 'a-2');
  creations.forget('a');
  assert.equal(
    creations.lagMs('a', () => false),
    0,
  );
});
