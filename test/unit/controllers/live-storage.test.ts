/** Storage at work: claims, volumes and classes with the real API server and scheduler; the agents' part is played. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { EventKind } from '../../../shared/api/event.ts';
import { LOCAL_PATH_FINALIZER, REMOVE_VOLUME_LABEL } from '../../../shared/api/local-path-names.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { type PersistentVolume, PersistentVolumeKind } from '../../../shared/api/persistent-volume.ts';
import { type PersistentVolumeClaim, PersistentVolumeClaimKind } from '../../../shared/api/persistent-volume-claim.ts';
import type { PersistentVolumeSpec } from '../../../shared/api/persistent-volume-spec.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { StorageClassKind } from '../../../shared/api/storage-class.ts';
import type { Volume } from '../../../shared/api/volume.ts';
import type { PersistentVolumeClaimSpec } from '../../../shared/api/volume-storage.ts';
import { defined } from '../../../shared/platform/assert.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';

let cluster: LiveCluster;

beforeEach(async () => {
  cluster = await startLiveCluster();
  for (const name of ['pi-1', 'pi-2']) await cluster.addNode({ name });
});

afterEach(() => cluster.stop());

const key = (name: string) => ({ namespace: 'default', name });

async function createClaim(name: string, spec: Partial<PersistentVolumeClaimSpec> = {}): Promise<void> {
  await cluster.client.create(PersistentVolumeClaimKind, {
    metadata: key(name),
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  });
}

async function createVolume(name: string, spec: Partial<PersistentVolumeSpec> = {}): Promise<void> {
  await cluster.client.create(PersistentVolumeKind, {
    metadata: { name },
    spec: { capacity: { storage: '5Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/srv' }, ...spec },
  });
}

async function createPod(name: string, volume: Omit<Volume, 'name'>): Promise<void> {
  await cluster.client.create(PodKind, {
    metadata: key(name),
    spec: { containers: [{ name: 'main', image: 'busybox' }], volumes: [{ name: 'data', ...volume }] },
  });
}

function claimWith(name: string, test: (claim: PersistentVolumeClaim) => boolean): Promise<PersistentVolumeClaim> {
  return cluster.until(`claim ${name}`, async () => {
    const { items } = await cluster.client.list(PersistentVolumeClaimKind);
    return items.find((claim) => claim.metadata.name === name && test(claim));
  });
}

function volumeWith(name: string, test: (volume: PersistentVolume) => boolean): Promise<PersistentVolume> {
  return cluster.until(`volume ${name}`, async () => {
    const volume = await cluster.client.get(PersistentVolumeKind, { name });
    return test(volume) && volume;
  });
}

function runningPod(name: string): Promise<Pod> {
  return cluster.until(`pod ${name}`, async () => {
    const pod = await cluster.client.get(PodKind, key(name));
    return pod.status.phase === 'Running' && pod;
  });
}

const isBound = ({ status }: { status: { phase: string } }): boolean => status.phase === 'Bound';

async function reasonsOf(kind: string, name: string): Promise<string[]> {
  await cluster.clock.advance(1_000);
  const { items } = await cluster.client.list(EventKind);
  const about = items.filter(({ involvedObject }) => involvedObject.kind === kind && involvedObject.name === name);
  return about.map(({ reason }) => reason ?? '');
}

/** What the agent of a marked volume's node does. */
async function finishRemoval(volume: PersistentVolume): Promise<void> {
  const finalizers = (volume.metadata.finalizers ?? []).filter((one) => one !== LOCAL_PATH_FINALIZER);
  await cluster.client.update(PersistentVolumeKind, { ...volume, metadata: { ...volume.metadata, finalizers } });
}

test('a claim waits for its pod, gets a directory of the pod’s board, and gives it back', async () => {
  await createClaim('data');
  assert.ok((await reasonsOf('PersistentVolumeClaim', 'data')).includes('WaitForFirstConsumer'));
  await createPod('db', { persistentVolumeClaim: { claimName: 'data' } });
  const claim = await claimWith('data', isBound);
  assert.equal(claim.spec.storageClassName, 'local-path');
  assert.deepEqual(claim.status.capacity, { storage: '1Gi' });
  const volume = await volumeWith(defined(claim.spec.volumeName, 'volume'), isBound);
  const pod = await runningPod('db');
  const [term] = volume.spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  assert.deepEqual(term?.matchExpressions?.[0]?.values, [pod.spec.nodeName]);
  assert.equal(volume.spec.local?.path, `/var/lib/bramble/volumes/${volume.metadata.name}`);

  // In use: the deletion waits for the pod.
  await cluster.client.delete(PersistentVolumeClaimKind, key('data'));
  await cluster.clock.advance(5_000);
  assert.ok((await cluster.client.get(PersistentVolumeClaimKind, key('data'))).metadata.deletionTimestamp);
  await cluster.client.delete(PodKind, key('db'), { gracePeriodSeconds: 0 });
  await cluster.until('the claim’s end', async () => !(await cluster.exists(PersistentVolumeClaimKind, 'data')));
  const marked = await volumeWith(volume.metadata.name, ({ metadata, status }) => {
    return metadata.labels?.[REMOVE_VOLUME_LABEL] === pod.spec.nodeName && status.phase === 'Released';
  });
  assert.ok(marked.metadata.deletionTimestamp);
  const settled = await volumeWith(volume.metadata.name, ({ metadata }) => metadata.finalizers?.length === 1);
  await finishRemoval(settled);
  await cluster.until(
    'the volume’s end',
    async () => !(await cluster.exists(PersistentVolumeKind, volume.metadata.name)),
  );
});

test('a board says where its volumes lie; the data of a board that is gone is gone', async () => {
  const annotations = { 'bramble.dev/volumes-directory': '/mnt/ssd/volumes' };
  for (const name of ['pi-1', 'pi-2']) {
    await cluster.client.patch(NodeKind, { name }, { type: 'merge', body: { metadata: { annotations } } });
  }
  await createClaim('data');
  await createPod('db', { persistentVolumeClaim: { claimName: 'data' } });
  const { spec } = await claimWith('data', isBound);
  const name = defined(spec.volumeName, 'volume');
  assert.equal((await volumeWith(name, isBound)).spec.local?.path, `/mnt/ssd/volumes/${name}`);
  const { nodeName = '' } = (await runningPod('db')).spec;
  await cluster.client.delete(PodKind, key('db'), { gracePeriodSeconds: 0 });
  await cluster.client.delete(NodeKind, { name: nodeName });
  await cluster.client.delete(PersistentVolumeClaimKind, key('data'));
  await cluster.until('the volume’s end', async () => !(await cluster.exists(PersistentVolumeKind, name)));
});

test('a volume whose data is kept is released, and a deleted one leaves its directory', async () => {
  await cluster.client.create(StorageClassKind, {
    metadata: { name: 'kept' },
    provisioner: 'bramble.dev/local-path',
    reclaimPolicy: 'Retain',
    volumeBindingMode: 'WaitForFirstConsumer',
  });
  await createClaim('data', { storageClassName: 'kept' });
  await createPod('db', { persistentVolumeClaim: { claimName: 'data' } });
  const name = defined((await claimWith('data', isBound)).spec.volumeName, 'volume');
  await cluster.client.delete(PodKind, key('db'), { gracePeriodSeconds: 0 });
  await cluster.client.delete(PersistentVolumeClaimKind, key('data'));
  const released = await volumeWith(name, ({ status }) => status.phase === 'Released');
  assert.equal(released.metadata.deletionTimestamp, undefined);
  await cluster.client.delete(PersistentVolumeKind, { name });
  await cluster.until('the volume’s end', async () => !(await cluster.exists(PersistentVolumeKind, name)));
});

test('volumes made by hand: the smallest that fits, one claim each', async () => {
  await createVolume('large', { capacity: { storage: '10Gi' } });
  await createVolume('small', { capacity: { storage: '2Gi' } });
  await createVolume('tiny', { capacity: { storage: '500Mi' } });
  for (const name of ['large', 'small', 'tiny']) await volumeWith(name, ({ status }) => status.phase === 'Available');
  await createClaim('a', { storageClassName: '' });
  assert.equal((await claimWith('a', isBound)).spec.volumeName, 'small');
  await createClaim('b', { storageClassName: '' });
  assert.equal((await claimWith('b', isBound)).spec.volumeName, 'large');
  await createClaim('c', { storageClassName: '' });
  assert.ok((await reasonsOf('PersistentVolumeClaim', 'c')).includes('FailedBinding'));
  await createVolume('late', { capacity: { storage: '1Gi' } });
  assert.equal((await claimWith('c', isBound)).spec.volumeName, 'late');
  await cluster.client.delete(PersistentVolumeClaimKind, key('a'));
  await volumeWith('small', ({ status }) => status.phase === 'Released');
});

test('many claims at once never share a volume', async () => {
  for (let index = 0; index < 12; index += 1) await createVolume(`v-${index}`);
  await Promise.all(Array.from({ length: 15 }, (_, index) => createClaim(`c-${index}`, { storageClassName: '' })));
  const bound = await cluster.until('twelve bound claims', async () => {
    const { items } = await cluster.client.list(PersistentVolumeClaimKind);
    const found = items.filter(isBound);
    return found.length === 12 && found;
  });
  assert.equal(new Set(bound.map(({ spec }) => spec.volumeName)).size, 12);
  await cluster.clock.advance(2_000);
  const { items } = await cluster.client.list(PersistentVolumeClaimKind);
  assert.equal(items.filter(isBound).length, 12);
});

test('labels, modes and names choose among volumes; a lost volume is told', async () => {
  await createVolume('ssd');
  await cluster.client.patch(
    PersistentVolumeKind,
    { name: 'ssd' },
    {
      type: 'merge',
      body: { metadata: { labels: { disk: 'ssd' } } },
    },
  );
  await createVolume('shared', { accessModes: ['ReadWriteMany'] });
  await createClaim('fast', { storageClassName: '', selector: { matchLabels: { disk: 'ssd' } } });
  assert.equal((await claimWith('fast', isBound)).spec.volumeName, 'ssd');
  await createClaim('wide', { storageClassName: '', accessModes: ['ReadWriteMany'] });
  assert.equal((await claimWith('wide', isBound)).spec.volumeName, 'shared');
  await createVolume('mine', { claimRef: { namespace: 'default', name: 'later' } });
  await createClaim('thief', { storageClassName: '' });
  await createClaim('later', { storageClassName: '' });
  assert.equal((await claimWith('later', isBound)).spec.volumeName, 'mine');
  await createClaim('huge', { storageClassName: '', volumeName: 'mine', resources: { requests: { storage: '9Gi' } } });
  assert.ok((await reasonsOf('PersistentVolumeClaim', 'huge')).includes('FailedBinding'));
  await cluster.client.patch(
    PersistentVolumeKind,
    { name: 'ssd' },
    {
      type: 'merge',
      body: { metadata: { finalizers: null } },
    },
  );
  await cluster.client.delete(PersistentVolumeKind, { name: 'ssd' });
  await claimWith('fast', ({ status }) => status.phase === 'Lost');
});

test('what a directory cannot be is told', async () => {
  await createClaim('wide', { accessModes: ['ReadWriteMany'] });
  await createPod('db', { persistentVolumeClaim: { claimName: 'wide' } });
  await cluster.until('the complaint', async () => {
    return (await reasonsOf('PersistentVolumeClaim', 'wide')).includes('ProvisioningFailed');
  });
});

test('an ephemeral volume is claimed for its pod and goes with it', async () => {
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const volumeClaimTemplate = {
    metadata: { labels: { app: 'db' } },
    spec: { ...spec, volumeMode: 'Filesystem' as const },
  };
  await createPod('db', { ephemeral: { volumeClaimTemplate } });
  const claim = await claimWith('db-data', isBound);
  assert.equal(claim.metadata.ownerReferences?.[0]?.name, 'db');
  assert.deepEqual(claim.metadata.labels, { app: 'db' });
  await cluster.client.delete(PodKind, key('db'), { gracePeriodSeconds: 0 });
  await cluster.until('the claim’s end', async () => !(await cluster.exists(PersistentVolumeClaimKind, 'db-data')));
});

test('a claim grows where its class lets it, and nowhere else', async () => {
  await createClaim('fixed');
  await createPod('one', { persistentVolumeClaim: { claimName: 'fixed' } });
  await claimWith('fixed', isBound);
  const grow = (name: string, storage: string) =>
    cluster.client.patch(PersistentVolumeClaimKind, key(name), {
      type: 'merge',
      body: { spec: { resources: { requests: { storage } } } },
    });
  await assert.rejects(grow('fixed', '2Gi'), /only dynamically provisioned pvc can be resized/);
  const classes = await cluster.client.list(StorageClassKind);
  const standard = defined(classes.items[0], 'the class that is there from the beginning');
  await cluster.client.create(StorageClassKind, {
    metadata: { name: 'growing' },
    provisioner: standard.provisioner,
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  });
  await createClaim('elastic', { storageClassName: 'growing' });
  await createPod('two', { persistentVolumeClaim: { claimName: 'elastic' } });
  const bound = await claimWith('elastic', isBound);
  await grow('elastic', '3Gi');
  await claimWith('elastic', ({ status }) => status.capacity?.['storage'] === '3Gi');
  await volumeWith(bound.spec.volumeName ?? '', ({ spec }) => spec.capacity?.['storage'] === '3Gi');
  assert.ok((await reasonsOf('PersistentVolumeClaim', 'elastic')).includes('VolumeResizeSuccessful'));
  await assert.rejects(grow('elastic', '1Gi'), /field can not be less than/);
});
