/** Who may do what: administrators, nodes, boards that join, people without rights, and what the refusal says. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { anonymousUser, GROUP, type UserInfo } from '../../master/apiserver/user-info.ts';
import { type ApiFixture, configMap, nodeUser, PODS, pod, startApi } from './api-fixture.ts';

const SECRETS = '/api/v1/namespaces/default/secrets';
const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

let api: ApiFixture;
const known: UserInfo = { name: 'jane', uid: '', groups: [GROUP.authenticated], extra: {} };
const joining: UserInfo = {
  name: 'system:bootstrap:abcdef',
  uid: '',
  groups: [GROUP.bootstrappers, GROUP.authenticated],
  extra: {},
};
const n1 = nodeUser('n1');

before(async () => {
  api = await startApi();
  for (const name of ['s-volume', 's-env', 's-pull', 's-other']) await api.post(SECRETS, { metadata: { name } });
  for (const name of ['c-from', 'c-other']) await api.post('/api/v1/namespaces/default/configmaps', configMap(name));
  const spec = {
    containers: [
      {
        name: 'main',
        image: 'busybox',
        env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's-env', key: 'a' } } }],
        envFrom: [{ configMapRef: { name: 'c-from' } }],
      },
    ],
    volumes: [{ name: 'v', secret: { secretName: 's-volume' } }],
    imagePullSecrets: [{ name: 's-pull' }],
  };
  for (const [name, node] of [
    ['mine', 'n1'],
    ['theirs', 'n2'],
  ]) {
    await api.post(PODS, pod(name ?? '', name === 'mine' ? spec : {}));
    await api.post(`${PODS}/${name}/binding`, { metadata: { name }, target: { kind: 'Node', name: node } });
  }
});
after(() => api.stop());

async function codes(user: UserInfo, paths: readonly string[]): Promise<number[]> {
  return Promise.all(paths.map(async (path) => (await api.get(path, { user })).code));
}

test('without credentials only health and version can be seen', async () => {
  assert.deepEqual(await codes(anonymousUser, ['/healthz', '/livez', '/readyz', '/version']), [200, 200, 200, 200]);
  assert.deepEqual(await codes(anonymousUser, ['/api', '/metrics', '/api/v1/pods']), [403, 403, 403]);
  const { body } = await api.get('/api', { user: anonymousUser });
  assert.equal(body.message, 'forbidden: User "system:anonymous" cannot get path "/api"');
});

test('who is known may look around and ask about themselves', async () => {
  assert.deepEqual(
    await codes(known, ['/api', '/apis', '/apis/apps/v1', '/openapi/v3', '/version']),
    [200, 200, 200, 200, 200],
  );
  const review = await api.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { user: known });
  assert.deepEqual([review.code, review.body.status.userInfo.username], [201, 'jane']);
});

test('a refusal in upstream’s words', async () => {
  const list = await api.get(PODS, { user: known });
  assert.deepEqual(list.body, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
    reason: 'Forbidden',
    details: { kind: 'pods' },
    code: 403,
  });
  const one = await api.delete('/apis/apps/v1/namespaces/x/deployments/web', undefined, { user: known });
  assert.equal(
    one.body.message,
    'deployments.apps "web" is forbidden: User "jane" cannot delete resource "deployments" in API group "apps" in the namespace "x"',
  );
  const cluster = await api.get('/api/v1/nodes', { user: known });
  assert.match(cluster.body.message, /cannot list resource "nodes" in API group "" at the cluster scope$/);
  const sub = await api.get(`${PODS}/a/log`, { user: known });
  assert.match(sub.body.message, /cannot get resource "pods\/log" in API group ""/);
});

test('a node lists all pods, as policies are about them, and reads its own one by one', async () => {
  const own = 'fieldSelector=spec.nodeName%3Dn1';
  assert.deepEqual(
    await codes(n1, [
      `/api/v1/pods?${own}`,
      '/api/v1/pods',
      '/api/v1/pods?fieldSelector=spec.nodeName%3Dn2',
      `${PODS}/mine`,
      `${PODS}/theirs`,
    ]),
    [200, 200, 200, 200, 403],
  );
  const { body } = await api.get(`/api/v1/pods?${own}`, { user: n1 });
  assert.equal(body.items.length, 1);
});

test('a node reads what its pods refer to, and nothing else', async () => {
  const paths = ['s-volume', 's-env', 's-pull', 's-other'].map((name) => `${SECRETS}/${name}`);
  assert.deepEqual(await codes(n1, paths), [200, 200, 200, 403]);
  assert.deepEqual(await codes(nodeUser('n2'), paths), [403, 403, 403, 403]);
  const maps = ['c-from', 'c-other'].map((name) => `/api/v1/namespaces/default/configmaps/${name}`);
  assert.deepEqual(await codes(n1, maps), [200, 403]);
  assert.deepEqual(await codes(n1, [SECRETS, `${SECRETS}?fieldSelector=metadata.name%3Ds-env`]), [403, 200]);
});

test('a pod that has just been bound opens its secrets at once, and closes them when it is gone', async () => {
  const volumes = [{ name: 'v', secret: { secretName: 's-other' } }];
  await api.post(PODS, pod('late', { volumes }));
  await api.post(`${PODS}/late/binding`, { metadata: { name: 'late' }, target: { kind: 'Node', name: 'n1' } });
  await api.clock.settle();
  assert.equal((await api.get(`${SECRETS}/s-other`, { user: n1 })).code, 200);
  await api.delete(`${PODS}/late`, { gracePeriodSeconds: 0 });
  await api.clock.settle();
  assert.equal((await api.get(`${SECRETS}/s-other`, { user: n1 })).code, 403);
});

test('a node writes the status of its pods, deletes them, and nobody else’s', async () => {
  const status = { status: { phase: 'Running' } };
  assert.equal((await api.patch(`${PODS}/mine/status`, 'strategic', status, { user: n1 })).code, 200);
  assert.equal((await api.patch(`${PODS}/theirs/status`, 'strategic', status, { user: n1 })).code, 403);
  assert.equal(
    (await api.patch(`${PODS}/mine`, 'strategic', { metadata: { labels: { a: 'b' } } }, { user: n1 })).code,
    403,
  );
  assert.equal((await api.delete(`${PODS}/theirs`, undefined, { user: n1 })).code, 403);
  assert.equal((await api.post(PODS, pod('mirror'), { user: n1 })).code, 403);
});

test('a node keeps its lease, and only its own, and sees where other nodes are', async () => {
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  assert.equal((await api.post(leases, { metadata: { name: 'n1' } }, { user: n1 })).code, 201);
  assert.equal((await api.post(leases, { metadata: { name: 'n2' } }, { user: n1 })).code, 403);
  assert.equal((await api.patch(`${leases}/n1`, 'merge', { spec: { holderIdentity: 'n1' } }, { user: n1 })).code, 200);
  assert.deepEqual(
    await codes(n1, [`${leases}/n2`, '/api/v1/nodes/n1', '/api/v1/nodes/n2', '/api/v1/services']),
    [403, 404, 404, 200],
  );
});

test('a board that joins sees its own signing request only', async () => {
  const spec = {
    request: Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n').toString(
      'base64',
    ),
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: ['client auth'],
  };
  assert.equal((await api.post(CSRS, { metadata: { name: 'own' }, spec }, { user: joining })).code, 201);
  assert.equal((await api.post(CSRS, { metadata: { name: 'other' }, spec })).code, 201);
  assert.deepEqual(
    await codes(joining, [
      `${CSRS}/own`,
      `${CSRS}/other`,
      CSRS,
      `${CSRS}?fieldSelector=metadata.name%3Down`,
      '/api/v1/nodes',
    ]),
    [200, 403, 403, 200, 403],
  );
  const approve = await api.put(`${CSRS}/own/approval`, {}, { user: joining });
  assert.equal(approve.code, 403);
});

test('every request is counted by what it was and how it ended', async () => {
  const count = (): number => api.server.metrics.total({ verb: 'list', resource: 'secrets', code: 403 });
  const before = count();
  await api.get(SECRETS, { user: known });
  assert.equal(count(), before + 1);
});
