/** Discovery and OpenAPI: golden documents, both forms of discovery, and agreement with upstream's endpoints. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ACCEPT, type Any, type ApiFixture, startApi, VERSION } from './api-fixture.ts';

let api: ApiFixture;
before(async () => {
  api = await startApi();
});
after(() => api.stop());

/** Differences are shown by the test; the file is made anew by deleting it and running the test. */
function assertGolden(name: string, value: unknown): void {
  const file = new URL(`../golden/apiserver/${name}.json`, import.meta.url);
  const text = `${JSON.stringify(value, null, 2)}\n`;
  let golden: string;
  try {
    golden = readFileSync(file, 'utf8');
  } catch {
    writeFileSync(file, text);
    golden = text;
  }
  assert.deepEqual(value, JSON.parse(golden));
}

test('aggregated discovery, as kubectl asks for it', async () => {
  for (const part of ['api', 'apis']) {
    const { code, body, contentType } = await api.get(`/${part}?timeout=32s`, { accept: ACCEPT.aggregated });
    assert.equal(code, 200);
    assert.equal(contentType, 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    assert.deepEqual([body.kind, body.apiVersion], ['APIGroupDiscoveryList', 'apidiscovery.k8s.io/v2']);
    assertGolden(`discovery-aggregated-${part}`, body);
  }
});

test('plain discovery, as older clients walk through it', async () => {
  for (const path of ['/api', '/apis', '/apis/apps', '/api/v1', '/apis/apps/v1', '/apis/metrics.k8s.io/v1beta1']) {
    const { code, body } = await api.get(path);
    assert.equal(code, 200, path);
    assertGolden(`discovery-plain-${path.slice(1).replaceAll('/', '-')}`, body);
  }
});

test('kubectl drain finds the eviction subresource in policy/v1', async () => {
  const { body } = await api.get('/api/v1');
  const eviction = body.resources.find((resource: Any) => resource.name === 'pods/eviction');
  assert.deepEqual([eviction.group, eviction.version, eviction.kind], ['policy', 'v1', 'Eviction']);
});

test('what is served under a name of upstream has upstream’s kind and verbs', async () => {
  const { body: core } = await api.get('/api/v1');
  const { body: apps } = await api.get('/apis/apps/v1');
  const facts: Record<string, [kind: string, verbs: string[]]> = {
    pods: ['Pod', ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']],
    namespaces: ['Namespace', ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']],
    'namespaces/finalize': ['Namespace', ['update']],
    'pods/binding': ['Binding', ['create']],
    'pods/log': ['Pod', ['get']],
    bindings: ['Binding', ['create']],
    'serviceaccounts/token': ['TokenRequest', ['create']],
    deployments: ['Deployment', ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']],
    'deployments/scale': ['Scale', ['get', 'patch', 'update']],
  };
  for (const [name, [kind, verbs]] of Object.entries(facts)) {
    const found = [...core.resources, ...apps.resources].find((resource: Any) => resource.name === name);
    assert.deepEqual([found?.kind, found?.verbs], [kind, verbs], name);
  }
});

test('OpenAPI: an index with hashes, and a document for each', async () => {
  const { body: index } = await api.get('/openapi/v3?timeout=32s');
  assert.deepEqual(Object.keys(index.paths).slice(0, 2), ['api/v1', 'apis/apps/v1']);
  for (const [path, { serverRelativeURL }] of Object.entries<Any>(index.paths)) {
    assert.match(serverRelativeURL, new RegExp(`^/openapi/v3/${path}\\?hash=[0-9A-F]{64}$`));
    const { code, body, headers } = await api.get(serverRelativeURL);
    assert.equal(code, 200, path);
    assert.equal(body.openapi, '3.0.0');
    assert.equal(headers['etag'], `"${serverRelativeURL.split('hash=')[1]}"`);
  }
  const { body: core } = await api.get('/openapi/v3/api/v1');
  assert.ok(core.components.schemas['io.k8s.api.core.v1.Pod']);
  assert.ok(core.paths['/api/v1/namespaces/{namespace}/pods/{name}'].patch);
  assert.equal((await api.get('/openapi/v3/apis/none/v1')).code, 404);
  assert.equal((await api.get('/openapi/v2')).code, 404);
});

test('version, health and metrics', async () => {
  assert.deepEqual((await api.get('/version?timeout=32s')).body, VERSION);
  assert.equal((await api.get('/healthz')).body, 'ok');
  assert.equal(
    (await api.get('/readyz?verbose')).body,
    '[+]ping ok\n[+]etcd ok\n[+]poststarthook/bootstrap-objects ok\nreadyz check passed\n',
  );
  assert.equal((await api.get('/livez/ping')).body, 'ok');
  const { body, contentType } = await api.get('/metrics');
  assert.match(contentType ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(
    body,
    /apiserver_request_total\{verb="GET",group="",version="",resource="",subresource="",scope="",code="200"\} \d+/,
  );
});

test('what is not there', async () => {
  const { code, body } = await api.get('/apis/apps/v1/namespaces/default/daemonthings');
  assert.deepEqual(
    [code, body.reason, body.message],
    [404, 'NotFound', 'the server could not find the requested resource'],
  );
  for (const path of ['/apis/none', '/apis/apps/v2', '/nothing', '/api/v1/namespaces/default/nodes']) {
    assert.equal((await api.get(path)).code, 404, path);
  }
  const verb = await api.delete('/api/v1/namespaces');
  assert.deepEqual(
    [verb.code, verb.body.message],
    [405, 'the server does not allow this method on the requested resource'],
  );
});
