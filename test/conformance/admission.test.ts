/** What the cluster adds to objects and what it refuses: pods, services, secrets, nodes, events. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createApiServer } from '../../master/apiserver/api-server.ts';
import { ALL_KINDS } from '../../shared/api/registry.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { seededRandom } from '../../shared/platform/random.ts';
import { type Any, type ApiFixture, nodeUser, PODS, pod, startApi, VERSION } from './api-fixture.ts';

const SERVICES = '/api/v1/namespaces/default/services';

let api: ApiFixture;
before(async () => {
  api = await startApi();
});
after(() => api.stop());

function service(name: string, spec: object = {}): object {
  return { metadata: { name }, spec: { ports: [{ port: 80 }], selector: { app: name }, ...spec } };
}

test('a cluster begins with its namespaces and the Service kubernetes; a second start changes nothing', async () => {
  const { body } = await api.get('/api/v1/namespaces');
  const names = body.items.map((item: Any) => item.metadata.name);
  assert.deepEqual(names, ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
  const { body: kubernetes } = await api.get(`${SERVICES}/kubernetes`);
  assert.deepEqual([kubernetes.spec.clusterIP, kubernetes.spec.ports[0].targetPort], ['10.43.0.1', 6443]);
  const revision = api.store.revision();
  const { store, clock } = api;
  const base = { store, clock, kinds: ALL_KINDS, random: seededRandom(1), logger: silentLogger, version: VERSION };
  const second = createApiServer(base);
  await second.start();
  await second.stop();
  assert.equal(store.revision(), revision);
});

test('a new pod gets a service account, tolerations for lost nodes and a priority', async () => {
  const { body } = await api.post(PODS, pod('plain'));
  const { spec, status } = body;
  assert.deepEqual([spec.serviceAccountName, spec.serviceAccount], ['default', 'default']);
  assert.deepEqual(
    spec.tolerations,
    ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].map((key) => ({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 30,
    })),
  );
  assert.deepEqual([spec.priority, spec.preemptionPolicy], [0, 'PreemptLowerPriority']);
  assert.deepEqual([status.phase, status.qosClass], ['Pending', 'BestEffort']);
});

test('tolerations of the pod itself count, and so do Kubernetes’ own priority classes', async () => {
  const tolerations = [
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 },
  ];
  const { body } = await api.post(PODS, pod('own', { tolerations, priorityClassName: 'system-node-critical' }));
  assert.deepEqual(
    body.spec.tolerations.map((item: Any) => item.tolerationSeconds),
    [0, 30],
  );
  assert.equal(body.spec.priority, 2_000_001_000);
  const unknown = await api.post(PODS, pod('unknown', { priorityClassName: 'vip' }));
  assert.deepEqual(
    [unknown.code, unknown.body.message],
    [403, 'pods "unknown" is forbidden: no PriorityClass with name vip was found'],
  );
});

test('a service gets an address of its own', async () => {
  const { body } = await api.post(SERVICES, service('one'));
  assert.match(body.spec.clusterIP, /^10\.43\.\d+\.\d+$/);
  assert.deepEqual(
    [body.spec.clusterIPs, body.spec.ipFamilies, body.spec.type],
    [[body.spec.clusterIP], ['IPv4'], 'ClusterIP'],
  );
  const headless = await api.post(SERVICES, service('headless', { clusterIP: 'None' }));
  assert.deepEqual([headless.body.spec.clusterIP, headless.body.spec.clusterIPs], ['None', ['None']]);
});

test('addresses and ports are never given twice, however many ask at once', async () => {
  const all = await Promise.all(
    Array.from({ length: 60 }, (_, index) => api.post(SERVICES, service(`many-${index}`, { type: 'NodePort' }))),
  );
  assert.deepEqual(new Set(all.map(({ code }) => code)), new Set([201]));
  assert.equal(new Set(all.map(({ body }) => body.spec.clusterIP)).size, 60);
  assert.equal(new Set(all.map(({ body }) => body.spec.ports[0].nodePort)).size, 60);
  for (const { body } of all) assert.ok(body.spec.ports[0].nodePort >= 30_000 && body.spec.ports[0].nodePort <= 32_767);
});

test('a wished address or port: given, taken, out of range', async () => {
  assert.equal(
    (await api.post(SERVICES, service('wish', { clusterIP: '10.43.7.7' }))).body.spec.clusterIP,
    '10.43.7.7',
  );
  const taken = await api.post(SERVICES, service('late', { clusterIP: '10.43.7.7' }));
  assert.equal(taken.code, 422);
  assert.match(
    taken.body.message,
    /spec\.clusterIPs: Invalid value: \["10\.43\.7\.7"\]: failed to allocate IP 10\.43\.7\.7: provided IP is already allocated/,
  );
  const outside = await api.post(SERVICES, service('outside', { clusterIP: '10.96.0.1' }));
  assert.match(outside.body.message, /The range of valid IPs is 10\.43\.0\.0\/16/);
  const nodePort = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] };
  assert.equal((await api.post(SERVICES, service('port', nodePort))).body.spec.ports[0].nodePort, 30_080);
  const second = await api.post(SERVICES, service('port2', nodePort));
  assert.match(
    second.body.message,
    /spec\.ports\[0\]\.nodePort: Invalid value: 30080: provided port is already allocated/,
  );
  const low = await api.post(SERVICES, service('low', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }));
  assert.match(low.body.message, /The range of valid ports is 30000-32767/);
});

test('an address is kept over updates and given back by a delete, a refused or a dry write', async () => {
  const { body } = await api.post(SERVICES, service('kept', { type: 'NodePort' }));
  const { clusterIP, ports } = body.spec;
  const updated = await api.put(`${SERVICES}/kept`, service('kept', { type: 'NodePort', selector: { app: 'other' } }));
  assert.deepEqual([updated.body.spec.clusterIP, updated.body.spec.ports], [clusterIP, ports]);
  const changed = await api.patch(`${SERVICES}/kept`, 'merge', { spec: { clusterIP: '10.43.9.9', clusterIPs: null } });
  assert.match(changed.body.message, /may not change once set/);
  const cluster = await api.patch(`${SERVICES}/kept`, 'merge', { spec: { type: 'ClusterIP' } });
  assert.deepEqual([cluster.body.spec.ports[0].nodePort, cluster.body.spec.clusterIP], [undefined, clusterIP]);
  await api.delete(`${SERVICES}/kept`);
  await api.clock.settle();
  const spec = { type: 'NodePort', clusterIP, ports: [{ port: 80, nodePort: ports[0].nodePort }] };
  assert.equal((await api.post(`${SERVICES}?dryRun=All`, service('next', spec))).code, 201);
  assert.equal((await api.post(SERVICES, service('Not_A_Name', spec))).code, 422);
  assert.equal((await api.post(SERVICES, service('next', spec))).code, 201);
});

test('secrets: plain text is encoded, typed ones need their keys', async () => {
  const path = '/api/v1/namespaces/default/secrets';
  const { body } = await api.post(path, { metadata: { name: 'plain' }, stringData: { user: 'pi' } });
  assert.deepEqual([body.data, body.stringData, body.type], [{ user: 'cGk=' }, undefined, 'Opaque']);
  const tls = await api.post(path, { metadata: { name: 'tls' }, type: 'kubernetes.io/tls', data: { 'tls.crt': '' } });
  assert.equal(tls.code, 422);
});

test('a node writes about itself only', async () => {
  const user = nodeUser('n1');
  const NODES = '/api/v1/nodes';
  const node = (name: string): object => ({ metadata: { name }, status: { capacity: { cpu: '4' } } });
  const own = await api.post(NODES, node('n1'), { user });
  assert.deepEqual([own.code, own.body.status.capacity], [201, { cpu: '4' }]);
  const other = await api.post(NODES, node('n2'), { user });
  assert.deepEqual(
    [other.code, other.body.message],
    [403, 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"'],
  );
  assert.equal(
    (await api.patch(`${NODES}/n1/status`, 'merge', { status: { capacity: { cpu: '8' } } }, { user })).code,
    200,
  );
  const taint = { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } };
  assert.equal((await api.patch(`${NODES}/n1`, 'merge', taint, { user })).code, 403);
  const sensors = '/apis/bramble.dev/v1/nodesensors';
  assert.equal((await api.post(sensors, { metadata: { name: 'n1' } }, { user })).code, 201);
  assert.equal((await api.post(sensors, { metadata: { name: 'n2' } }, { user })).code, 403);
});

test('repeats of an event stay in memory, and events end after an hour', async () => {
  const path = '/api/v1/namespaces/default/events';
  const event = {
    metadata: { name: 'e1' },
    involvedObject: { kind: 'Pod', name: 'a', namespace: 'default' },
    reason: 'BackOff',
    count: 1,
  };
  const { body: created } = await api.post(path, event);
  // The first write in memory of a store's life sets revisions aside on disk.
  await api.patch(`${path}/e1`, 'strategic', { count: 2 });
  const { commits } = api.store.stats();
  await api.patch(`${path}/e1`, 'strategic', { count: 3, lastTimestamp: '2026-01-01T00:00:00Z' });
  assert.equal(api.store.stats().commits, commits);
  assert.equal((await api.get(`${path}/e1`)).body.count, 3);
  await api.patch(`${path}/e1`, 'strategic', { reason: 'Other' });
  assert.equal(api.store.stats().commits, commits + 1);
  await api.clock.advance(59 * 60_000);
  assert.equal((await api.get(`${path}/${created.metadata.name}`)).code, 200);
  await api.clock.advance(4 * 60_000);
  assert.equal((await api.get(`${path}/e1`)).code, 404);
});
