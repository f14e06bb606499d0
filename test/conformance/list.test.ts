/** Lists: selectors, pages, revisions, and the forms they can have. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ACCEPT, type Any, type ApiFixture, CONFIG_MAPS, configMap, PODS, pod, startApi } from './api-fixture.ts';

let api: ApiFixture;
before(async () => {
  api = await startApi();
  for (const index of [1, 2, 3, 4, 5]) {
    const labels = { number: String(index), parity: index % 2 === 0 ? 'even' : 'odd' };
    await api.post(CONFIG_MAPS, { ...configMap(`c${index}`), metadata: { name: `c${index}`, labels } });
  }
});
after(() => api.stop());

const names = (body: Any): string[] => body.items.map((item: Any) => item.metadata.name);

test('a list has a kind, a revision and its objects in order', async () => {
  const { body } = await api.get(CONFIG_MAPS);
  assert.deepEqual([body.kind, body.apiVersion], ['ConfigMapList', 'v1']);
  assert.equal(body.metadata.resourceVersion, String(api.store.revision()));
  assert.deepEqual(names(body), ['c1', 'c2', 'c3', 'c4', 'c5']);
  assert.deepEqual(names((await api.get('/api/v1/configmaps')).body), names(body));
  assert.deepEqual(names((await api.get('/api/v1/namespaces/kube-system/configmaps')).body), []);
});

test('label and field selectors', async () => {
  const select = async (query: string): Promise<string[]> => names((await api.get(`${CONFIG_MAPS}?${query}`)).body);
  assert.deepEqual(await select('labelSelector=parity%3Deven'), ['c2', 'c4']);
  assert.deepEqual(await select('labelSelector=number+notin+(1,2),parity'), ['c3', 'c4', 'c5']);
  assert.deepEqual(await select('fieldSelector=metadata.name%3Dc3'), ['c3']);
  assert.deepEqual(await select('fieldSelector=metadata.name!%3Dc3,metadata.namespace%3Ddefault'), [
    'c1',
    'c2',
    'c4',
    'c5',
  ]);
  assert.deepEqual(await select('fieldSelector=metadata.name%3Dc'), []);
});

test('selectors that cannot be understood', async () => {
  const label = await api.get(`${CONFIG_MAPS}?labelSelector=a%3D%3D%3Db`);
  assert.deepEqual([label.code, label.body.reason], [400, 'BadRequest']);
  const field = await api.get(`${CONFIG_MAPS}?fieldSelector=data.x%3D1`);
  assert.equal(
    field.body.message,
    '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
  );
  const podField = await api.get(`${PODS}?fieldSelector=spec.bogus%3D1`);
  assert.equal(podField.body.message, 'field label not supported: spec.bogus');
});

test('pages: each object once, at the revision of the first page', async () => {
  const first = await api.get(`${CONFIG_MAPS}?limit=2`);
  assert.deepEqual([names(first.body), first.body.metadata.remainingItemCount], [['c1', 'c2'], 3]);
  await api.post(CONFIG_MAPS, configMap('c2b'));
  const token = encodeURIComponent(first.body.metadata.continue);
  const second = await api.get(`${CONFIG_MAPS}?limit=2&continue=${token}`);
  assert.deepEqual(names(second.body), ['c3', 'c4']);
  assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
  const third = await api.get(`${CONFIG_MAPS}?limit=2&continue=${encodeURIComponent(second.body.metadata.continue)}`);
  assert.deepEqual([names(third.body), third.body.metadata.continue], [['c5'], undefined]);
  await api.delete(`${CONFIG_MAPS}/c2b`);
});

test('pages through a selector hold as many as asked for', async () => {
  const query = 'labelSelector=parity%3Dodd&limit=2';
  const first = await api.get(`${CONFIG_MAPS}?${query}`);
  assert.deepEqual([names(first.body), first.body.metadata.remainingItemCount], [['c1', 'c3'], undefined]);
  const token = encodeURIComponent(first.body.metadata.continue);
  const second = await api.get(`${CONFIG_MAPS}?${query}&continue=${token}`);
  assert.deepEqual(names(second.body), ['c5']);
});

test('a continue token that is forged or too old', async () => {
  const forged = await api.get(`${CONFIG_MAPS}?limit=2&continue=abc`);
  assert.deepEqual([forged.code, forged.body.reason], [400, 'BadRequest']);
  const first = await api.get(`${CONFIG_MAPS}?limit=2`);
  await api.patch(`${CONFIG_MAPS}/c5`, 'merge', { data: { x: 'y' } });
  await api.store.compact(api.store.revision());
  const old = await api.get(`${CONFIG_MAPS}?limit=2&continue=${encodeURIComponent(first.body.metadata.continue)}`);
  assert.deepEqual([old.code, old.body.reason], [410, 'Expired']);
});

test('revisions: any, exact, not older than, not yet', async () => {
  const { body: now } = await api.get(CONFIG_MAPS);
  const revision = now.metadata.resourceVersion;
  await api.patch(`${CONFIG_MAPS}/c1`, 'merge', { data: { after: 'yes' } });
  const at = async (query: string): Promise<Any> => (await api.get(`${CONFIG_MAPS}?${query}`)).body;
  assert.equal((await at('resourceVersion=0')).items[0].data.after, 'yes');
  assert.equal((await at(`resourceVersion=${revision}`)).items[0].data.after, 'yes');
  const exact = await at(`resourceVersion=${revision}&resourceVersionMatch=Exact`);
  assert.deepEqual([exact.items[0].data, exact.metadata.resourceVersion], [{}, revision]);
  const future = await at('resourceVersion=999999');
  assert.deepEqual([future.code, future.reason], [504, 'Timeout']);
  assert.match(future.message, /^Too large resource version: 999999, current: \d+$/);
  assert.equal(future.details.causes[0].reason, 'ResourceVersionTooLarge');
  assert.equal((await at('resourceVersionMatch=Exact')).code, 422);
  assert.equal((await at('resourceVersion=abc')).code, 400);
});

test('tables carry cells, metadata and the revision to watch from', async () => {
  await api.post(PODS, pod('shown'));
  const { body, contentType } = await api.get(`${PODS}?limit=500`, { accept: ACCEPT.table });
  assert.deepEqual([body.kind, body.apiVersion, contentType], ['Table', 'meta.k8s.io/v1', 'application/json']);
  assert.equal(body.metadata.resourceVersion, String(api.store.revision()));
  const columns = body.columnDefinitions.map((column: Any) => column.name);
  assert.deepEqual(columns.slice(0, 5), ['Name', 'Ready', 'Status', 'Restarts', 'Age']);
  assert.deepEqual(body.rows[0].cells.slice(0, 3), ['shown', '0/1', 'Pending']);
  assert.deepEqual(
    [body.rows[0].object.kind, body.rows[0].object.metadata.name, body.rows[0].object.spec],
    ['PartialObjectMetadata', 'shown', undefined],
  );
  const whole = await api.get(`${PODS}?includeObject=Object`, { accept: ACCEPT.table });
  assert.equal(whole.body.rows[0].object.kind, 'Pod');
  const one = await api.get(`${PODS}/shown`, { accept: ACCEPT.table });
  assert.equal(one.body.rows.length, 1);
});

test('metadata alone, YAML, and what cannot be served', async () => {
  const partial = await api.get(CONFIG_MAPS, { accept: ACCEPT.partial });
  assert.deepEqual([partial.body.kind, partial.body.items[0].data], ['PartialObjectMetadataList', undefined]);
  const yaml = await api.get(`${CONFIG_MAPS}/c2`, { accept: 'application/yaml' });
  assert.equal(yaml.contentType, 'application/yaml');
  assert.match(yaml.body, /^apiVersion: v1\nkind: ConfigMap\n/);
  const protobuf = await api.get(`${CONFIG_MAPS}/c2`, {
    accept: 'application/vnd.kubernetes.protobuf,application/json',
  });
  assert.equal(protobuf.body.kind, 'ConfigMap');
  const refused = await api.get(`${CONFIG_MAPS}/c2`, { accept: 'image/png' });
  assert.deepEqual([refused.code, refused.body.reason], [406, 'NotAcceptable']);
});
