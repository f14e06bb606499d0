/** Resources that are computed: reviews and metrics. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GROUP, type UserInfo } from '../../master/apiserver/user-info.ts';
import { type Any, type ApiFixture, nodeUser, PODS, pod, startApi } from './api-fixture.ts';

const AUTHORIZATION = '/apis/authorization.k8s.io/v1';
const METRICS = '/apis/metrics.k8s.io/v1beta1';

let api: ApiFixture;
const jane: UserInfo = { name: 'jane', uid: 'u1', groups: [GROUP.authenticated], extra: { scope: ['x'] } };
before(async () => {
  api = await startApi({
    authenticateToken: async (token) => (token === 'good' ? { user: jane, audiences: [] } : undefined),
  });
});
after(() => api.stop());

test('may I: kubectl auth can-i', async () => {
  const ask = async (user: UserInfo | undefined, resourceAttributes: object): Promise<Any> => {
    const options = user === undefined ? {} : { user };
    return (await api.post(`${AUTHORIZATION}/selfsubjectaccessreviews`, { spec: { resourceAttributes } }, options))
      .body;
  };
  const attributes = { namespace: 'default', verb: 'list', resource: 'pods' };
  const admin = await ask(undefined, attributes);
  assert.deepEqual([admin.kind, admin.status], ['SelfSubjectAccessReview', { allowed: true }]);
  assert.deepEqual((await ask(jane, attributes)).status, { allowed: false });
  const node = await ask(nodeUser('n1'), { ...attributes, fieldSelector: { rawSelector: 'spec.nodeName=n1' } });
  assert.equal(node.status.allowed, true);
  const paths = { spec: { nonResourceAttributes: { path: '/metrics', verb: 'get' } } };
  assert.equal(
    (await api.post(`${AUTHORIZATION}/selfsubjectaccessreviews`, paths, { user: jane })).body.status.allowed,
    false,
  );
  assert.equal((await api.post(`${AUTHORIZATION}/selfsubjectaccessreviews`, { spec: {} })).code, 422);
});

test('the empty status of a Go client is no answer', async () => {
  const spec = { resourceAttributes: { verb: 'list', resource: 'pods' } };
  const body = { spec, status: {} };
  assert.equal((await api.post(`${AUTHORIZATION}/selfsubjectaccessreviews`, body)).body.status.allowed, true);
  assert.equal(
    (await api.post(`${AUTHORIZATION}/selfsubjectrulesreviews`, { spec: { namespace: 'x' }, status: {} })).code,
    201,
  );
});

test('may they: asked by those who may ask', async () => {
  const spec = { user: 'jane', groups: [GROUP.masters], resourceAttributes: { verb: 'delete', resource: 'nodes' } };
  const { code, body } = await api.post(`${AUTHORIZATION}/subjectaccessreviews`, { spec });
  assert.deepEqual([code, body.status], [201, { allowed: true }]);
  assert.equal((await api.post(`${AUTHORIZATION}/subjectaccessreviews`, { spec }, { user: jane })).code, 403);
  const local = await api.post(`${AUTHORIZATION}/namespaces/x/localsubjectaccessreviews`, { spec });
  assert.equal(local.code, 400);
});

test('what may I, who am I, whose is this token', async () => {
  const rules = await api.post(`${AUTHORIZATION}/selfsubjectrulesreviews`, { spec: { namespace: 'default' } });
  assert.deepEqual(rules.body.status.resourceRules[0], { verbs: ['*'], apiGroups: ['*'], resources: ['*'] });
  const self = await api.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { user: jane });
  assert.deepEqual(self.body.status.userInfo, {
    username: 'jane',
    uid: 'u1',
    groups: [GROUP.authenticated],
    extra: { scope: ['x'] },
  });
  const review = async (token: string): Promise<Any> =>
    (await api.post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token } })).body.status;
  assert.deepEqual((await review('good')).user.username, 'jane');
  assert.equal((await review('bad')).authenticated, false);
});

test('kubectl top: nodes and pods from the latest readings', async () => {
  await api.post('/api/v1/nodes', { metadata: { name: 'n1', labels: { zone: 'attic' } } });
  await api.post(PODS, pod('busy'));
  await api.patch(`${PODS}/busy`, 'merge', { metadata: { labels: { app: 'busy' } } });
  const usage = { cpu: '250m', memory: '64Mi' };
  await api.post('/apis/bramble.dev/v1/nodesensors', {
    metadata: { name: 'n1' },
    timestamp: '2026-01-01T00:00:00Z',
    usage: { cpu: '1500m', memory: '1Gi' },
    temperatureCelsius: 55.5,
    pods: [
      { namespace: 'default', name: 'busy', uid: 'u', containers: [{ name: 'main', usage }] },
      { namespace: 'default', name: 'gone', uid: 'v', containers: [] },
    ],
  });
  const nodes = await api.get(`${METRICS}/nodes`);
  assert.deepEqual([nodes.body.kind, nodes.body.items.length], ['NodeMetricsList', 1]);
  const [node] = nodes.body.items;
  assert.deepEqual([node.metadata.name, node.usage.memory, node.timestamp], ['n1', '1Gi', '2026-01-01T00:00:00Z']);
  assert.equal((await api.get(`${METRICS}/nodes?labelSelector=zone%3Dcellar`)).body.items.length, 0);
  assert.equal((await api.get(`${METRICS}/nodes/n1`)).body.kind, 'NodeMetrics');
  assert.equal((await api.get(`${METRICS}/nodes/n2`)).code, 404);
  const pods = await api.get(`${METRICS}/namespaces/default/pods?labelSelector=app%3Dbusy`);
  assert.deepEqual(
    pods.body.items.map((item: Any) => [item.metadata.name, item.containers]),
    [['busy', [{ name: 'main', usage }]]],
  );
  assert.equal((await api.get(`${METRICS}/pods`)).body.items.length, 1);
  assert.equal((await api.delete(`${METRICS}/nodes/n1`)).code, 405);
});

test('readings are never written to disk', async () => {
  await api.patch('/apis/bramble.dev/v1/nodesensors/n1', 'merge', { temperatureCelsius: 60 });
  const { commits } = api.store.stats();
  await api.patch('/apis/bramble.dev/v1/nodesensors/n1', 'merge', { temperatureCelsius: 61 });
  assert.equal(api.store.stats().commits, commits);
});
