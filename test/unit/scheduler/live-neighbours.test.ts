/** The scheduler at work on the real API server: neighbours, preemption, volumes, heat, settings, and answers to why. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { parseConfiguration } from '../../../master/scheduler/configuration/parse-configuration.ts';
import { profileOf } from '../../../master/scheduler/configuration/profile-of.ts';
import { EventKind } from '../../../shared/api/event.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { type NodeSensors, NodeSensorsKind } from '../../../shared/api/node-sensors.ts';
import { PersistentVolumeClaimKind } from '../../../shared/api/persistent-volume-claim.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { PriorityClassKind } from '../../../shared/api/priority-class.ts';
import { StorageClassKind } from '../../../shared/api/storage-class.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { HARD_LIMIT_KEY } from '../../../shared/machinery/heat-limits.ts';
import { type LiveCluster, startLiveCluster } from '../controllers/live-cluster.ts';
import { makePod, makeSensors, type PodOptions } from './cluster.ts';

let cluster: LiveCluster;

beforeEach(async () => {
  cluster = await startLiveCluster();
});

afterEach(() => cluster.stop());

async function createPod(name: string, options: PodOptions = {}): Promise<void> {
  const { spec, metadata } = makePod({ name, ...options });
  const { labels = {} } = metadata;
  await cluster.client.create(PodKind, { metadata: { namespace: 'default', name, labels }, spec });
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

async function unplaced(name: string): Promise<void> {
  await cluster.until(`${name} to be told`, async () =>
    getCondition((await getPod(name)).status.conditions, 'PodScheduled'),
  );
  await cluster.clock.advance(20_000);
  assert.equal((await getPod(name)).spec.nodeName, undefined);
}

async function setSensors(name: string, reading: Partial<NodeSensors>): Promise<void> {
  const { metadata: _, ...sensors } = makeSensors(name, reading);
  const { items } = await cluster.client.list(NodeSensorsKind);
  if (items.some(({ metadata }) => metadata.name === name)) {
    await cluster.client.patch(NodeSensorsKind, { name }, { type: 'merge', body: JSON.parse(JSON.stringify(sensors)) });
  } else await cluster.client.create(NodeSensorsKind, { ...sensors, metadata: { name } });
}

const CRITICAL: PodOptions = { priorityClassName: 'system-node-critical' };

const nearWeb: PodOptions = {
  affinity: {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'host', labelSelector: { matchLabels: { app: 'web' } } },
      ],
    },
  },
};

test('a pod that waits for a neighbour is woken when it comes', async () => {
  await cluster.addNode({ name: 'pi-1', labels: { host: 'pi-1' } });
  await cluster.addNode({ name: 'pi-2', labels: { host: 'pi-2' } });
  await createPod('sidekick', nearWeb);
  await unplaced('sidekick');
  await createPod('web', { labels: { app: 'web' } });
  const [web, sidekick] = [await placed('web'), await placed('sidekick')];
  assert.equal(sidekick.spec.nodeName, web.spec.nodeName);
});

test('a pod that waits for an even spread is woken when the full group loses a pod', async () => {
  const spread: PodOptions = {
    labels: { app: 'web' },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'host',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 'web' } },
      },
    ],
  };
  await cluster.addNode({ name: 'pi-1', labels: { host: 'pi-1' } });
  await cluster.addNode({ name: 'pi-2', labels: { host: 'pi-2' }, cpu: '0' });
  await createPod('one', { ...spread, requests: { cpu: '1' } });
  await placed('one');
  await createPod('two', { ...spread, requests: { cpu: '1' } });
  await unplaced('two');
  await cluster.client.delete(PodKind, { namespace: 'default', name: 'one' });
  assert.equal((await placed('two')).spec.nodeName, 'pi-1');
});

test('a more important pod drives the least important one away and gets its place', async () => {
  await cluster.addNode({ name: 'pi-1', cpu: '2' });
  await createPod('low', { requests: { cpu: '2' } });
  await placed('low');
  await createPod('high', { requests: { cpu: '2' }, ...CRITICAL });
  await cluster.until('the nomination', async () => (await getPod('high')).status.nominatedNodeName === 'pi-1');
  assert.equal((await placed('high')).spec.nodeName, 'pi-1');
  assert.equal(await cluster.exists(PodKind, 'low'), false);
  const { items } = await cluster.client.list(EventKind, { namespace: 'default' });
  const told = items.find(({ reason }) => reason === 'Preempted');
  assert.match(told?.message ?? '', /^Preempted by pod .+ on node pi-1$/);
});

test('room that is being made is not given to a less important pod', async () => {
  await cluster.addNode({ name: 'pi-1', cpu: '2' });
  await createPod('low', { requests: { cpu: '2' } });
  await placed('low');
  await createPod('other', { requests: { cpu: '2' } });
  await createPod('high', { requests: { cpu: '2' }, ...CRITICAL });
  assert.equal((await placed('high')).spec.nodeName, 'pi-1');
  assert.equal((await getPod('other')).spec.nodeName, undefined);
});

test('a pod that never preempts waits', async () => {
  await cluster.addNode({ name: 'pi-1', cpu: '2' });
  await createPod('low', { requests: { cpu: '2' } });
  await placed('low');
  const metadata = { name: 'patient' };
  await cluster.client.create(PriorityClassKind, { metadata, value: 1_000, preemptionPolicy: 'Never' });
  await createPod('patient', { requests: { cpu: '2' }, priorityClassName: 'patient' });
  await unplaced('patient');
  assert.equal(await cluster.exists(PodKind, 'low'), true);
});

test('a claim that waits for its pod gets a volume on the chosen board', async () => {
  await cluster.addNode({ name: 'pi-1', labels: { 'kubernetes.io/hostname': 'pi-1' } });
  const { items: classes } = await cluster.client.list(StorageClassKind);
  const local = classes.find(({ volumeBindingMode }) => volumeBindingMode === 'WaitForFirstConsumer');
  assert.ok(local, 'a storage class that waits');
  await cluster.client.create(PersistentVolumeClaimKind, {
    metadata: { namespace: 'default', name: 'data' },
    spec: {
      storageClassName: local.metadata.name,
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
    },
  });
  await createPod('db', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] });
  assert.equal((await placed('db')).spec.nodeName, 'pi-1');
  const claim = await cluster.client.get(PersistentVolumeClaimKind, { namespace: 'default', name: 'data' });
  assert.equal(claim.status.phase, 'Bound');
  assert.equal(claim.metadata.annotations?.['volume.kubernetes.io/selected-node'], 'pi-1');
});

test('a pod waits for its claim, and is placed when the claim is made', async () => {
  await cluster.addNode({ name: 'pi-1', labels: { 'kubernetes.io/hostname': 'pi-1' } });
  await createPod('db', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'late' } }] });
  await unplaced('db');
  const { items: classes } = await cluster.client.list(StorageClassKind);
  await cluster.client.create(PersistentVolumeClaimKind, {
    metadata: { namespace: 'default', name: 'late' },
    spec: {
      storageClassName: classes[0]?.metadata.name ?? '',
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
    },
  });
  await placed('db');
});

test('a board that is too hot takes nothing until it is cooler, or until its limit is raised', async () => {
  await cluster.addNode({ name: 'pi-1', taints: [] });
  await setSensors('pi-1', { temperatureCelsius: 79.5, throttleCelsius: 80 });
  await cluster.clock.advance(1_000);
  await createPod('web', { tolerations: [{ operator: 'Exists' }] });
  await unplaced('web');
  const condition = getCondition((await getPod('web')).status.conditions, 'PodScheduled');
  assert.equal(condition?.message, '0/1 nodes are available: 1 node(s) were too hot.');
  await setSensors('pi-1', { temperatureCelsius: 75, throttleCelsius: 80 });
  await placed('web');
  await setSensors('pi-1', { temperatureCelsius: 79.5, throttleCelsius: 80 });
  await cluster.clock.advance(1_000);
  await createPod('late', { tolerations: [{ operator: 'Exists' }] });
  await unplaced('late');
  const annotations = { [HARD_LIMIT_KEY]: '85' };
  await cluster.client.patch(NodeKind, { name: 'pi-1' }, { type: 'merge', body: { metadata: { annotations } } });
  await placed('late');
});

test('settings take effect with the next decision', async () => {
  const options = { taints: [{ key: 'slow', effect: 'PreferNoSchedule' as const }] };
  await cluster.addNode({ name: 'plain' });
  await cluster.addNode({ name: 'slow', ...options });
  await createPod('before');
  assert.equal((await placed('before')).spec.nodeName, 'plain');
  const text = 'apiVersion: bramble.dev/v1\nkind: SchedulerConfiguration\nscores: {TaintToleration: 0}';
  cluster.scheduler.setProfile(profileOf(parseConfiguration(text)));
  await createPod('after');
  assert.equal((await placed('after')).spec.nodeName, 'slow');
});

test('why a pod is where it is, and why one fits nowhere', async () => {
  for (const name of ['pi-1', 'pi-2']) await cluster.addNode({ name, cpu: name === 'pi-1' ? '1' : '4' });
  await createPod('web', { requests: { cpu: '2' } });
  await placed('web');
  const web = cluster.scheduler.explain('default/web');
  assert.deepEqual(
    [web?.outcome, web?.nodeName, web?.source, web?.message],
    ['Placed', 'pi-2', 'Recorded', 'pi-2 is the only one that could take it'],
  );
  assert.deepEqual(web?.nodes, [
    { name: 'pi-2', feasible: true, total: 0, scores: [] },
    { name: 'pi-1', feasible: false, plugin: 'NodeResourcesFit', reasons: ['Insufficient cpu'] },
  ]);
  await createPod('big', { requests: { cpu: '9' } });
  await unplaced('big');
  const big = cluster.scheduler.explain('default/big');
  assert.deepEqual([big?.outcome, big?.nodes.length], ['Unschedulable', 2]);
  assert.equal(cluster.scheduler.explain('default/none'), undefined);
});

test('a pod whose decision nobody remembers is decided on once more, on paper', async () => {
  await cluster.addNode({ name: 'pi-1' });
  await cluster.addNode({ name: 'pi-2' });
  await createPod('given', { nodeName: 'pi-1' });
  const given = await cluster.until('the scheduler to know it', async () => cluster.scheduler.explain('default/given'));
  assert.deepEqual([given.outcome, given.source, given.nodeName], ['Placed', 'Computed', 'pi-1']);
  const [first] = given.nodes;
  assert.deepEqual([given.nodes.length, first?.feasible, (first?.scores?.length ?? 0) > 0], [1, true, false]);
  assert.equal((await getPod('given')).spec.nodeName, 'pi-1');
});
