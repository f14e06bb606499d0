import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PROGRESS_INTERVAL_MS } from '../../../master/store/limits.ts';
import type { StoreEvent } from '../../../master/store/store.ts';
import { StoreError } from '../../../master/store/store.ts';
import { WatchHub, watchLive } from '../../../master/store/watch-hub.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const BUFFER_EVENTS = 3;

function put(key: string, revision: number): StoreEvent {
  return {
    type: 'put',
    keyValue: { key, value: '', modRevision: revision, createRevision: revision },
    previous: undefined,
  };
}

it('tells progress once an interval, and has no timer while nothing is committed', async () => {
  const clock = createVirtualClock();
  const hub = new WatchHub(clock, BUFFER_EVENTS);
  const watcher = hub.attach('/a/', 1);
  assert.deepEqual(await watcher.next(), { revision: 1, events: [] });
  assert.equal(clock.nextTimerMs(), undefined);
  for (let revision = 2; revision <= 20; revision++) hub.publish(revision, [put('/b/x', revision)]);
  await clock.advance(PROGRESS_INTERVAL_MS);
  assert.deepEqual(await watcher.next(), { revision: 20, events: [] });
  assert.equal(clock.nextTimerMs(), undefined);
});

it('replaces unread progress, never unread changes', async () => {
  const clock = createVirtualClock();
  const hub = new WatchHub(clock, BUFFER_EVENTS);
  const watcher = hub.attach('/a/', 1);
  for (let revision = 2; revision <= 4; revision++) {
    hub.publish(revision, [put('/b/x', revision)]);
    await clock.advance(PROGRESS_INTERVAL_MS);
  }
  hub.publish(5, [put('/a/x', 5)]);
  hub.publish(6, [put('/b/x', 6)]);
  await clock.advance(PROGRESS_INTERVAL_MS);
  assert.deepEqual(await watcher.next(), { revision: 5, events: [put('/a/x', 5)] });
  assert.deepEqual(await watcher.next(), { revision: 6, events: [] });
});

it('drops the watcher that leaves too much unread, and what it buffered', async () => {
  const hub = new WatchHub(createVirtualClock(), BUFFER_EVENTS);
  const [slow, reading] = [hub.attach('/a/', 1), hub.attach('/a/', 1)];
  await reading.next();
  for (let revision = 2; revision <= 2 + BUFFER_EVENTS; revision++) {
    hub.publish(revision, [put('/a/x', revision)]);
    assert.equal((await reading.next())?.revision, revision);
  }
  await assert.rejects(slow.next(), (error) => error instanceof StoreError && error.reason === 'slow-watcher');
});

it('forgets a watcher whose reader leaves the loop', async () => {
  const clock = createVirtualClock();
  const hub = new WatchHub(clock, BUFFER_EVENTS);
  const { signal } = new AbortController();
  for await (const batch of watchLive(hub, { prefix: '/a/', revision: 7, signal })) {
    assert.equal(batch.revision, 7);
    break;
  }
  hub.publish(8, [put('/a/x', 8)]);
  assert.equal(clock.nextTimerMs(), undefined, 'nobody is there to be told progress');
});
