/** Broker and MQTT door as clients see them: mqtt.js over real TLS, allowed and refused. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { type Broker, type BrokerLimits, createBroker } from '../../master/broker/broker.ts';
import { createAuthenticator } from '../../master/gateway/authentication/authenticator.ts';
import { createMqttDoor } from '../../master/gateway/mqtt-door.ts';
import { createClient } from '../../shared/client/create-client.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { systemRandom } from '../../shared/platform/random.ts';
import { objectResponse } from '../../shared/protocol/exchange.ts';
import { computeCaHash } from '../../shared/protocol/join-token.ts';
import {
  connectMqtt,
  type MqttConnection,
  type MqttFailure,
  type MqttTransport,
  type MqttTransportOptions,
} from '../../shared/protocol/mqtt-transport.ts';
import { createRpcClient } from '../../shared/protocol/rpc-client.ts';
import { nodeClientId, topics } from '../../shared/protocol/topics.ts';
import { generatePrivateKey, readPrivateKey } from '../../shared/protocol/x509/keys.ts';
import { createTestPki } from '../support/test-pki.ts';
import { waitFor } from '../support/wait.ts';
import { createObjectHandler } from '../unit/gateway/object-handler.ts';
import { get } from '../unit/protocol/rpc-harness.ts';

const pki = await createTestPki();
const stranger = await createTestPki();
const ca = pki.authority.certificate;
const pi = pki.client('system:node:pi', 'system:nodes');

const JOIN_TOKEN = 'abcdef.0123456789abcdef';
const api = createObjectHandler();
api.put(
  '/api/v1/namespaces/kube-system/secrets',
  Object.assign(
    { metadata: { name: 'bootstrap-token-abcdef' } },
    {
      type: 'bootstrap.kubernetes.io/token',
      data: {
        'token-id': Buffer.from('abcdef').toString('base64'),
        'token-secret': Buffer.from('0123456789abcdef').toString('base64'),
        'usage-bootstrap-authentication': Buffer.from('true').toString('base64'),
      },
    },
  ),
);
const authenticator = createAuthenticator({
  client: createClient(api.handler),
  clock: systemClock,
  tokenKey: readPrivateKey(generatePrivateKey()),
});

const brokers: Broker[] = [];
const open: MqttTransport[] = [];
after(async () => {
  await Promise.all(open.map((transport) => transport.close()));
  await door.stop();
  await Promise.all(brokers.map((one) => one.stop()));
});

async function startBroker(limits: Partial<BrokerLimits> = {}): Promise<Broker> {
  const broker = createBroker({
    host: '127.0.0.1',
    port: 0,
    tls: pki.server,
    authenticate: authenticator.userOfSession,
    logger: silentLogger,
    limits,
  });
  await broker.start();
  brokers.push(broker);
  return broker;
}

const broker = await startBroker();
const door = createMqttDoor({
  sessions: broker,
  apiServer: { handle: async ({ path }, user) => objectResponse({ path, user: user.name, groups: user.groups }) },
  clock: systemClock,
  logger: silentLogger,
});
await door.start();

interface Dialled {
  transport: MqttTransport;
  failures: MqttFailure[];
  up: Promise<void>;
}

function dial(
  clientId: string,
  connection: Partial<MqttConnection>,
  options: Partial<MqttTransportOptions> = {},
): Dialled {
  const failures: MqttFailure[] = [];
  const transport = connectMqtt({
    clientId,
    connection: () => ({ host: 'localhost', port: broker.port(), tls: { ca }, ...connection }),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    onFailure: (failure) => failures.push(failure),
    ...options,
  });
  open.push(transport);
  const up = new Promise<void>((resolve) => void transport.onLink((isUp) => isUp && resolve()));
  return { transport, failures, up };
}

test('a node with its certificate, and a board with a join token, get in and reach the API as themselves', async () => {
  const table: [string, Partial<MqttConnection>, string][] = [
    [nodeClientId('pi'), { tls: { ca, ...pi, servername: 'bramble-master' } }, 'system:node:pi'],
    ['join-1', { username: 'bootstrap', password: JOIN_TOKEN }, 'system:bootstrap:abcdef'],
    ['laptop', { tls: { ca, ...pki.client('admin', 'system:masters') } }, 'admin'],
  ];
  for (const [clientId, connection, user] of table) {
    const { transport, up } = dial(clientId, connection);
    await up;
    const client = createRpcClient({
      transport,
      requestTopic: topics.apiRequest(clientId),
      responseTopic: topics.apiResponse(clientId),
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
    const answer = await client.call(get('/api/v1/nodes'));
    assert.partialDeepStrictEqual(answer, { type: 'object', body: { path: '/api/v1/nodes', user } });
    client.stop();
    await transport.close();
  }
});

test('the chain that the broker shows ends with the CA, so that a join token can check it', async () => {
  const socket = connectTls({ host: 'localhost', port: broker.port(), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { issuerCertificate } = socket.getPeerCertificate(true);
  socket.destroy();
  assert.equal(computeCaHash(issuerCertificate.raw), pki.authority.hash);
});

test('whoever may not get in is told why', async () => {
  const foreign = stranger.client('system:node:pi', 'system:nodes');
  const ended = pki.authority.issueClientCertificate({ commonName: 'admin', organizations: [] }, -60_000);
  const table: [string, string, Partial<MqttConnection>][] = [
    ['not-authorized', 'phone', {}],
    ['bad-credentials', 'phone', { username: 'bootstrap', password: 'abcdef.wrongwrongwrong0' }],
    ['bad-credentials', 'phone', { username: 'bootstrap', password: 'not a token' }],
    ['bad-credentials', 'phone', { username: 'root', password: JOIN_TOKEN }],
    ['not-authorized', nodeClientId('pi'), { tls: { ca, ...foreign } }],
    ['not-authorized', 'phone', { tls: { ca, ...ended } }],
    ['identifier-rejected', nodeClientId('other'), { tls: { ca, ...pi } }],
    ['identifier-rejected', nodeClientId('pi'), { username: 'bootstrap', password: JOIN_TOKEN }],
    ['untrusted', 'phone', { tls: { ca: stranger.authority.certificate } }],
    ['untrusted', 'phone', { tls: { ca, servername: 'elsewhere.example' } }],
    ['unreachable', 'phone', { port: 1 }],
  ];
  for (const [reason, clientId, connection] of table) {
    const { transport, failures } = dial(clientId, connection);
    await waitFor(`${clientId} to be refused: ${reason}`, () => failures.length > 0);
    assert.equal(failures[0]?.reason, reason, failures[0]?.message);
    await transport.close();
  }
});

test('a client id in use belongs to who uses it', async () => {
  const first = dial('shared', { tls: { ca, ...pki.client('ann') } });
  await first.up;
  const other = dial('shared', { tls: { ca, ...pki.client('bob') } });
  await waitFor('the other to be refused', () => other.failures.length > 0);
  assert.equal(other.failures[0]?.reason, 'identifier-rejected');
  await other.transport.close();
  await first.transport.close();
});

test('foreign topics are refused: a subscription by an error, a message by the end of the connection', async () => {
  const { transport, up } = dial(nodeClientId('pi'), { tls: { ca, ...pi } });
  await up;
  const links: boolean[] = [];
  transport.onLink((isUp) => links.push(isUp));
  for (const filter of [topics.nodeRequest('other'), topics.nodeRequest('+'), topics.apiRequest('+'), '#', '$SYS/#']) {
    await assert.rejects(
      transport.subscribe(filter, () => undefined),
      /refused/,
      filter,
    );
  }
  assert.deepEqual(links, [true]);
  const overheard: string[] = [];
  await broker.transport().subscribe(topics.nodeStatus('other'), ({ topic }) => overheard.push(topic));
  for (const [topic, retain] of [
    [topics.nodeStatus('other'), false],
    [topics.apiRequest('laptop'), false],
    [topics.apiRequest(nodeClientId('pi')), true],
  ] as const) {
    const before = links.length;
    transport.publish(topic, Buffer.from('{}'), { retain }).catch(() => undefined);
    await waitFor(`the connection to end after ${topic}`, () => links.length > before);
    await waitFor('the link to come back', () => links.at(-1) === true);
  }
  assert.deepEqual(overheard, []);
  await transport.close();
});

test('a session that falls silent is ended by the keep-alive, and its will is published', async () => {
  const wills: string[] = [];
  await broker
    .transport()
    .subscribe(topics.nodeStatus('pi'), ({ payload }) => wills.push(Buffer.from(payload).toString()));
  const events: string[] = [];
  const stopListening = broker.onSession({
    connected: ({ clientId }) => events.push(`+${clientId}`),
    disconnected: ({ clientId }) => events.push(`-${clientId}`),
  });
  const relay = await createRelay(broker.port());
  const will = () => ({ topic: topics.nodeStatus('pi'), payload: Buffer.from('gone'), retain: true });
  const connection = { host: '127.0.0.1', port: relay.port, tls: { ca, ...pi } };
  const { transport, up } = dial(nodeClientId('pi'), connection, { will, keepaliveSeconds: 1 });
  await up;
  relay.freeze();
  const startMs = systemClock.monotonicMs();
  await waitFor('the will', () => wills.includes('gone'), 5_000);
  const tookMs = systemClock.monotonicMs() - startMs;
  assert(tookMs < 2_500, `noticed after ${tookMs} ms`);
  assert.deepEqual(events, ['+node-pi', '-node-pi']);
  stopListening();
  await transport.close();
  relay.close();
});

/** Passes bytes on until it is frozen: then the connection stays, and nothing gets through. */
async function createRelay(targetPort: number): Promise<{ port: number; freeze(): void; close(): void }> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A CONNECT packet of MQTT 3.1.1 whose client id has the given length. */
function connectPacket(clientIdBytes: number): Buffer {
  const head = Buffer.from([0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 0, clientIdBytes >> 8, clientIdBytes & 0xff]);
  const body = Buffer.concat([head, Buffer.alloc(clientIdBytes, 'a')]);
  const length = [(body.length % 128) | 128, ((body.length >> 7) % 128) | 128, body.length >> 14];
  return Buffer.concat([Buffer.from([0x10, ...length]), body]);
}

/** Resolves when the other side has ended the connection, however roughly. */
function closed(socket: Socket): Promise<void> {
  socket.on('error', () => undefined).resume();
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}

test('who has not identified himself can neither fill the memory nor keep a connection', async () => {
  const strict = await startBroker({ connectTimeoutMs: 300, connections: 2 });
  const options = { host: 'localhost', port: strict.port(), ca };
  const large = connectTls(options);
  large.write(connectPacket(60_000));
  await closed(large);
  const idle = connectTls(options);
  await closed(idle);
  const patient = await startBroker({ connections: 2 });
  const sockets = Array.from({ length: 3 }, () => connectTls({ ...options, port: patient.port() }));
  await Promise.race(sockets.map(closed));
  assert.equal(sockets.filter((socket) => socket.closed).length, 1);
  for (const socket of sockets) socket.destroy();
  await patient.stop();
  await strict.stop();
});

test('a client that does not read is dropped, and holds up nobody else', async () => {
  const tight = await startBroker({ unreadBytes: 200_000 });
  const relay = await createRelay(tight.port());
  const slow = dial('slow', { host: '127.0.0.1', port: relay.port, username: 'bootstrap', password: JOIN_TOKEN });
  await slow.up;
  await slow.transport.subscribe(topics.apiResponse('slow'), () => undefined);
  const quick = dial('quick', { port: tight.port(), username: 'bootstrap', password: JOIN_TOKEN });
  await quick.up;
  let received = 0;
  await quick.transport.subscribe(topics.apiResponse('quick'), () => {
    received += 1;
  });
  const gone = new Promise<void>((resolve) => {
    tight.onSession({
      connected: () => undefined,
      disconnected: ({ clientId }) => clientId === 'slow' && resolve(),
    });
  });
  relay.freeze();
  const load = Buffer.alloc(100_000);
  let sent = 0;
  let isGone = false;
  gone.then(() => {
    isGone = true;
  });
  await waitFor('the slow client to be dropped', async () => {
    for (let n = 0; n < 10; n += 1) {
      tight
        .transport()
        .publish(topics.apiResponse('slow'), load)
        .catch(() => undefined);
      await tight.transport().publish(topics.apiResponse('quick'), Buffer.from('x'));
      sent += 1;
    }
    return isGone;
  });
  await waitFor('all messages at the other client', () => received === sent);
  await slow.transport.close();
  await quick.transport.close();
  await tight.stop();
  relay.close();
});

test('a new certificate is shown to new connections, and open sessions stay', async () => {
  const { transport, up } = dial('stays', { username: 'bootstrap', password: JOIN_TOKEN });
  await up;
  const names = { dnsNames: ['localhost', 'renewed.example'], ipAddresses: [] };
  broker.updateCertificate({ ...pki.authority.issueServerCertificate(names), ca });
  const connection = { username: 'bootstrap', password: JOIN_TOKEN, tls: { ca, servername: 'renewed.example' } };
  const second = dial('renewed', connection);
  await second.up;
  await transport.publish(topics.apiRequest('stays'), Buffer.from('{}'), { qos: 1 });
  await second.transport.close();
  await transport.close();
});
