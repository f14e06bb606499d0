/** Updates and patches as kubectl sends them: concurrency, generations, what is kept, what is refused. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
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

const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

test('a PUT replaces, keeps what is the server’s, and raises the revision', async () => {
  const { body: created } = await api.post(CONFIG_MAPS, configMap('put', { a: '1' }));
  const { code, body } = await api.put(`${CONFIG_MAPS}/put`, configMap('put', { b: '2' }));
  assert.equal(code, 200);
  assert.deepEqual(body.data, { b: '2' });
  assert.equal(body.metadata.uid, created.metadata.uid);
  assert.equal(body.metadata.creationTimestamp, created.metadata.creationTimestamp);
  assert.ok(Number(body.metadata.resourceVersion) > Number(created.metadata.resourceVersion));
});

test('a PUT that changes nothing writes nothing', async () => {
  const { body: created } = await api.post(CONFIG_MAPS, configMap('same', { a: '1' }));
  const revision = api.store.revision();
  const { body } = await api.put(`${CONFIG_MAPS}/same`, created);
  assert.deepEqual(body, created);
  assert.equal(api.store.revision(), revision);
});

test('a stale resourceVersion conflicts', async () => {
  const { body: created } = await api.post(CONFIG_MAPS, configMap('stale'));
  await api.put(`${CONFIG_MAPS}/stale`, { ...created, data: { a: '1' } });
  const { code, body } = await api.put(`${CONFIG_MAPS}/stale`, { ...created, data: { a: '2' } });
  assert.equal(code, 409);
  assert.deepEqual(body, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `Operation cannot be fulfilled on configmaps "stale": ${MODIFIED}`,
    reason: 'Conflict',
    details: { name: 'stale', kind: 'configmaps' },
    code: 409,
  });
  const patch = { metadata: { resourceVersion: created.metadata.resourceVersion }, data: { a: '3' } };
  assert.equal((await api.patch(`${CONFIG_MAPS}/stale`, 'merge', patch)).code, 409);
});

test('an update of what does not exist, of another name, of another uid', async () => {
  const missing = await api.put(`${CONFIG_MAPS}/nobody`, configMap('nobody'));
  assert.deepEqual([missing.code, missing.body.message], [404, 'configmaps "nobody" not found']);
  await api.post(CONFIG_MAPS, configMap('one'));
  const renamed = await api.put(`${CONFIG_MAPS}/one`, configMap('two'));
  assert.equal(renamed.body.message, 'the name of the object (two) does not match the name on the URL (one)');
  const other = await api.put(`${CONFIG_MAPS}/one`, { ...configMap('one'), metadata: { name: 'one', uid: 'other' } });
  assert.match(other.body.message, /Precondition failed: UID in precondition: other, UID in object meta: /);
});

test('concurrent patches without a resourceVersion all win', async () => {
  await api.post(CONFIG_MAPS, configMap('busy'));
  const keys = Array.from({ length: 10 }, (_, index) => `k${index}`);
  const answers = await Promise.all(
    keys.map((key) => api.patch(`${CONFIG_MAPS}/busy`, 'merge', { data: { [key]: 'x' } })),
  );
  assert.deepEqual(
    answers.map(({ code }) => code),
    keys.map(() => 200),
  );
  const { body } = await api.get(`${CONFIG_MAPS}/busy`);
  assert.deepEqual(Object.keys(body.data).sort(), keys);
});

test('the generation counts changes of the spec only', async () => {
  await api.post(DEPLOYMENTS, deployment('gen'));
  const label = await api.patch(`${DEPLOYMENTS}/gen`, 'merge', { metadata: { labels: { x: 'y' } } });
  assert.equal(label.body.metadata.generation, 1);
  const scaled = await api.patch(`${DEPLOYMENTS}/gen`, 'merge', { spec: { replicas: 3 } });
  assert.equal(scaled.body.metadata.generation, 2);
  const status = await api.patch(`${DEPLOYMENTS}/gen/status`, 'merge', { status: { replicas: 3 } });
  assert.equal(status.body.metadata.generation, 2);
});

test('status is ignored on the object, everything else on /status', async () => {
  await api.post(DEPLOYMENTS, deployment('parts'));
  await api.patch(`${DEPLOYMENTS}/parts/status`, 'merge', { status: { replicas: 2, readyReplicas: 1 } });
  const main = await api.patch(`${DEPLOYMENTS}/parts`, 'strategic', { spec: { replicas: 4 }, status: { replicas: 9 } });
  assert.deepEqual([main.body.spec.replicas, main.body.status], [4, { replicas: 2, readyReplicas: 1 }]);
  const change = { metadata: { labels: { lost: 'yes' } }, spec: { replicas: 7 }, status: { readyReplicas: 2 } };
  const status = await api.patch(`${DEPLOYMENTS}/parts/status`, 'strategic', change);
  assert.deepEqual([status.body.spec.replicas, status.body.status.readyReplicas], [4, 2]);
  assert.equal(status.body.metadata.labels.lost, undefined);
  const put = await api.put(`${DEPLOYMENTS}/parts/status`, { ...main.body, status: { replicas: 4 } });
  assert.deepEqual(put.code, 409);
});

test('strategic merge patch: kubectl set image', async () => {
  await api.post(DEPLOYMENTS, deployment('image'));
  const patch = {
    spec: {
      template: {
        spec: {
          $setElementOrder: undefined,
          '$setElementOrder/containers': [{ name: 'main' }],
          containers: [{ name: 'main', image: 'nginx:1.28' }],
        },
      },
    },
  };
  const { body } = await api.patch(`${DEPLOYMENTS}/image`, 'strategic', patch);
  const [container] = body.spec.template.spec.containers;
  assert.deepEqual([container.name, container.image, body.metadata.generation], ['main', 'nginx:1.28', 2]);
});

test('json patch: applied in order, refused with 422 when a test does not hold', async () => {
  await api.post(CONFIG_MAPS, configMap('json', { a: '1' }));
  const path = `${CONFIG_MAPS}/json`;
  const good = [
    { op: 'test', path: '/data/a', value: '1' },
    { op: 'replace', path: '/data/a', value: '2' },
  ];
  assert.deepEqual((await api.patch(path, 'json', good)).body.data, { a: '2' });
  const again = await api.patch(path, 'json', good);
  assert.deepEqual([again.code, again.body.reason], [422, 'Invalid']);
  assert.equal(again.body.message, 'the server rejected our request due to an error in our request');
  assert.equal((await api.patch(path, 'json', { not: 'a list' })).code, 400);
});

test('merge patch: null removes a label', async () => {
  await api.post(DEPLOYMENTS, deployment('labels'));
  const { body } = await api.patch(`${DEPLOYMENTS}/labels`, 'merge', { metadata: { labels: { app: null, b: 'c' } } });
  assert.deepEqual(body.metadata.labels, { b: 'c' });
});

test('a strict patch with an unknown field is invalid as a patch', async () => {
  await api.post(DEPLOYMENTS, deployment('unknown'));
  const path = `${DEPLOYMENTS}/unknown?fieldValidation=Strict`;
  const { code, body } = await api.patch(path, 'strategic', { spec: { bogus: 1 } });
  assert.equal(code, 422);
  assert.match(
    body.message,
    /^ "" is invalid: patch: Invalid value: .*strict decoding error: unknown field "spec.bogus"$/,
  );
  assert.equal(body.details.causes[0].field, 'patch');
});

test('a patch of an unknown kind, of nobody, and as a dry run', async () => {
  await api.post(CONFIG_MAPS, configMap('patchy', { a: '1' }));
  const body = { data: { a: '2' } };
  const plain = await api.ask('PATCH', `${CONFIG_MAPS}/patchy`, { body, contentType: 'application/json' });
  assert.equal(plain.code, 415);
  assert.equal((await api.patch(`${CONFIG_MAPS}/nobody`, 'merge', body)).code, 404);
  const dry = await api.patch(`${CONFIG_MAPS}/patchy?dryRun=All`, 'merge', body);
  assert.deepEqual(dry.body.data, { a: '2' });
  assert.deepEqual((await api.get(`${CONFIG_MAPS}/patchy`)).body.data, { a: '1' });
});

test('what must not change is refused', async () => {
  await api.post(DEPLOYMENTS, deployment('fixed'));
  const selector = { spec: { selector: { matchLabels: { app: 'other' } } } };
  assert.equal((await api.patch(`${DEPLOYMENTS}/fixed`, 'merge', selector)).code, 422);
  await api.post(PODS, pod('fixed'));
  const refused = await api.patch(`${PODS}/fixed`, 'merge', { spec: { hostNetwork: true } });
  assert.equal(refused.code, 422);
  assert.match(refused.body.message, /^Pod "fixed" is invalid: spec: Forbidden: /);
  const image = { spec: { containers: [{ name: 'main', image: 'busybox:2' }] } };
  assert.equal((await api.patch(`${PODS}/fixed`, 'strategic', image)).code, 200);
});

test('scale: read, patched, put without a content type', async () => {
  await api.post(DEPLOYMENTS, deployment('scaled'));
  const path = `${DEPLOYMENTS}/scaled/scale`;
  const { body: scale } = await api.get(path);
  assert.deepEqual(
    [scale.kind, scale.apiVersion, scale.spec, scale.status],
    ['Scale', 'autoscaling/v1', { replicas: 1 }, { replicas: 0, selector: 'app=scaled' }],
  );
  const patched = await api.patch(path, 'merge', { spec: { replicas: 5 } });
  assert.equal(patched.body.spec.replicas, 5);
  assert.equal((await api.put(path, scale)).code, 409);
  const bytes = new TextEncoder().encode(JSON.stringify({ ...patched.body, spec: { replicas: 2 } }));
  assert.equal((await api.put(path, bytes)).body.spec.replicas, 2);
  const negative = await api.patch(path, 'merge', { spec: { replicas: -1 } });
  assert.deepEqual([negative.code, negative.body.details.kind], [422, 'Scale']);
  const { body } = await api.get(`${DEPLOYMENTS}/scaled`);
  assert.deepEqual([body.spec.replicas, body.metadata.generation], [2, 3]);
});
