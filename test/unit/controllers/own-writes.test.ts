/** Own writes: wait for the informer, not for ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnWrites } from '../../../master/controllers/own-writes.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

test('as long as the informer shows the version that was written over, it lags', async () => {
  const clock = createVirtualClock();
  const writes = new OwnWrites(clock);
  assert.equal(writes.lagMs('a', '1'), 0);
  writes.note('a', '1');
  await clock.advance(400);
  assert.deepEqual([writes.lagMs('a', '1'), writes.lagMs('b', '1')], [600, 0]);
  assert.equal(writes.lagMs('a', '2'), 0);
  assert.equal(writes.lagMs('a', '1'), 0);
});

test('a write that is never shown holds nobody up for long', async () => {
  const clock = createVirtualClock();
  const writes = new OwnWrites(clock);
  writes.note('a', '1');
  await clock.advance(1_000);
  assert.equal(writes.lagMs('a', '1'), 0);
  writes.note('a', '1');
  writes.forget('a');
  assert.equal(writes.lagMs('a', '1'), 0);
});
