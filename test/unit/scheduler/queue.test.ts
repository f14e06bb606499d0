/** The scheduling queue: order, rest, back-off, wake-up, and pods that go or change meanwhile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_REST_MS, SchedulingQueue } from '../../../master/scheduler/queue.ts';
import { defined } from '../../../shared/platform/assert.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
import { podInfo } from './cluster.ts';

function makeQueue() {
  const clock = createVirtualClock();
  const calls = { active: 0 };
  const queue = new SchedulingQueue({
    clock,
    random: seededRandom(1),
    onActive: () => {
      calls.active += 1;
    },
  });
  const pop = () => queue.pop()?.pod.pod.metadata.name;
  return { clock, queue, calls, pop };
}

test('by priority, then by age', () => {
  const { queue, pop } = makeQueue();
  queue.set(podInfo({ name: 'old' }));
  queue.set(podInfo({ name: 'new' }));
  queue.set(podInfo({ name: 'urgent', priority: 10 }));
  queue.set(podInfo({ name: 'unimportant', priority: -1 }));
  assert.deepEqual([pop(), pop(), pop(), pop(), pop()], ['urgent', 'old', 'new', 'unimportant', undefined]);
});

test('a pod that rests comes back when it may fit, not before its back-off is over', async () => {
  const { clock, queue, calls, pop } = makeQueue();
  queue.set(podInfo({ name: 'a' }));
  queue.rest(defined(queue.pop(), 'a'));
  queue.wake(() => false);
  await clock.advance(60_000);
  assert.equal(pop(), undefined);
  queue.wake(() => true);
  assert.equal(pop(), 'a');

  queue.rest(defined(queue.get('default/a'), 'a'));
  queue.wake(() => true);
  assert.equal(pop(), undefined);
  await clock.advance(10_000);
  assert.deepEqual([calls.active, pop()], [1, 'a']);
});

test('back-off doubles up to its limit', async () => {
  const { clock, queue } = makeQueue();
  queue.set(podInfo({ name: 'a' }));
  const waits: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    const queued = defined(queue.pop(), 'a');
    queue.retry(queued);
    waits.push(queued.notBeforeMs - clock.monotonicMs());
    await clock.advance(queued.notBeforeMs - clock.monotonicMs());
  }
  assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

test('a pod that has rested for long is tried again without a reason', async () => {
  const { clock, queue, pop } = makeQueue();
  queue.set(podInfo({ name: 'a' }));
  queue.rest(defined(queue.pop(), 'a'));
  await clock.advance(MAX_REST_MS);
  queue.wake(() => false);
  assert.equal(pop(), 'a');
});

test('a changed spec brings a resting pod back; a pod that is decided on is not handed out twice', async () => {
  const { clock, queue, pop } = makeQueue();
  queue.set(podInfo({ name: 'a' }));
  const queued = defined(queue.pop(), 'a');
  queue.set(podInfo({ name: 'a', priority: 1 }));
  assert.equal(pop(), undefined);
  queue.rest(queued);
  queue.set(podInfo({ name: 'a', priority: 2 }));
  await clock.advance(250);
  assert.equal(queue.pop()?.pod.priority, 2);
});

test('removed pods do not come back, whatever their state', async () => {
  const { clock, queue, pop } = makeQueue();
  for (const name of ['active', 'resting', 'backing-off']) queue.set(podInfo({ name }));
  const [, resting, backingOff] = [queue.pop(), queue.pop(), queue.pop()];
  queue.rest(defined(resting, 'resting'));
  queue.retry(defined(backingOff, 'backing-off'));
  queue.set(podInfo({ name: 'waiting' }));
  for (const name of ['active', 'resting', 'backing-off', 'waiting']) queue.remove(`default/${name}`);
  queue.wake(() => true);
  await clock.advance(20_000);
  assert.deepEqual([pop(), queue.size, clock.nextTimerMs()], [undefined, 0, undefined]);
  queue.rest(defined(resting, 'gone meanwhile'));
  assert.equal(queue.hasResting, false);
});
