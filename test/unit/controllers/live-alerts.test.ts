/** Alerts at work, in virtual time: a board that goes and comes back, and one that gets hot, told as Events. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { EventKind } from '../../../shared/api/event.ts';
import { NodeSensorsKind } from '../../../shared/api/node-sensors.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';

let cluster: LiveCluster;
beforeEach(async () => {
  cluster = await startLiveCluster();
  await cluster.addNode({ name: 'pi-1' });
});
afterEach(() => cluster.stop());

async function alerts(): Promise<string[]> {
  const { items } = await cluster.client.list(EventKind, { namespace: '' });
  return items
    .filter(({ reason }) => reason?.startsWith('Alert'))
    .map(
      ({ type, reason, involvedObject, count }) =>
        `${type} ${reason} ${involvedObject.kind}/${involvedObject.name} ${count}`,
    );
}

test('a lost board, and its return', async () => {
  await cluster.setLink('pi-1', 'down');
  await cluster.until('the alert', async () => (await alerts()).includes('Warning AlertBoardLost Node/pi-1 1'));
  await cluster.setLink('pi-1', 'up');
  await cluster.until('its end', async () => (await alerts()).includes('Normal AlertBoardLost Node/pi-1 1'));
  assert.equal((await alerts()).length, 2);
});

test('a hot board: not at once, not twice, and not while it is between', async () => {
  await cluster.client.create(NodeSensorsKind, {
    metadata: { name: 'pi-1' },
    temperatureCelsius: 79,
    throttleCelsius: 80,
  });
  await cluster.clock.advance(20_000);
  assert.deepEqual(await alerts(), []);
  await cluster.until('the alert', async () => (await alerts()).includes('Warning AlertBoardHot Node/pi-1 1'));
  const report = (temperatureCelsius: number) =>
    cluster.client.patch(NodeSensorsKind, { name: 'pi-1' }, { type: 'merge', body: { temperatureCelsius } });
  await report(75);
  await cluster.clock.advance(5 * 60_000);
  assert.equal((await alerts()).length, 1);
  await report(60);
  await cluster.until('its end', async () => (await alerts()).includes('Normal AlertBoardHot Node/pi-1 1'), 4 * 60_000);
});
