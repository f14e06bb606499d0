/** WorkQueue: one worker a key, nothing lost, delays and back-off by the clock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkQueue } from '../../../shared/client/work-queue.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

function makeQueue() {
  const clock = createVirtualClock();
  return { clock, queue: new WorkQueue({ clock, random: seededRandom(1) }) };
}

test('a key added several times is handed out once', async () => {
  const { queue } = makeQueue();
  queue.add('a');
  queue.add('a');
  queue.add('b');
  assert.equal(await queue.take(), 'a');
  assert.equal(await queue.take(), 'b');
  assert.equal(queue.size, 0);
});

test('a key added while it is handled comes again after done', async () => {
  const { queue } = makeQueue();
  queue.add('a');
  assert.equal(await queue.take(), 'a');
  queue.add('a');
  assert.equal(queue.size, 0);
  queue.done('a');
  assert.equal(await queue.take(), 'a');
});

test('a waiting taker gets the next key', async () => {
  const { queue } = makeQueue();
  const taken = queue.take();
  queue.add('a');
  assert.equal(await taken, 'a');
});

test('of several delays for a key the earliest counts', async () => {
  const { queue, clock } = makeQueue();
  queue.addAfter('a', 100);
  queue.addAfter('a', 10);
  queue.addAfter('a', 50);
  await clock.advance(9);
  assert.equal(queue.size, 0);
  await clock.advance(1);
  assert.equal(queue.size, 1);
  await clock.advance(1000);
  assert.equal(queue.size, 1);
});

test('rate limiting grows with failures and is forgotten', async () => {
  const { queue, clock } = makeQueue();
  for (let failure = 0; failure < 10; failure += 1) {
    queue.addRateLimited('a');
    await clock.advance(1_000_000);
    queue.done((await queue.take()) ?? '');
  }
  queue.addRateLimited('a');
  await clock.advance(1_000);
  assert.equal(queue.size, 0);
  queue.forget('a');
  queue.addRateLimited('b');
  await clock.advance(25);
  assert.equal(queue.size, 1);
});

test('closing wakes takers with undefined and drops timers', async () => {
  const { queue, clock } = makeQueue();
  const taken = queue.take();
  queue.addAfter('a', 10);
  queue.close();
  assert.equal(await taken, undefined);
  await clock.advance(100);
  assert.equal(queue.size, 0);
  assert.equal(await queue.take(), undefined);
});
