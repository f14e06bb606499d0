/** What nodes may do about images: ask for themselves, tell how it goes, and read the Secrets of what they were told to fetch. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { imagePullName, nodeOfImagePull } from '../../shared/machinery/image-pull-name.ts';
import { type ApiFixture, nodeUser, PODS, pod, startApi } from './api-fixture.ts';

const PULLS = '/apis/bramble.dev/v1/imagepulls';
const SECRETS = '/api/v1/namespaces/default/secrets';
const n1 = { user: nodeUser('n1') };
const n2 = { user: nodeUser('n2') };

let api: ApiFixture;
before(async () => {
  api = await startApi();
  for (const name of ['told', 'untold']) await api.post(SECRETS, { metadata: { name } });
});
after(() => api.stop());

function pull(node: string, image: string, spec: object = {}): object {
  return { metadata: { name: imagePullName(node, image, false) }, spec: { nodeName: node, image, ...spec } };
}

test('the name of a pull says whose it is', () => {
  assert.equal(nodeOfImagePull(imagePullName('a.b-1', 'nginx', true)), 'a.b-1');
  assert.equal(imagePullName('n', 'nginx', false), imagePullName('n', 'docker.io/library/nginx:latest', false));
  assert.notEqual(imagePullName('n', 'nginx', false), imagePullName('n', 'nginx', true));
  assert.equal(nodeOfImagePull('n1'), undefined);
});

test('a node asks for itself only', async () => {
  const { code, body } = await api.post(PULLS, pull('n1', 'nginx'), n1);
  assert.deepEqual([code, body.spec], [201, { nodeName: 'n1', image: 'nginx', purpose: 'Pod' }]);
  assert.equal((await api.post(PULLS, pull('n2', 'nginx'), n1)).code, 403);
  const disguised = { metadata: { name: imagePullName('n1', 'x', false) }, spec: { nodeName: 'n2', image: 'x' } };
  assert.equal((await api.post(PULLS, disguised, n1)).code, 403);
  assert.equal((await api.get(`${PULLS}?fieldSelector=spec.nodeName%3Dn1`, n1)).body.items.length, 1);
  assert.equal((await api.get(PULLS, n1)).code, 403);
  assert.equal((await api.get(`${PULLS}?fieldSelector=spec.nodeName%3Dn1`, n2)).code, 403);
  assert.equal((await api.get(`${PULLS}/${imagePullName('n1', 'nginx', false)}`, n2)).code, 403);
});

test('a node tells how it goes, and changes nothing else', async () => {
  const path = `${PULLS}/${imagePullName('n1', 'nginx', false)}`;
  const told = await api.patch(`${path}/status`, 'merge', { status: { phase: 'Pulling', attempt: 1 } }, n1);
  assert.deepEqual([told.code, told.body.status], [200, { phase: 'Pulling', attempt: 1 }]);
  assert.equal((await api.patch(path, 'merge', { spec: { image: 'other' } }, n1)).code, 403);
  assert.equal((await api.delete(path, undefined, n1)).code, 403);
  assert.equal((await api.patch(`${path}/status`, 'merge', { status: { phase: 'Failed' } }, n2)).code, 403);
});

test('Secrets are read for what the master told to fetch, not for what a node asks', async () => {
  const pullSecrets = [{ namespace: 'default', name: 'told' }];
  assert.equal((await api.post(PULLS, pull('n1', 'mine', { pullSecrets }), n1)).code, 403);
  assert.equal((await api.post(PULLS, pull('n1', 'mine', { purpose: 'Prepull' }), n1)).code, 403);
  assert.equal((await api.get(`${SECRETS}/told`, n1)).code, 403);
  await api.post(PULLS, pull('n1', 'ahead', { purpose: 'Prepull', pullSecrets }));
  assert.equal((await api.get(`${SECRETS}/told`, n1)).code, 200);
  assert.equal((await api.get(`${SECRETS}/untold`, n1)).code, 403);
  assert.equal((await api.get(`${SECRETS}/told`, n2)).code, 403);
});

test('a pod without pull secrets gets those of its service account', async () => {
  const accounts = '/api/v1/namespaces/default/serviceaccounts';
  const metadata = { name: 'puller' };
  await api.post(accounts, { metadata, imagePullSecrets: [{ name: 'a' }, { name: 'b' }] });
  const from = async (name: string, spec: Record<string, unknown>) =>
    (await api.post(PODS, pod(name, spec))).body.spec.imagePullSecrets;
  assert.deepEqual(await from('with-account', { serviceAccountName: 'puller' }), [{ name: 'a' }, { name: 'b' }]);
  const own = { serviceAccountName: 'puller', imagePullSecrets: [{ name: 'own' }] };
  assert.deepEqual(await from('with-own', own), [{ name: 'own' }]);
  assert.equal(await from('without', {}), undefined);
});
