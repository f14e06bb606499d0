/** What systemd is told of a program: that it is up, that it still turns, that it ends; and nothing where nobody listens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createServiceManager } from '../../../shared/platform/service-manager.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const SYSTEMD = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '180000000' };

function createManager(env: Record<string, string>) {
  const clock = createVirtualClock();
  const told: string[] = [];
  return { clock, told, manager: createServiceManager({ env, clock, tell: (assignment) => told.push(assignment) }) };
}

test('a program that is up says so, and three times a period that it turns, until it ends', async () => {
  const { clock, told, manager } = createManager(SYSTEMD);
  await clock.advance(300_000);
  assert.deepEqual(told, [], 'not before it is up');
  manager.ready();
  manager.ready();
  await clock.advance(180_000);
  assert.deepEqual(told, ['READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
  manager.stopping();
  manager.stopping();
  await clock.advance(600_000);
  assert.deepEqual(told.slice(4), ['STOPPING=1']);
});

test('without a watchdog only its start and its end are told', async () => {
  const { clock, told, manager } = createManager({ NOTIFY_SOCKET: '/run/systemd/notify' });
  manager.ready();
  await clock.advance(600_000);
  manager.stopping();
  assert.deepEqual(told, ['READY=1', 'STOPPING=1']);
});

test('a program that nobody manages tells nobody', async () => {
  const { clock, told, manager } = createManager({});
  manager.ready();
  await clock.advance(600_000);
  manager.stopping();
  assert.deepEqual(told, []);
  assert.equal(clock.nextTimerMs(), undefined);
});
