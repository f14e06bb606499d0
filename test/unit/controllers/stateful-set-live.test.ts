/** StatefulSets at work on the real API server: order, names, claims, roll-outs and undo. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { type ControllerRevision, ControllerRevisionKind } from '../../../shared/api/controller-revision.ts';
import { PersistentVolumeClaimKind } from '../../../shared/api/persistent-volume-claim.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { type StatefulSet, StatefulSetKind } from '../../../shared/api/stateful-set.ts';
import type { JsonValue } from '../../../shared/protocol/exchange.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';

const KEY = { namespace: 'default', name: 'db' };

type Spec = NonNullable<Draft<StatefulSet>['spec']>;

let cluster: LiveCluster;

beforeEach(async () => {
  cluster = await startLiveCluster();
  for (const name of ['pi-1', 'pi-2', 'pi-3']) await cluster.addNode({ name });
});

afterEach(() => cluster.stop());

const labels = { app: 'db' };

function create(spec: Spec = {}): Promise<StatefulSet> {
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'db:1' }] } };
  const draft = { replicas: 3, serviceName: 'db', selector: { matchLabels: labels }, template, ...spec };
  return cluster.client.create(StatefulSetKind, { metadata: KEY, spec: draft });
}

function get(): Promise<StatefulSet> {
  return cluster.client.get(StatefulSetKind, KEY);
}

function patch(body: Record<string, JsonValue>): Promise<StatefulSet> {
  return cluster.client.patch(StatefulSetKind, KEY, { type: 'strategic', body });
}

function setImage(image: string): Promise<StatefulSet> {
  return patch({ spec: { template: { spec: { containers: [{ name: 'main', image }] } } } });
}

async function names(): Promise<string[]> {
  return (await cluster.pods()).map(({ metadata }) => metadata.name).sort();
}

function ready(count: number): Promise<StatefulSet> {
  return cluster.until(`${count} ready pods`, async () => {
    const set = await get();
    return set.status.readyReplicas === count && set.status.replicas === count && set;
  });
}

/** All pods run the present template. */
function complete(): Promise<StatefulSet> {
  return cluster.until('the roll-out', async () => {
    const set = await get();
    const { status, spec, metadata } = set;
    const isObserved = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
    const isUpdated = status.updatedReplicas === spec.replicas && status.currentRevision === status.updateRevision;
    return isObserved && isUpdated && status.readyReplicas === spec.replicas && set;
  });
}

interface Change {
  type: string;
  pod: Pod;
}

async function record(): Promise<Change[]> {
  const changes: Change[] = [];
  const abort = new AbortController();
  void (async () => {
    for await (const event of cluster.client.watch(PodKind, { signal: abort.signal })) {
      if (event.type !== 'BOOKMARK') changes.push({ type: event.type, pod: event.object });
    }
  })().catch(() => undefined);
  await cluster.clock.settle();
  return changes;
}

function order(changes: readonly Change[], type: string): string[] {
  return changes.filter((change) => change.type === type).map(({ pod }) => pod.metadata.name);
}

test('pods come one after the other, with names and labels of their own, and go in the opposite order', async () => {
  const changes = await record();
  await create();
  const { status } = await ready(3);
  assert.deepEqual(order(changes, 'ADDED'), ['db-0', 'db-1', 'db-2']);
  assert.deepEqual(
    [status.currentReplicas, status.updatedReplicas, status.availableReplicas, status.currentRevision],
    [3, 3, 3, status.updateRevision],
  );
  const pod = await cluster.client.get(PodKind, { namespace: 'default', name: 'db-1' });
  assert.deepEqual([pod.spec.hostname, pod.spec.subdomain], ['db-1', 'db']);
  assert.deepEqual(pod.metadata.labels, {
    app: 'db',
    'statefulset.kubernetes.io/pod-name': 'db-1',
    'apps.kubernetes.io/pod-index': '1',
    'controller-revision-hash': status.updateRevision,
  });
  // A pod is made when the one before it is ready.
  const second = changes.findIndex(({ type, pod: { metadata } }) => type === 'ADDED' && metadata.name === 'db-1');
  const isReady = ({ status: { conditions = [] } }: Pod) =>
    conditions.some(({ type, status: state }) => type === 'Ready' && state === 'True');
  assert.ok(changes.slice(0, second).some(({ pod: one }) => one.metadata.name === 'db-0' && isReady(one)));
  await patch({ spec: { replicas: 0 } });
  await cluster.until('no pods', async () => (await names()).length === 0);
  assert.deepEqual(order(changes, 'DELETED'), ['db-2', 'db-1', 'db-0']);
});

test('Parallel does not wait; ordinals may start elsewhere', async () => {
  await create({ podManagementPolicy: 'Parallel', ordinals: { start: 5 }, replicas: 3 });
  await cluster.clock.advance(10);
  assert.deepEqual(await names(), ['db-5', 'db-6', 'db-7']);
  await ready(3);
  await patch({ spec: { ordinals: { start: 6 } } });
  await cluster.until('the range to move', async () => (await names()).join() === 'db-6,db-7,db-8');
});

test('a roll-out goes from the highest ordinal down; its history can be undone as kubectl does it', async () => {
  await create();
  const before = await complete();
  const changes = await record();
  await setImage('db:2');
  const after = await complete();
  assert.deepEqual(order(changes, 'DELETED'), ['db-2', 'db-1', 'db-0']);
  assert.notEqual(after.status.updateRevision, before.status.updateRevision);
  const revisions = (await cluster.client.list(ControllerRevisionKind)).items;
  assert.deepEqual(revisions.map(({ revision }) => revision).sort(), [1, 2]);
  const first = revisions.find(({ revision }) => revision === 1);
  await patch(dataOf(first));
  const undone = await complete();
  assert.equal(undone.spec.template.spec.containers[0]?.image, 'db:1');
  assert.equal(undone.status.updateRevision, before.status.updateRevision);
  const numbers = (await cluster.client.list(ControllerRevisionKind)).items.map(({ revision }) => revision);
  assert.deepEqual(numbers.sort(), [2, 3]);
  assert.ok((await cluster.pods()).every(({ spec }) => spec.containers[0]?.image === 'db:1'));
});

function dataOf(revision: ControllerRevision | undefined): Record<string, JsonValue> {
  return JSON.parse(JSON.stringify(revision?.data));
}

test('below the partition the old revision stays, also for a pod that is made anew', async () => {
  await create();
  await complete();
  await patch({ spec: { updateStrategy: { rollingUpdate: { partition: 2 } } } });
  await setImage('db:2');
  await cluster.until('one new pod', async () => (await get()).status.updatedReplicas === 1);
  await ready(3);
  await cluster.client.delete(PodKind, { namespace: 'default', name: 'db-0' });
  await cluster.clock.advance(5_000);
  await ready(3);
  const images = (await cluster.pods()).map(({ metadata, spec }) => `${metadata.name} ${spec.containers[0]?.image}`);
  assert.deepEqual(images.sort(), ['db-0 db:1', 'db-1 db:1', 'db-2 db:2']);
  await patch({ spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
  await complete();
});

test('OnDelete waits for somebody to delete a pod', async () => {
  await create({ updateStrategy: { type: 'OnDelete' } });
  await ready(3);
  await setImage('db:2');
  await cluster.clock.advance(10_000);
  assert.equal((await get()).status.updatedReplicas, 0);
  await cluster.client.delete(PodKind, { namespace: 'default', name: 'db-1' });
  await cluster.until('a new pod', async () => (await get()).status.updatedReplicas === 1);
});

test('a name is used again only when the pod that had it is gone, however long that takes', async () => {
  await create();
  await ready(3);
  const pod = await cluster.client.get(PodKind, { namespace: 'default', name: 'db-2' });
  await cluster.setLink(pod.spec.nodeName ?? '', 'down');
  await cluster.until('the eviction', async () => {
    const { metadata } = await cluster.client.get(PodKind, { namespace: 'default', name: 'db-2' });
    return metadata.deletionTimestamp !== undefined;
  });
  await cluster.clock.advance(20_000);
  const waiting = await cluster.client.get(PodKind, { namespace: 'default', name: 'db-2' });
  assert.equal(waiting.metadata.uid, pod.metadata.uid);
  await cluster.setLink(pod.spec.nodeName ?? '', 'up');
  const isNew = async () => {
    const present = (await cluster.pods()).find(({ metadata }) => metadata.name === 'db-2');
    return present !== undefined && present.metadata.uid !== pod.metadata.uid;
  };
  await cluster.until('a new pod', isNew);
  await ready(3);
});

test('each pod gets claims, which stay when it goes', async () => {
  const volumeClaimTemplates = [
    {
      metadata: { name: 'data', labels: { tier: 'disk' } },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'none' },
    },
  ];
  await create({ replicas: 1, volumeClaimTemplates });
  await cluster.until('a pod', async () => (await names()).length === 1);
  const claim = await cluster.client.get(PersistentVolumeClaimKind, { namespace: 'default', name: 'data-db-0' });
  assert.deepEqual(claim.metadata.labels, { tier: 'disk', app: 'db' });
  assert.equal(claim.metadata.ownerReferences, undefined);
  const [pod] = await cluster.pods();
  assert.deepEqual(pod?.spec.volumes?.[0], { name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } });
  await patch({ spec: { replicas: 0 } });
  await cluster.until('no pods', async () => (await names()).length === 0);
  assert.ok(await cluster.exists(PersistentVolumeClaimKind, 'data-db-0'));
});

test('claims go with their pod or with the set where that is wanted', async () => {
  const volumeClaimTemplates = [
    {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'none' },
    },
  ];
  await create({
    replicas: 2,
    podManagementPolicy: 'Parallel',
    volumeClaimTemplates,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
  });
  await cluster.until('two pods', async () => (await names()).length === 2);
  await patch({ spec: { replicas: 1 } });
  await cluster.until('one claim', async () => !(await cluster.exists(PersistentVolumeClaimKind, 'data-db-1')));
  assert.ok(await cluster.exists(PersistentVolumeClaimKind, 'data-db-0'));
  await cluster.client.delete(StatefulSetKind, KEY, { propagationPolicy: 'Background' });
  await cluster.until('no claim', async () => !(await cluster.exists(PersistentVolumeClaimKind, 'data-db-0')));
});

test('scaling goes through the scale subresource; a set that is deleted takes its pods and revisions along', async () => {
  await create({ replicas: 1 });
  await ready(1);
  await cluster.client.patch(StatefulSetKind, KEY, {
    type: 'merge',
    subresource: 'scale',
    body: { spec: { replicas: 2 } },
  });
  await ready(2);
  await cluster.client.delete(StatefulSetKind, KEY, { propagationPolicy: 'Foreground' });
  await cluster.until('nothing', async () => {
    const revisions = (await cluster.client.list(ControllerRevisionKind)).items;
    return (await names()).length === 0 && revisions.length === 0 && !(await cluster.exists(StatefulSetKind, 'db'));
  });
});

test('orphaned pods are taken over by a set of the same name', async () => {
  await create({ replicas: 2 });
  const { status } = await complete();
  const before = (await cluster.pods()).map(({ metadata }) => metadata.uid).sort();
  await cluster.client.delete(StatefulSetKind, KEY, { propagationPolicy: 'Orphan' });
  await cluster.until('the set to go', async () => !(await cluster.exists(StatefulSetKind, 'db')));
  await create({ replicas: 2 });
  const again = await complete();
  assert.equal(again.status.updateRevision, status.updateRevision);
  assert.deepEqual((await cluster.pods()).map(({ metadata }) => metadata.uid).sort(), before);
});
