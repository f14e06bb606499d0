/** Deleting: at once, gracefully, held by finalizers, by propagation policy, a whole collection, a namespace. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Any,
  type ApiFixture,
  CONFIG_MAPS,
  configMap,
  DEPLOYMENTS,
  deployment,
  PODS,
  pod,
  startApi,
} from './api-fixture.ts';

let api: ApiFixture;
before(async () => {
  api = await startApi();
});
after(() => api.stop());

async function boundPod(name: string, changes = {}): Promise<Any> {
  await api.post(PODS, pod(name, changes));
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { kind: 'Node', name: 'n1' } };
  assert.equal((await api.post(`${PODS}/${name}/binding`, binding)).code, 201);
  return (await api.get(`${PODS}/${name}`)).body;
}

test('what nothing holds is gone at once, and the answer is a Status', async () => {
  const { body: created } = await api.post(DEPLOYMENTS, deployment('gone'));
  const { code, body } = await api.delete(`${DEPLOYMENTS}/gone`, { propagationPolicy: 'Background' });
  assert.equal(code, 200);
  const details = { name: 'gone', group: 'apps', kind: 'deployments', uid: created.metadata.uid };
  assert.deepEqual(body, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
  const missing = await api.delete(`${DEPLOYMENTS}/gone`);
  assert.deepEqual([missing.code, missing.body.reason], [404, 'NotFound']);
});

test('preconditions', async () => {
  const { body: created } = await api.post(CONFIG_MAPS, configMap('pre'));
  const uid = await api.delete(`${CONFIG_MAPS}/pre`, { preconditions: { uid: 'other' } });
  assert.equal(
    uid.body.message,
    `Operation cannot be fulfilled on configmaps "pre": Precondition failed: UID in precondition: other, UID in object meta: ${created.metadata.uid}`,
  );
  const revision = await api.delete(`${CONFIG_MAPS}/pre`, { preconditions: { resourceVersion: '1' } });
  assert.deepEqual([revision.code, revision.body.reason], [409, 'Conflict']);
  const { uid: right, resourceVersion } = created.metadata;
  assert.equal((await api.delete(`${CONFIG_MAPS}/pre`, { preconditions: { uid: right, resourceVersion } })).code, 200);
});

test('a dry run, by query or by body', async () => {
  await api.post(CONFIG_MAPS, configMap('dry'));
  assert.equal((await api.delete(`${CONFIG_MAPS}/dry?dryRun=All`)).code, 200);
  assert.equal((await api.delete(`${CONFIG_MAPS}/dry`, { dryRun: ['All'] })).code, 200);
  assert.equal((await api.get(`${CONFIG_MAPS}/dry`)).code, 200);
});

test('a pod that nobody runs is gone at once, and the answer is the pod', async () => {
  await api.post(PODS, pod('unbound'));
  const { body } = await api.delete(`${PODS}/unbound`);
  assert.deepEqual([body.kind, body.metadata.name], ['Pod', 'unbound']);
  assert.equal((await api.get(`${PODS}/unbound`)).code, 404);
});

test('a running pod is marked; the kubelet removes it with its uid and no grace', async () => {
  const { metadata } = await boundPod('graceful');
  const first = await api.delete(`${PODS}/graceful`);
  assert.deepEqual(
    [first.body.metadata.deletionTimestamp, first.body.metadata.deletionGracePeriodSeconds],
    ['2026-01-01T00:00:30Z', 30],
  );
  assert.equal(first.body.metadata.generation, 2);
  const again = await api.delete(`${PODS}/graceful`);
  assert.equal(again.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
  const shorter = await api.delete(`${PODS}/graceful`, { gracePeriodSeconds: 5 });
  assert.deepEqual(
    [shorter.body.metadata.deletionTimestamp, shorter.body.metadata.deletionGracePeriodSeconds],
    ['2026-01-01T00:00:05Z', 5],
  );
  const final = { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } };
  assert.equal((await api.delete(`${PODS}/graceful`, final)).code, 200);
  assert.equal((await api.get(`${PODS}/graceful`)).code, 404);
});

test('the grace period: by the pod, by the query, by its phase', async () => {
  await boundPod('own', { terminationGracePeriodSeconds: 7 });
  assert.equal((await api.delete(`${PODS}/own`)).body.metadata.deletionGracePeriodSeconds, 7);
  await boundPod('query');
  const byQuery = await api.delete(`${PODS}/query?gracePeriodSeconds=9`);
  assert.equal(byQuery.body.metadata.deletionGracePeriodSeconds, 9);
  await boundPod('ended');
  await api.patch(`${PODS}/ended/status`, 'merge', { status: { phase: 'Succeeded' } });
  await api.delete(`${PODS}/ended`);
  assert.equal((await api.get(`${PODS}/ended`)).code, 404);
});

test('finalizers hold an object until the last is taken away', async () => {
  const sent = { ...configMap('held'), metadata: { name: 'held', finalizers: ['example.com/one'] } };
  await api.post(CONFIG_MAPS, sent);
  const { body } = await api.delete(`${CONFIG_MAPS}/held`);
  assert.equal(body.kind, 'ConfigMap');
  assert.equal(body.metadata.deletionTimestamp, '2026-01-01T00:00:00Z');
  const late = await api.patch(`${CONFIG_MAPS}/held`, 'merge', {
    metadata: { finalizers: ['example.com/one', 'example.com/two'] },
  });
  assert.equal(late.code, 422);
  assert.match(late.body.message, /no new finalizers can be added if the object is being deleted/);
  const taken = await api.post(CONFIG_MAPS, configMap('held'));
  assert.equal(taken.body.message, 'object is being deleted: configmaps "held" already exists');
  assert.equal((await api.patch(`${CONFIG_MAPS}/held`, 'merge', { metadata: { finalizers: null } })).code, 200);
  assert.equal((await api.get(`${CONFIG_MAPS}/held`)).code, 404);
});

test('propagation: Foreground and Orphan leave the work to the collector', async () => {
  await api.post(DEPLOYMENTS, deployment('front'));
  const front = await api.delete(`${DEPLOYMENTS}/front`, { propagationPolicy: 'Foreground' });
  assert.deepEqual(front.body.metadata.finalizers, ['foregroundDeletion']);
  await api.post(DEPLOYMENTS, deployment('orphan'));
  const orphan = await api.delete(`${DEPLOYMENTS}/orphan`, { orphanDependents: true });
  assert.deepEqual(orphan.body.metadata.finalizers, ['orphan']);
  assert.equal((await api.delete(`${DEPLOYMENTS}/orphan`, { propagationPolicy: 'Background' })).body.status, 'Success');
  assert.equal((await api.get(`${DEPLOYMENTS}/orphan`)).code, 404);
  const both = await api.delete(`${DEPLOYMENTS}/front`, { orphanDependents: true, propagationPolicy: 'Orphan' });
  assert.equal(both.code, 422);
  assert.equal((await api.delete(`${DEPLOYMENTS}/front`, { propagationPolicy: 'Sideways' })).code, 422);
});

test('a collection is deleted by its selector', async () => {
  for (const name of ['c1', 'c2', 'c3']) {
    const labels: Record<string, string> = name === 'c3' ? { keep: 'yes' } : { sweep: 'yes' };
    await api.post(CONFIG_MAPS, { ...configMap(name), metadata: { name, labels } });
  }
  const { body } = await api.delete(`${CONFIG_MAPS}?labelSelector=sweep%3Dyes`);
  assert.deepEqual(
    body.items.map((item: Any) => item.metadata.name),
    ['c1', 'c2'],
  );
  assert.equal((await api.get(`${CONFIG_MAPS}/c1`)).code, 404);
  assert.equal((await api.get(`${CONFIG_MAPS}/c3`)).code, 200);
});

test('a namespace ends in three steps', async () => {
  const path = '/api/v1/namespaces/ending';
  const { body: created } = await api.post('/api/v1/namespaces', { metadata: { name: 'ending' } });
  assert.deepEqual([created.spec, created.status], [{ finalizers: ['kubernetes'] }, { phase: 'Active' }]);
  assert.equal(created.metadata.labels['kubernetes.io/metadata.name'], 'ending');
  const marked = await api.delete(path);
  assert.deepEqual([marked.body.kind, marked.body.status.phase], ['Namespace', 'Terminating']);
  const again = await api.delete(path);
  assert.equal(again.code, 409);
  assert.match(
    again.body.message,
    /The system is ensuring all content is removed from this namespace\. {2}Upon completion/,
  );
  const refused = await api.post(`${path}/configmaps`, configMap('late'));
  assert.equal(refused.code, 403);
  assert.equal(
    refused.body.message,
    'configmaps "late" is forbidden: unable to create new content in namespace ending because it is being terminated',
  );
  assert.equal(refused.body.details.causes[0].reason, 'NamespaceTerminating');
  const finalized = await api.put(`${path}/finalize`, { ...marked.body, spec: { finalizers: [] } });
  assert.equal(finalized.code, 200);
  assert.equal((await api.get(path)).code, 404);
});

test('namespaces that the cluster needs stay', async () => {
  const { code, body } = await api.delete('/api/v1/namespaces/kube-system');
  assert.deepEqual(
    [code, body.message],
    [403, 'namespaces "kube-system" is forbidden: this namespace may not be deleted'],
  );
});
