/** The scheduler at work on the real API server: waiting, waking up, events, conditions, bursts. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { EventKind } from '../../../shared/api/event.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { NodeSensorsKind } from '../../../shared/api/node-sensors.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { StatusError } from '../../../shared/machinery/errors.ts';
import { type LiveCluster, startLiveCluster } from '../controllers/live-cluster.ts';
import { makePod, makeSensors, type PodOptions } from './cluster.ts';

let cluster: LiveCluster;

beforeEach(async () => {
  cluster = await startLiveCluster();
});

afterEach(() => cluster.stop());

async function createPod(name: string, options: PodOptions = {}): Promise<void> {
  const { spec } = makePod({ name, ...options });
  await cluster.client.create(PodKind, { metadata: { namespace: 'default', name }, spec });
}

function getPod(name: string): Promise<Pod> {
  return cluster.client.get(PodKind, { namespace: 'default', name });
}

function placed(name: string): Promise<Pod> {
  return cluster.until(`${name} to be placed`, async () => {
    const pod = await getPod(name);
    return pod.spec.nodeName ? pod : false;
  });
}

async function eventsOf(name: string) {
  const { items } = await cluster.client.list(EventKind, { namespace: 'default' });
  return items.filter((event) => event.involvedObject.name === name);
}

test('a pod that fits nowhere says why, and is placed when something changed that helps', async () => {
  await cluster.addNode({ name: 'pi-1', cpu: '1' });
  await createPod('big', { requests: { cpu: '2' } });
  const message = '0/1 nodes are available: 1 Insufficient cpu.';
  const waiting = await cluster.until('the condition', async () => {
    const condition = getCondition((await getPod('big')).status.conditions, 'PodScheduled');
    return condition?.status === 'False' && condition;
  });
  assert.deepEqual([waiting.reason, waiting.message], ['Unschedulable', message]);
  await cluster.clock.advance(20_000);
  const [event] = await cluster.until('the event', async () => (await eventsOf('big')).length > 0 && eventsOf('big'));
  assert.deepEqual(
    [event?.type, event?.reason, event?.message, event?.count],
    ['Warning', 'FailedScheduling', message, 1],
  );

  await cluster.addNode({ name: 'pi-2', cpu: '4' });
  const pod = await placed('big');
  assert.equal(pod.spec.nodeName, 'pi-2');
  assert.equal(getCondition(pod.status.conditions, 'PodScheduled')?.status, 'True');
  await cluster.until('the event of success', async () =>
    (await eventsOf('big')).some(
      ({ reason, message: text }) => reason === 'Scheduled' && text === 'Successfully assigned default/big to pi-2',
    ),
  );
});

test('room that a deleted pod leaves goes to the one that waits', async () => {
  await cluster.addNode({ name: 'pi-1', cpu: '2' });
  await createPod('first', { requests: { cpu: '2' } });
  await placed('first');
  await createPod('second', { requests: { cpu: '2' } });
  await cluster.clock.advance(3_000);
  assert.equal((await getPod('second')).spec.nodeName, undefined);
  await cluster.client.delete(PodKind, { namespace: 'default', name: 'first' });
  await placed('second');
});

test('a repeated failure counts in one event', async () => {
  await cluster.addNode({ name: 'pi-1', cpu: '1' });
  await createPod('big', { requests: { cpu: '2' } });
  for (const label of ['a', 'b', 'c']) {
    await cluster.clock.advance(15_000);
    await cluster.client.patch(
      PodKind,
      { namespace: 'default', name: 'big' },
      { type: 'merge', body: { metadata: { labels: { label } } } },
    );
  }
  await cluster.until('the count', async () => {
    const events = await eventsOf('big');
    return events.length === 1 && events[0]?.count === 4;
  });
});

test('a pod with gates waits for them, a pod of another scheduler for that', async () => {
  await cluster.addNode({ name: 'pi-1' });
  await createPod('gated', { schedulingGates: [{ name: 'example.com/wait' }] });
  await createPod('foreign', { schedulerName: 'another' });
  await cluster.clock.advance(5_000);
  assert.deepEqual(
    [(await getPod('gated')).spec.nodeName, (await getPod('foreign')).spec.nodeName],
    [undefined, undefined],
  );
  await cluster.client.patch(
    PodKind,
    { namespace: 'default', name: 'gated' },
    { type: 'merge', body: { spec: { schedulingGates: null } } },
  );
  await placed('gated');
});

test('the cooler board gets the pod, and a board in distress none', async () => {
  for (const name of ['cool', 'hot', 'dim']) await cluster.addNode({ name });
  for (const [name, reading] of Object.entries({
    cool: { temperatureCelsius: 45 },
    hot: { temperatureCelsius: 75 },
    dim: { temperatureCelsius: 40, underVoltage: true },
  })) {
    const { metadata: _, ...sensors } = makeSensors(name, { throttleCelsius: 80, ...reading });
    await cluster.client.create(NodeSensorsKind, { ...sensors, metadata: { name } });
  }
  await cluster.clock.advance(500);
  await createPod('first');
  assert.equal((await placed('first')).spec.nodeName, 'cool');
});

test('a burst is spread, fills every board to its limit and never beyond', async () => {
  const names = Array.from({ length: 5 }, (_, index) => `pi-${index}`);
  for (const name of names) await cluster.addNode({ name, cpu: '4' });
  await Promise.all(Array.from({ length: 45 }, (_, index) => createPod(`p${index}`, { requests: { cpu: '500m' } })));
  await cluster.until(
    'forty placed',
    async () => (await cluster.pods()).filter((pod) => pod.spec.nodeName).length === 40,
  );
  await cluster.clock.advance(5_000);
  const counts = new Map<string, number>();
  for (const { spec } of await cluster.pods())
    counts.set(spec.nodeName ?? 'none', (counts.get(spec.nodeName ?? 'none') ?? 0) + 1);
  assert.deepEqual([...counts].sort(), [['none', 5], ...names.map((name) => [name, 8])]);
});

test('of several that wait the most important comes first', async () => {
  await createPod('low', { requests: { cpu: '2' } });
  await createPod('high', { requests: { cpu: '2' }, priorityClassName: 'system-node-critical' });
  await cluster.clock.advance(20_000);
  await cluster.addNode({ name: 'pi-1', cpu: '2' });
  await placed('high');
  assert.equal((await getPod('low')).spec.nodeName, undefined);
});

test('a pod that is deleted while it waits is forgotten', async () => {
  await createPod('gone');
  await cluster.clock.advance(1_000);
  await cluster.client.delete(PodKind, { namespace: 'default', name: 'gone' });
  await cluster.addNode({ name: 'pi-1' });
  await cluster.client.get(NodeKind, { name: 'pi-1' });
  await createPod('next');
  await placed('next');
  assert.equal(await cluster.exists(PodKind, 'gone'), false);
});

test('a bind that fails is undone, told and tried again', async () => {
  await cluster.stop();
  let failures = 2;
  cluster = await startLiveCluster({
    disturb: {
      scheduler: (client) => ({
        ...client,
        post(kind, key, subresource, body) {
          failures -= 1;
          if (failures >= 0) return Promise.reject(new StatusError('ServiceUnavailable', 'not now'));
          return client.post(kind, key, subresource, body);
        },
      }),
    },
  });
  await cluster.addNode({ name: 'pi-1', cpu: '1' });
  await createPod('only', { requests: { cpu: '1' } });
  await placed('only');
  await cluster.clock.advance(1_000);
  const told = (await eventsOf('only')).map(({ reason, count }) => `${reason} ${count}`);
  assert.deepEqual(told.sort(), ['FailedScheduling 2', 'Scheduled 1']);
});
