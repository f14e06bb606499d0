/** Server-side apply and managedFields through the handler, as clients see them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Answer,
  type ApiFixture,
  CONFIG_MAPS,
  configMap,
  DEPLOYMENTS,
  deployment,
  startApi,
} from './api-fixture.ts';

let api: ApiFixture;
before(async () => {
  api = await startApi();
});
after(() => api.stop());

interface ApplyOptions {
  manager?: string;
  query?: string;
}

function apply(path: string, body: unknown, { manager = 'kubectl', query = '' }: ApplyOptions = {}): Promise<Answer> {
  return api.patch(`${path}?fieldManager=${manager}${query}`, 'apply', body);
}

const managers = ({ body }: Answer): string[] =>
  (body.metadata.managedFields ?? []).map((entry: Record<string, string>) =>
    [entry['manager'], entry['operation'], entry['subresource']].filter(Boolean).join(' '),
  );

test('an apply creates the object, and the same again writes nothing', async () => {
  const created = await apply(`${DEPLOYMENTS}/web`, deployment('web', { replicas: 2 }));
  assert.equal(created.code, 201);
  assert.deepEqual(managers(created), ['kubectl Apply']);
  const { fieldsV1 } = created.body.metadata.managedFields[0];
  assert.deepEqual(fieldsV1['f:spec']['f:replicas'], {});
  assert.equal(fieldsV1['f:spec']['f:strategy'], undefined);
  const again = await apply(`${DEPLOYMENTS}/web`, deployment('web', { replicas: 2 }));
  assert.equal(again.code, 200);
  assert.equal(again.body.metadata.resourceVersion, created.body.metadata.resourceVersion);
});

test('a conflict names managers and fields, and force takes over', async () => {
  const refused = await apply(`${DEPLOYMENTS}/web`, deployment('web', { replicas: 5 }), { manager: 'helm' });
  assert.equal(refused.code, 409);
  assert.equal(refused.body.message, 'Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas');
  assert.deepEqual(refused.body.details.causes, [
    { reason: 'FieldManagerConflict', message: 'conflict with "kubectl"', field: '.spec.replicas' },
  ]);
  const forced = await apply(`${DEPLOYMENTS}/web`, deployment('web', { replicas: 5 }), {
    manager: 'helm',
    query: '&force=true',
  });
  assert.equal(forced.body.spec.replicas, 5);
  assert.equal(forced.body.metadata.generation, 2);
});

test('status and scale have entries of their own', async () => {
  const scaled = await api.patch(`${DEPLOYMENTS}/web/scale?fieldManager=hpa`, 'merge', { spec: { replicas: 7 } });
  assert.equal(scaled.code, 200);
  const status = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    status: { observedGeneration: 3 },
    spec: { replicas: 1 },
  };
  const applied = await apply(`${DEPLOYMENTS}/web/status`, status, { manager: 'operator' });
  assert.equal(applied.body.spec.replicas, 7);
  assert.equal(applied.body.status.observedGeneration, 3);
  assert.deepEqual(managers(applied), ['helm Apply', 'kubectl Apply', 'operator Apply status', 'hpa Update scale']);
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas: 9 } };
  assert.equal((await apply(`${DEPLOYMENTS}/web/scale`, scale, { manager: 'keda' })).code, 409);
  const forced = await apply(`${DEPLOYMENTS}/web/scale`, scale, { manager: 'keda', query: '&force=true' });
  assert.equal(forced.body.spec.replicas, 9);
  assert.ok(managers(await api.get(`${DEPLOYMENTS}/web`)).includes('keda Apply scale'));
});

test('what an applier leaves out goes away, a dry run tells', async () => {
  await apply(`${CONFIG_MAPS}/settings`, configMap('settings', { a: '1', b: '2' }));
  await api.patch(`${CONFIG_MAPS}/settings?fieldManager=editor`, 'merge', { data: { c: '3' } });
  const dry = await apply(`${CONFIG_MAPS}/settings`, configMap('settings', { a: '1' }), { query: '&dryRun=All' });
  assert.deepEqual(dry.body.data, { a: '1', c: '3' });
  assert.deepEqual((await api.get(`${CONFIG_MAPS}/settings`)).body.data, { a: '1', b: '2', c: '3' });
  const applied = await apply(`${CONFIG_MAPS}/settings`, configMap('settings', { a: '1' }));
  assert.deepEqual(applied.body.data, { a: '1', c: '3' });
});

test('ordinary writes are tracked, and clients may edit managedFields', async () => {
  const created = await api.post(`${CONFIG_MAPS}?fieldManager=kubectl-create`, configMap('tracked', { a: '1' }));
  assert.deepEqual(managers(created), ['kubectl-create Update']);
  const patched = await api.patch(`${CONFIG_MAPS}/tracked?fieldManager=kubectl-patch`, 'json', [
    { op: 'replace', path: '/data/a', value: '2' },
  ]);
  assert.deepEqual(managers(patched), ['kubectl-patch Update', 'kubectl-create Update'].sort());
  const moved = patched.body.metadata.managedFields.slice(0, 1);
  const edited = await api.patch(`${CONFIG_MAPS}/tracked`, 'json', [
    { op: 'replace', path: '/metadata/managedFields', value: moved },
  ]);
  assert.deepEqual(edited.body.metadata.managedFields, moved);
  const reset = await api.patch(`${CONFIG_MAPS}/tracked`, 'json', [
    { op: 'replace', path: '/metadata/managedFields', value: [{}] },
  ]);
  assert.equal(reset.body.metadata.managedFields, undefined);
});

test('what cannot be applied is refused in a sentence', async () => {
  const noManager = await api.patch(`${CONFIG_MAPS}/x`, 'apply', configMap('x'));
  assert.equal(noManager.code, 422);
  assert.match(noManager.body.message, /fieldManager: Required value: is required for apply patch/);
  const force = await api.patch(`${CONFIG_MAPS}/settings?force=true`, 'merge', {});
  assert.match(force.body.message, /force: Forbidden: may not be specified for non-apply patch/);
  const table: [unknown, number, RegExp][] = [
    [{ ...configMap('x'), kind: 'Secret' }, 400, /^invalid object type: v1, Kind=Secret$/],
    [configMap('y'), 400, /does not match the name on the URL/],
    [{ ...configMap('x'), data: { a: 1 } }, 400, /data\[a\] must be a string/],
    [{ ...configMap('x'), metadata: { managedFields: [] } }, 400, /^metadata\.managedFields must be nil$/],
    [
      { ...configMap('x'), metadata: { finalizers: ['a/b', 'a/b'] } },
      400,
      /^\.metadata\.finalizers: duplicate entries for key/,
    ],
    [{ ...configMap('x'), datas: {} }, 400, /strict decoding error: unknown field "datas"/],
  ];
  for (const [body, code, message] of table) {
    const answer = await apply(`${CONFIG_MAPS}/x`, body, { query: '&fieldValidation=Strict' });
    assert.equal(answer.code, code, JSON.stringify(answer.body));
    assert.match(answer.body.message, message);
  }
  const missing = await apply(`${DEPLOYMENTS}/none/status`, { apiVersion: 'apps/v1', kind: 'Deployment', status: {} });
  assert.equal(missing.code, 404);
});

test('fields are tracked when a client that says its name creates, and from the first apply', async () => {
  const quiet = await api.post(CONFIG_MAPS, configMap('quiet'));
  assert.deepEqual(managers(quiet), []);
  const merge = { data: { color: 'green' } };
  assert.deepEqual(managers(await api.patch(`${CONFIG_MAPS}/quiet?fieldManager=me`, 'merge', merge)), []);
  const applied = await apply(`${CONFIG_MAPS}/quiet`, configMap('quiet'), { query: '&force=true' });
  assert.deepEqual(managers(applied).sort(), ['before-first-apply Update', 'kubectl Apply']);
  const named = await api.post(`${CONFIG_MAPS}?fieldManager=me`, configMap('named'));
  assert.deepEqual(managers(named), ['me Update']);
});
