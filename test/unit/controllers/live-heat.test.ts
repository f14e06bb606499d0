/** Heat protection at work, in virtual time: real API server, scheduler, controllers and budgets; readings as agents send them. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { EventKind } from '../../../shared/api/event.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { type NodeSensors, NodeSensorsKind } from '../../../shared/api/node-sensors.ts';
import { PodDisruptionBudgetKind } from '../../../shared/api/pod-disruption-budget.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';
import { makeDeployment } from './objects.ts';

let cluster: LiveCluster;

beforeEach(async () => {
  cluster = await startLiveCluster();
  for (const name of ['pi-1', 'pi-2']) await cluster.addNode({ name });
});

afterEach(() => cluster.stop());

/** A reading in which each pod of the board uses a whole CPU. */
async function report(name: string, temperatureCelsius: number): Promise<void> {
  const pods = (await cluster.pods()).filter(({ spec }) => spec.nodeName === name);
  const reading: Partial<NodeSensors> = {
    temperatureCelsius,
    throttleCelsius: 80,
    usage: { cpu: `${pods.length}`, memory: '1Gi' },
    pods: pods.map(({ metadata }) => ({
      ...{ namespace: 'default', name: metadata.name, uid: metadata.uid },
      containers: [{ name: 'main', usage: { cpu: '1', memory: '1Mi' } }],
    })),
  };
  try {
    await cluster.client.patch(NodeSensorsKind, { name }, { type: 'merge', body: { ...reading } });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
    await cluster.client.create(NodeSensorsKind, { ...reading, metadata: { name } });
  }
}

async function reportFor(seconds: number, celsius: Record<string, number>): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 5) {
    for (const [name, value] of Object.entries(celsius)) await report(name, value);
    await cluster.clock.advance(5_000);
  }
}

/** One pod a deployment, on pi-1: the other board is cordoned meanwhile. */
async function deployOnFirst(...names: string[]): Promise<void> {
  await cordon('pi-2', true);
  for (const name of names) {
    const { template, ...spec } = makeDeployment({ replicas: 1 }).spec;
    const labels = { app: name };
    const metadata = { namespace: 'default', name };
    const draft = {
      metadata,
      spec: { ...spec, selector: { matchLabels: labels }, template: { ...template, metadata: { labels } } },
    };
    await cluster.client.create(DeploymentKind, draft);
  }
  await cluster.until('them to run', async () => {
    const pods = await cluster.pods();
    return pods.length === names.length && pods.every(({ status }) => status.phase === 'Running');
  });
  await cordon('pi-2', false);
}

async function cordon(name: string, unschedulable: boolean): Promise<void> {
  await cluster.client.patch(NodeKind, { name }, { type: 'merge', body: { spec: { unschedulable } } });
}

async function isTainted(name: string): Promise<boolean> {
  const { spec } = await cluster.client.get(NodeKind, { name });
  return (spec.taints ?? []).some(({ key }) => key === 'bramble.dev/overheating');
}

async function countOn(name: string): Promise<number> {
  return (await cluster.pods()).filter(({ spec, metadata }) => spec.nodeName === name && !metadata.deletionTimestamp)
    .length;
}

test('a warm board takes no new pods; a cool one does again', async () => {
  await reportFor(10, { 'pi-1': 73, 'pi-2': 50 });
  await cluster.until('the taint', () => isTainted('pi-1'));
  await cluster.client.create(DeploymentKind, {
    metadata: { namespace: 'default', name: 'web' },
    spec: makeDeployment({ replicas: 4 }).spec,
  });
  await cluster.until('four on the other', async () => (await countOn('pi-2')) === 4);
  await reportFor(10, { 'pi-1': 68, 'pi-2': 50 });
  assert.ok(await isTainted('pi-1'));
  await reportFor(10, { 'pi-1': 60, 'pi-2': 50 });
  await cluster.until('no taint', async () => !(await isTainted('pi-1')));
});

test('limits of one board by annotation; a wrong one is told, a taint that somebody left behind goes', async () => {
  const limit = (text: string) => ({ metadata: { annotations: { 'bramble.dev/heat-soft-limit-celsius': text } } });
  await cluster.client.patch(NodeKind, { name: 'pi-1' }, { type: 'merge', body: limit('40') });
  await reportFor(10, { 'pi-1': 45, 'pi-2': 45 });
  await cluster.until('the taint', () => isTainted('pi-1'));
  assert.ok(!(await isTainted('pi-2')));
  await cluster.client.patch(NodeKind, { name: 'pi-1' }, { type: 'merge', body: limit('warm') });
  await cluster.until('the complaint', async () => {
    const { items } = await cluster.client.list(EventKind);
    return items.some(({ reason, message }) => reason === 'InvalidHeatLimits' && message?.includes("not 'warm'"));
  });
  await reportFor(10, { 'pi-1': 45, 'pi-2': 45 });
  await cluster.until('no taint', async () => !(await isTainted('pi-1')));
  const taints = [{ key: 'bramble.dev/overheating', effect: 'NoSchedule' as const }];
  await cluster.client.patch(NodeKind, { name: 'pi-2' }, { type: 'merge', body: { spec: { taints } } });
  await cluster.until('it to go', async () => !(await isTainted('pi-2')));
});

test('from a hot board pods move one by one, and each has its place before the next goes', async () => {
  await deployOnFirst('a', 'b', 'c');
  await reportFor(40, { 'pi-1': 81, 'pi-2': 40 });
  assert.deepEqual([await countOn('pi-1'), await countOn('pi-2')], [2, 1]);
  await reportFor(200, { 'pi-1': 81, 'pi-2': 40 });
  assert.deepEqual([await countOn('pi-1'), await countOn('pi-2')], [1, 2]);
  const events = (await cluster.client.list(EventKind)).items.map(({ reason }) => reason);
  for (const reason of ['AboveHardLimit', 'MovedPodForHeat', 'Overheating']) assert.ok(events.includes(reason), reason);
  await reportFor(60, { 'pi-1': 60, 'pi-2': 50 });
  assert.ok(!(await isTainted('pi-1')));
});

test('a budget that forbids it keeps the pod; another one goes instead', async () => {
  await deployOnFirst('a', 'b');
  await cluster.client.create(PodDisruptionBudgetKind, {
    metadata: { namespace: 'default', name: 'a' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'a' } } },
  });
  await reportFor(90, { 'pi-1': 81, 'pi-2': 40 });
  const moved = (await cluster.pods()).filter(({ spec }) => spec.nodeName === 'pi-2');
  assert.deepEqual(
    moved.map(({ metadata }) => metadata.labels?.['app']),
    ['b'],
  );
});

test('a warm board whose readings stop is free only when the silence has lasted', async () => {
  await reportFor(10, { 'pi-1': 75 });
  await cluster.until('the taint', () => isTainted('pi-1'));
  await cluster.clock.advance(150_000);
  assert.ok(await isTainted('pi-1'));
  await cluster.until('silence to count', async () => !(await isTainted('pi-1')), 240_000);
});
