/** Directories as volumes, on the agent's side: announced, made when mounted, removed when marked, and nothing else removed. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { resolveClaim } from '../../../../node-agent/kubelet/volumes/claims.ts';
import { LocalPathVolumes } from '../../../../node-agent/kubelet/volumes/local-path-volumes.ts';
import {
  LOCAL_PATH_FINALIZER,
  LOCAL_PATH_PROVISIONER,
  PROVISIONED_BY_ANNOTATION,
  REMOVE_VOLUME_LABEL,
  VOLUMES_DIRECTORY_ANNOTATION,
} from '../../../../shared/api/local-path-names.ts';
import { NodeKind } from '../../../../shared/api/node.ts';
import { type PersistentVolume, PersistentVolumeKind } from '../../../../shared/api/persistent-volume.ts';
import { PersistentVolumeClaimKind } from '../../../../shared/api/persistent-volume-claim.ts';
import type { Client } from '../../../../shared/client/client.ts';
import { createClient } from '../../../../shared/client/create-client.ts';
import { isStatusError } from '../../../../shared/machinery/errors.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { seededRandom } from '../../../../shared/platform/random.ts';
import { type ApiFixture, admin, nodeUser, startApi } from '../../../conformance/api-fixture.ts';
import { createMemoryHostFiles, type MemoryHostFiles } from '../../../support/memory-host-files.ts';
import { stored } from '../../api/support.ts';
import { makePod } from '../../scheduler/cluster.ts';

let api: ApiFixture;
let client: Client;
let files: MemoryHostFiles;
let volumes: LocalPathVolumes;

beforeEach(async () => {
  api = await startApi();
  client = createClient((request) => api.server.handle(request, admin));
  files = createMemoryHostFiles();
  volumes = new LocalPathVolumes({
    node: 'pi-1',
    client: createClient((request) => api.server.handle(request, nodeUser('pi-1'))),
    files,
    paths: { root: '/data/pods' },
    clock: api.clock,
    random: seededRandom(1),
    logger: silentLogger,
  });
  await client.create(NodeKind, { metadata: { name: 'pi-1' } });
  await volumes.start();
});

afterEach(async () => {
  await volumes.stop();
  await api.stop();
});

async function createVolume(name: string, path: string, node = 'pi-1'): Promise<void> {
  const requirement = { key: 'kubernetes.io/hostname', operator: 'In' as const, values: [node] };
  await client.create(PersistentVolumeKind, {
    metadata: {
      name,
      labels: { [REMOVE_VOLUME_LABEL]: node },
      annotations: { [PROVISIONED_BY_ANNOTATION]: LOCAL_PATH_PROVISIONER },
      finalizers: [LOCAL_PATH_FINALIZER],
    },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      local: { path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } },
    },
  });
  await client.patch(
    PersistentVolumeKind,
    { name },
    {
      type: 'merge',
      body: { metadata: { finalizers: [LOCAL_PATH_FINALIZER] } },
    },
  );
}

async function settle(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await api.clock.advance(100);
}

async function isThere(name: string): Promise<PersistentVolume | undefined> {
  try {
    return await client.get(PersistentVolumeKind, { name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

test('the master learns where volumes lie, once', async () => {
  volumes.setAnnotations({});
  await settle();
  const { metadata } = await client.get(NodeKind, { name: 'pi-1' });
  assert.equal(metadata.annotations?.[VOLUMES_DIRECTORY_ANNOTATION], '/data/volumes');
  volumes.setAnnotations(metadata.annotations ?? {});
  await settle();
  assert.equal((await client.get(NodeKind, { name: 'pi-1' })).metadata.resourceVersion, metadata.resourceVersion);
});

test('a marked volume that is deleted goes with its directory', async () => {
  files.write('/data/volumes/pvc-1/db', 'rows');
  await createVolume('pvc-1', '/data/volumes/pvc-1');
  await settle();
  assert.ok(files.paths().includes('/data/volumes/pvc-1/db'));
  await client.delete(PersistentVolumeKind, { name: 'pvc-1' });
  await settle();
  assert.deepEqual(files.paths(), []);
  assert.equal(await isThere('pvc-1'), undefined);
});

test('a directory that is not a volume of ours stays, whatever a volume says', async () => {
  for (const path of ['/data/pods', '/home/pi', '/data/volumes/other']) {
    files.write(`${path}/file`, 'precious');
    await createVolume('pvc-2', path);
    await client.delete(PersistentVolumeKind, { name: 'pvc-2' });
    await settle();
    assert.equal(await isThere('pvc-2'), undefined);
    assert.ok(files.paths().includes(`${path}/file`), path);
  }
});

test('volumes of other boards are none of this one', async () => {
  files.write('/data/volumes/pvc-3/db', 'rows');
  await createVolume('pvc-3', '/data/volumes/pvc-3', 'pi-2');
  await client.delete(PersistentVolumeKind, { name: 'pvc-3' });
  await settle();
  assert.deepEqual((await isThere('pvc-3'))?.metadata.finalizers, [LOCAL_PATH_FINALIZER]);
});

test('a directory that cannot be removed keeps its volume, and is tried again', async () => {
  files.write('/data/volumes/pvc-4/db', 'rows');
  await createVolume('pvc-4', '/data/volumes/pvc-4');
  files.fail('input/output error');
  await client.delete(PersistentVolumeKind, { name: 'pvc-4' });
  await settle();
  assert.ok(await isThere('pvc-4'));
  files.fail(undefined);
  for (let round = 0; round < 10; round += 1) await settle();
  assert.equal(await isThere('pvc-4'), undefined);
});

test('a node may finish the removal of its marked volumes, and change nothing else of any', async () => {
  await createVolume('pvc-5', '/data/volumes/pvc-5', 'pi-9');
  const path = '/api/v1/persistentvolumes/pvc-5';
  const other = { user: nodeUser('pi-2') };
  const own = { user: nodeUser('pi-9') };
  assert.equal((await api.get(path, other)).code, 403);
  assert.equal((await api.get(path, own)).code, 200);
  assert.equal((await api.get('/api/v1/persistentvolumes', own)).code, 403);
  const selected = `/api/v1/persistentvolumes?labelSelector=${encodeURIComponent(`${REMOVE_VOLUME_LABEL}=pi-9`)}`;
  assert.equal((await api.get(selected, own)).body.items.length, 1);
  assert.equal((await api.get(selected, other)).code, 403);
  const grab = { spec: { claimRef: { namespace: 'default', name: 'mine' } } };
  assert.equal((await api.patch(path, 'merge', grab, own)).code, 403);
  assert.equal((await api.patch(path, 'merge', { metadata: { finalizers: [] } }, other)).code, 403);
  assert.equal((await api.patch(path, 'merge', { metadata: { finalizers: [] } }, own)).code, 200);
});

test('a claim leads to the directory, which is made on this node', () => {
  const claim = stored(PersistentVolumeClaimKind, {
    metadata: { name: 'data', uid: 'uid of data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, volumeName: 'pvc-6' },
  });
  const requirement = { key: 'kubernetes.io/hostname', operator: 'In' as const, values: ['pi-1'] };
  const volume = stored(PersistentVolumeKind, {
    metadata: { name: 'pvc-6', annotations: { [PROVISIONED_BY_ANNOTATION]: LOCAL_PATH_PROVISIONER } },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      claimRef: { namespace: 'default', name: 'data', uid: 'uid of data' },
      local: { path: '/data/volumes/pvc-6' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } },
    },
  });
  const reader = {
    claim: () => ({ state: 'present' as const, object: claim }),
    persistentVolume: () => ({ state: 'present' as const, object: volume }),
  };
  const claimed = resolveClaim(reader, makePod(), { name: 'data', persistentVolumeClaim: { claimName: 'data' } });
  assert.deepEqual([claimed.hostPath.path, claimed.isMadeHere], ['/data/volumes/pvc-6', true]);
});
