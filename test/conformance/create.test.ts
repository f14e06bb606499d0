/** Creating objects: defaults, names, strictness, and the bodies of errors word by word. */
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

test('a created object carries what the server fills in', async () => {
  const { code, body } = await api.post(CONFIG_MAPS, configMap('a', { key: 'value' }));
  assert.equal(code, 201);
  assert.match(body.metadata.uid, /^[0-9a-f-]{36}$/);
  assert.match(body.metadata.resourceVersion, /^\d+$/);
  assert.equal(body.metadata.namespace, 'default');
  assert.equal(body.metadata.creationTimestamp, '2026-01-01T00:00:00Z');
  assert.deepEqual(body.data, { key: 'value' });
  assert.deepEqual(Object.keys(body).slice(0, 3), ['apiVersion', 'kind', 'metadata']);
  assert.deepEqual((await api.get(`${CONFIG_MAPS}/a`)).body, body);
});

test('what clients send in fields of the server is ignored', async () => {
  const sent = configMap('forged');
  sent['metadata'] = {
    name: 'forged',
    uid: 'mine',
    resourceVersion: '',
    creationTimestamp: null,
    deletionTimestamp: '2020-01-01T00:00:00Z',
    generation: 7,
    selfLink: '/x',
    managedFields: [{ manager: 'me' }],
  };
  const { body } = await api.post(CONFIG_MAPS, sent);
  assert.notEqual(body.metadata.uid, 'mine');
  for (const field of ['deletionTimestamp', 'generation', 'selfLink', 'managedFields']) {
    assert.equal(body.metadata[field], undefined, field);
  }
});

test('defaults are filled in and the status is not taken from a create', async () => {
  const { body } = await api.post(DEPLOYMENTS, { ...deployment('web'), status: { replicas: 9 } });
  assert.equal(body.spec.replicas, 1);
  assert.equal(body.spec.template.spec.containers[0].imagePullPolicy, 'IfNotPresent');
  assert.equal(body.metadata.generation, 1);
  assert.deepEqual(body.status, {});
});

test('a name that is taken', async () => {
  await api.post(DEPLOYMENTS, deployment('taken'));
  const { code, body } = await api.post(DEPLOYMENTS, deployment('taken'));
  assert.equal(code, 409);
  assert.deepEqual(body, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'deployments.apps "taken" already exists',
    reason: 'AlreadyExists',
    details: { name: 'taken', group: 'apps', kind: 'deployments' },
    code: 409,
  });
});

test('generateName makes a name, and another one when that is taken', async () => {
  const sent = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'gen-' } };
  const names = new Set<string>();
  for (let index = 0; index < 20; index += 1) names.add((await api.post(CONFIG_MAPS, sent)).body.metadata.name);
  assert.equal(names.size, 20);
  for (const name of names) assert.match(name, /^gen-[a-z0-9]{5}$/);
});

test('unknown fields: refused, warned of, or dropped', async () => {
  const sent = deployment('strict', { replicsa: 3, paused: false });
  const strict = await api.post(`${DEPLOYMENTS}?fieldValidation=Strict`, sent);
  assert.equal(strict.code, 400);
  assert.equal(strict.body.reason, 'BadRequest');
  assert.equal(
    strict.body.message,
    'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replicsa"',
  );
  const warned = await api.post(`${DEPLOYMENTS}?fieldValidation=Warn`, sent);
  assert.equal(warned.code, 201);
  assert.equal(warned.headers['warning'], '299 - "unknown field \\"spec.replicsa\\""');
  assert.equal(warned.body.spec.replicsa, undefined);
  const ignored = await api.post(`${DEPLOYMENTS}?fieldValidation=Ignore`, { ...sent, metadata: { name: 'ignored' } });
  assert.deepEqual([ignored.code, ignored.headers], [201, {}]);
});

test('a value of the wrong type is a bad request', async () => {
  const { code, body } = await api.post(DEPLOYMENTS, deployment('typed', { replicas: 'three' }));
  assert.equal(code, 400);
  assert.match(body.message, /^Deployment in version "v1" cannot be handled as a Deployment: spec\.replicas must be/);
});

test('what is missing or not allowed is invalid, with a cause a field', async () => {
  const { code, body } = await api.post(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'Bad_Name' },
    spec: {},
  });
  assert.equal(code, 422);
  assert.equal(body.reason, 'Invalid');
  assert.match(
    body.message,
    /^Pod "Bad_Name" is invalid: \[metadata\.name: Invalid value: "Bad_Name": .*spec\.containers: Required value/,
  );
  assert.deepEqual(
    body.details.causes.map(({ field, reason }: { field: string; reason: string }) => [field, reason]),
    [
      ['metadata.name', 'FieldValueInvalid'],
      ['spec.containers', 'FieldValueRequired'],
    ],
  );
});

test('a name is needed', async () => {
  const { code, body } = await api.post(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap' });
  assert.equal(code, 422);
  assert.match(body.message, /metadata\.name: Required value: name or generateName is required$/);
});

test('labels, annotations, owners and finalizers are checked', async () => {
  const metadata = {
    name: 'meta',
    labels: { 'bad key': 'x', good: 'bad value!' },
    annotations: { 'also bad/': '' },
    finalizers: ['no spaces please'],
    ownerReferences: [
      { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'u1', controller: true },
      { apiVersion: 'v1', kind: 'Pod', name: 'b', uid: 'u2', controller: true },
    ],
  };
  const { body } = await api.post(CONFIG_MAPS, { ...configMap('meta'), metadata });
  const fields = new Set(body.details.causes.map(({ field }: { field: string }) => field));
  for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences']) {
    assert.ok(fields.has(`metadata.${field}`), field);
  }
});

test('the namespace of the path and of the body must be the same, and must exist', async () => {
  const other = { ...configMap('x'), metadata: { name: 'x', namespace: 'other' } };
  const wrong = await api.post(CONFIG_MAPS, other);
  assert.deepEqual(
    [wrong.code, wrong.body.message],
    [400, 'the namespace of the provided object does not match the namespace sent on the request'],
  );
  const missing = await api.post('/api/v1/namespaces/missing/configmaps', configMap('x'));
  assert.deepEqual(missing.body.details, { name: 'missing', kind: 'namespaces' });
  assert.deepEqual([missing.code, missing.body.message], [404, 'namespaces "missing" not found']);
});

test('kind and version of the body must be those of the path', async () => {
  const kind = await api.post(CONFIG_MAPS, { ...configMap('x'), kind: 'Secret' });
  assert.deepEqual([kind.code, kind.body.reason], [400, 'BadRequest']);
  const version = await api.post(CONFIG_MAPS, { ...configMap('x'), apiVersion: 'v2' });
  assert.equal(version.body.message, 'the API version in the data (v2) does not match the expected API version (v1)');
});

test('a dry run checks everything and stores nothing', async () => {
  const dry = await api.post(`${CONFIG_MAPS}?dryRun=All`, configMap('dry'));
  assert.equal(dry.code, 201);
  assert.match(dry.body.metadata.uid, /-/);
  assert.equal(dry.body.metadata.resourceVersion, undefined);
  assert.equal((await api.get(`${CONFIG_MAPS}/dry`)).code, 404);
  await api.post(CONFIG_MAPS, configMap('dry'));
  assert.equal((await api.post(`${CONFIG_MAPS}?dryRun=All`, configMap('dry'))).code, 409);
  const unknown = await api.post(`${CONFIG_MAPS}?dryRun=Some`, configMap('some'));
  assert.equal(unknown.code, 422);
});

test('bodies come as JSON bytes, YAML, or without a content type', async () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const json = await api.post(CONFIG_MAPS, bytes(JSON.stringify(configMap('json'))));
  assert.equal(json.code, 201);
  const yaml = await api.post(CONFIG_MAPS, bytes('metadata:\n  name: yaml\ndata:\n  a: "1"\n'), {
    contentType: 'application/yaml',
  });
  assert.deepEqual([yaml.code, yaml.body.data], [201, { a: '1' }]);
  const unknown = await api.post(CONFIG_MAPS, bytes('x'), { contentType: 'text/plain' });
  assert.deepEqual([unknown.code, unknown.body.reason], [415, 'UnsupportedMediaType']);
  const broken = await api.post(CONFIG_MAPS, bytes('{"a":'));
  assert.deepEqual([broken.code, broken.body.reason], [400, 'BadRequest']);
  const large = await api.post(CONFIG_MAPS, new Uint8Array(3 * 1024 * 1024 + 1));
  assert.deepEqual([large.code, large.body.message], [413, 'Request entity too large: limit is 3145728']);
});

test('the value that an in-process caller sent is not changed', async () => {
  const sent = pod('untouched');
  const copy = structuredClone(sent);
  await api.post(PODS, sent);
  assert.deepEqual(sent, copy);
});

test('a hostile body: __proto__ as a key, deep nesting', async () => {
  const bytes = new TextEncoder().encode('{"metadata":{"name":"proto"},"data":{"__proto__":"x"}}');
  const { code } = await api.post(CONFIG_MAPS, bytes);
  assert.ok(code === 201 || code === 422, String(code));
  assert.equal(Reflect.get({}, 'x'), undefined);
  const deep = `{"metadata":{"name":"deep"},"data":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`;
  assert.equal((await api.post(CONFIG_MAPS, new TextEncoder().encode(deep))).code, 400);
});
