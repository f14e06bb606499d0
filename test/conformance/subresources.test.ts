/** Subresources of pods, service accounts and signing requests; bodies in protobuf as kubectl sends them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BindingSchema } from '../../shared/api/binding.ts';
import { ConfigMapSchema } from '../../shared/api/config-map.ts';
import { StatusError } from '../../shared/machinery/errors.ts';
import type { Request } from '../../shared/protocol/exchange.ts';
import { encodeProtobuf } from '../support/protobuf-encoder.ts';
import { type Any, type ApiFixture, admin, CONFIG_MAPS, nodeUser, PODS, pod, startApi } from './api-fixture.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';

let api: ApiFixture;
const asked: { node: string; request: Request }[] = [];
before(async () => {
  api = await startApi({
    async nodeProxy(node, request) {
      asked.push({ node, request });
      if (node === 'gone') throw new StatusError('ServiceUnavailable', 'node gone is not connected');
      if (request.path.startsWith('/exec')) return { type: 'channels', code: 101, serve: async () => undefined };
      return { type: 'bytes', code: 200, contentType: 'text/plain', chunks: chunks(`${request.path}\n`) };
    },
    issueToken: async ({ namespace, name }, { expirationSeconds }) => ({
      token: `token-of-${namespace}-${name}-${expirationSeconds}`,
      expirationTimestamp: '2026-01-01T01:00:00Z',
    }),
  });
});
after(() => api.stop());

async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

async function bind(name: string, node: string, path = `${PODS}/${name}/binding`): Promise<Any> {
  return api.post(path, { metadata: { name }, target: { apiVersion: 'v1', kind: 'Node', name: node } });
}

test('a binding places a pod once', async () => {
  await api.post(PODS, pod('placed'));
  const { code, body } = await bind('placed', 'n1');
  assert.deepEqual([code, body], [201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' }]);
  const { body: bound } = await api.get(`${PODS}/placed`);
  assert.equal(bound.spec.nodeName, 'n1');
  const [condition] = bound.status.conditions;
  assert.deepEqual(
    [condition.type, condition.status, condition.lastTransitionTime],
    ['PodScheduled', 'True', '2026-01-01T00:00:00Z'],
  );
  const again = await bind('placed', 'n2');
  assert.equal(again.code, 409);
  assert.equal(
    again.body.message,
    'Operation cannot be fulfilled on pods/binding "placed": pod placed is already assigned to node "n1"',
  );
});

test('bindings as a collection, in protobuf, for the right pod only', async () => {
  await api.post(PODS, pod('collected'));
  const body = encodeProtobuf(BindingSchema, {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name: 'collected' },
    target: { kind: 'Node', name: 'n3' },
  });
  const { code } = await api.post('/api/v1/namespaces/default/bindings', body, { contentType: PROTOBUF });
  assert.equal(code, 201);
  assert.equal((await api.get(`${PODS}/collected`)).body.spec.nodeName, 'n3');
  assert.equal((await bind('nobody', 'n1')).code, 404);
  await api.post(PODS, pod('other'));
  const wrong = { metadata: { name: 'other', uid: 'another' }, target: { kind: 'Node', name: 'n1' } };
  assert.equal((await api.post(`${PODS}/other/binding`, wrong)).code, 409);
  const noTarget = await api.post(`${PODS}/other/binding`, { metadata: { name: 'other' }, target: { name: '' } });
  assert.equal(noTarget.code, 422);
  const noNode = { metadata: { name: 'other' }, target: { kind: 'Pod', name: 'n1' } };
  assert.equal((await api.post(`${PODS}/other/binding`, noNode)).code, 422);
});

test('a protobuf body of an object: kubectl create configmap', async () => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'proto' }, data: { a: 'b' } };
  const body = encodeProtobuf(ConfigMapSchema, object);
  const path = `${CONFIG_MAPS}?fieldManager=kubectl-create&fieldValidation=Strict`;
  const created = await api.post(path, body, { contentType: PROTOBUF, accept: `${PROTOBUF},application/json` });
  assert.deepEqual([created.code, created.body.data], [201, { a: 'b' }]);
  const broken = await api.post(CONFIG_MAPS, body.subarray(0, 9), { contentType: PROTOBUF });
  assert.deepEqual([broken.code, broken.body.reason], [400, 'BadRequest']);
});

test('an eviction deletes, and its dry run in the body does not', async () => {
  await api.post(PODS, pod('evicted'));
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'evicted' } };
  const dry = await api.post(`${PODS}/evicted/eviction`, { ...eviction, deleteOptions: { dryRun: ['All'] } });
  assert.deepEqual([dry.code, dry.body.status], [201, 'Success']);
  assert.equal((await api.get(`${PODS}/evicted`)).code, 200);
  assert.equal((await api.post(`${PODS}/evicted/eviction`, eviction)).code, 201);
  assert.equal((await api.get(`${PODS}/evicted`)).code, 404);
  assert.equal((await api.post(`${PODS}/evicted/eviction`, eviction)).code, 404);
});

test('logs come from the agent of the pod’s node', async () => {
  await api.post(PODS, pod('talking'));
  const early = await api.get(`${PODS}/talking/log`);
  assert.deepEqual([early.code, early.body.message], [400, 'pod talking does not have a host assigned']);
  await bind('talking', 'n1');
  const { body, contentType } = await api.get(`${PODS}/talking/log?container=main&follow=true&tailLines=5`);
  assert.deepEqual([body, contentType], ['/containerLogs/default/talking/main\n', 'text/plain']);
  const last = asked.at(-1);
  assert.deepEqual([last?.node, last?.request.query], ['n1', { follow: ['true'], tailLines: ['5'] }]);
  const invalid = await api.get(`${PODS}/talking/log?tailLines=-1`);
  assert.equal(invalid.code, 422);
});

test('which container is meant', async () => {
  const containers = ['a', 'b'].map((name) => ({ name, image: 'busybox' }));
  await api.post(PODS, pod('several', { containers, initContainers: [{ name: 'i', image: 'busybox' }] }));
  await bind('several', 'n1');
  const unnamed = await api.get(`${PODS}/several/log`);
  assert.equal(
    unnamed.body.message,
    'a container name must be specified for pod several, choose one of: [a b] or one of the init containers: [i]',
  );
  const wrong = await api.get(`${PODS}/several/log?container=c`);
  assert.deepEqual([wrong.code, wrong.body.message], [400, 'container c is not valid for pod several']);
  const annotations = { 'kubectl.kubernetes.io/default-container': 'b' };
  await api.patch(`${PODS}/several`, 'merge', { metadata: { annotations } });
  assert.equal((await api.get(`${PODS}/several/log`)).body, '/containerLogs/default/several/b\n');
});

test('exec reaches the agent with its command, and says what is wrong before', async () => {
  const path = `${PODS}/talking/exec`;
  const response = await api.handle('GET', `${path}?command=ls&command=-l&stdin=true&stdout=true&stderr=true&tty=true`);
  assert.equal(response.type, 'channels');
  const last = asked.at(-1);
  assert.deepEqual(last?.request.path, '/exec/default/talking/main');
  assert.deepEqual(last?.request.query, { command: ['ls', '-l'], stdin: ['true'], stdout: ['true'], tty: ['true'] });
  assert.equal((await api.get(`${path}?stdout=true`)).code, 400);
  assert.equal((await api.get(`${path}?command=ls`)).code, 400);
  await api.patch(`${PODS}/talking/status`, 'merge', { status: { phase: 'Succeeded' } });
  const ended = await api.get(`${path}?command=ls&stdout=true`);
  assert.match(ended.body.message, /completed pod; current phase is Succeeded$/);
});

test('a node that cannot be reached, and port-forward', async () => {
  await api.post(PODS, pod('lost'));
  await bind('lost', 'gone');
  const { code, body } = await api.get(`${PODS}/lost/log`);
  assert.deepEqual([code, body.reason], [503, 'ServiceUnavailable']);
  const waiting = await api.get(`${PODS}/lost/portforward?ports=80`);
  assert.deepEqual(
    [waiting.code, waiting.body.message],
    [400, 'unable to forward port because pod is not running. Current status=Pending'],
  );
  assert.equal((await api.get(`${PODS}/lost/portforward?ports=80,http`)).code, 400);
  assert.equal((await api.get(`${PODS}/nobody/portforward?ports=80`)).code, 404);
});

test('nodes/proxy: what follows it in the path is the node’s, for whoever may', async () => {
  await api.post('/api/v1/nodes', { metadata: { name: 'n7' } });
  const { code, body } = await api.get('/api/v1/nodes/n7/proxy/update/deep?x=1');
  assert.deepEqual([code, body], [200, '/update/deep\n']);
  const last = asked.at(-1);
  assert.deepEqual([last?.node, last?.request.query], ['n7', { x: ['1'] }]);
  assert.equal((await api.get('/api/v1/nodes/n7/proxy')).code, 400);
  assert.equal((await api.get('/api/v1/nodes/nobody/proxy/update')).code, 404);
  assert.equal((await api.get('/api/v1/nodes/n7/proxy/update', { user: nodeUser('n7') })).code, 403);
});

test('ephemeral containers are added through their own door only', async () => {
  await api.post(PODS, pod('debugged'));
  const ephemeralContainers = [{ name: 'debug', image: 'busybox', targetContainerName: 'main' }];
  const main = await api.patch(`${PODS}/debugged`, 'strategic', { spec: { ephemeralContainers } });
  assert.equal(main.body.spec.ephemeralContainers, undefined);
  const added = await api.patch(`${PODS}/debugged/ephemeralcontainers`, 'strategic', { spec: { ephemeralContainers } });
  assert.equal(added.body.spec.ephemeralContainers[0].name, 'debug');
  const clash = [{ name: 'main', image: 'busybox' }];
  const refused = await api.patch(`${PODS}/debugged/ephemeralcontainers`, 'strategic', {
    spec: { ephemeralContainers: clash },
  });
  assert.equal(refused.code, 422);
});

test('a token of a service account', async () => {
  const accounts = '/api/v1/namespaces/default/serviceaccounts';
  await api.post(accounts, { metadata: { name: 'robot' } });
  const { code, body } = await api.post(`${accounts}/robot/token`, { spec: { expirationSeconds: 1200 } });
  assert.deepEqual([code, body.status.token], [201, 'token-of-default-robot-1200']);
  assert.equal(
    (await api.post(`${accounts}/robot/token`, { spec: {}, status: {} })).body.status.token,
    'token-of-default-robot-3600',
  );
  assert.equal((await api.post(`${accounts}/robot/token`, { spec: { expirationSeconds: 5 } })).code, 422);
  assert.equal((await api.post(`${accounts}/nobody/token`, {})).code, 404);
});

test('a signing request: who asked is known, decisions have their own door', async () => {
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const spec = {
    request: Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n').toString(
      'base64',
    ),
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: ['client auth'],
    username: 'forged',
  };
  const sent = { metadata: { name: 'csr' }, spec, status: { certificate: 'Zm9yZ2Vk' } };
  const { code, body } = await api.post(path, sent, { user: nodeUser('n1') });
  assert.equal(code, 201, JSON.stringify(body));
  assert.deepEqual([body.spec.username, body.status], ['system:node:n1', {}]);
  const approved = { type: 'Approved', status: 'True', reason: 'AutoApproved' };
  const ignored = await api.put(`${path}/csr/status`, { ...body, status: { conditions: [approved] } });
  assert.deepEqual(ignored.body.status.conditions ?? [], []);
  const decided = await api.put(`${path}/csr/approval`, {
    ...ignored.body,
    status: { conditions: [approved], certificate: 'eA==' },
  });
  assert.deepEqual([decided.body.status.conditions[0].type, decided.body.status.certificate], ['Approved', undefined]);
  const signed = await api.patch(`${path}/csr/status`, 'merge', { status: { certificate: 'Y2VydA==' } });
  assert.deepEqual([signed.body.status.certificate, signed.body.status.conditions.length], ['Y2VydA==', 1]);
  const denied = [approved, { type: 'Denied', status: 'True' }];
  assert.equal((await api.put(`${path}/csr/approval`, { ...signed.body, status: { conditions: denied } })).code, 422);
  const changed = await api.patch(`${path}/csr`, 'merge', { spec: { username: 'admin' } }, { user: admin });
  assert.equal(changed.body.spec.username, 'system:node:n1');
});
