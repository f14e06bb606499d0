/** The HTTPS door as clients see it: HTTP/2, HTTP/1.1 and WebSocket over real TLS. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import type { UserInfo } from '../../master/apiserver/user-info.ts';
import { userOfCertificate } from '../../master/gateway/authentication/client-certificate.ts';
import { unauthorized } from '../../master/gateway/authentication/unauthorized.ts';
import { createHttpsDoor } from '../../master/gateway/https/https-door.ts';
import { MAX_BODY_BYTES } from '../../master/gateway/https/read-request.ts';
import { StatusError } from '../../shared/machinery/errors.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { objectResponse, queryValue, type Request, type Response } from '../../shared/protocol/exchange.ts';
import { createTestPki } from '../support/test-pki.ts';
import { waitFor } from '../support/wait.ts';

const pki = await createTestPki();
const stranger = await createTestPki();
const admin = pki.client('admin', 'system:masters');

/** What the handlers below tell the tests. */
const seen = { aborted: 0, produced: 0, stdin: '', closed: false };

const PATHS: Record<string, (request: Request, user: UserInfo) => Promise<Response>> = {
  '/echo': async (request, user) =>
    objectResponse({
      user,
      method: request.method,
      query: request.query,
      headers: request.headers,
      body: request.body instanceof Uint8Array ? Buffer.from(request.body).toString() : null,
    }),
  '/big': async () => ({ ...objectResponse({ text: 'x'.repeat(300_000) }), headers: { warning: '299 - "careful"' } }),
  '/busy': async () => {
    throw new StatusError('TooManyRequests', 'later', { retryAfterSeconds: 7 });
  },
  '/bug': async () => {
    throw new TypeError('secret');
  },
  '/text': async () => ({ type: 'bytes', code: 200, contentType: 'text/plain', chunks: chunksOf('one\n', 'two\n') }),
  '/watch': async ({ signal }) => ({ type: 'events', code: 200, events: eventsUntil(signal) }),
  '/flood': async ({ signal }) => ({ type: 'events', code: 200, events: flood(signal) }),
  '/expires': async () => ({
    type: 'events',
    code: 200,
    events: (async function* () {
      yield { type: 'ADDED', object: {} };
      throw new StatusError('Expired', 'too old resource version');
    })(),
  }),
  '/exec': async (request) => ({ type: 'channels', code: 101, serve: (channels) => shell(request, channels) }),
  '/missing-pod/exec': async () => {
    throw new StatusError('NotFound', 'pods "x" not found');
  },
  '/broken/exec': async () => ({
    type: 'channels',
    code: 101,
    serve: async () => {
      throw new StatusError('ServiceUnavailable', 'node pi is not connected');
    },
  }),
};

async function* chunksOf(...lines: string[]): AsyncGenerator<Uint8Array> {
  for (const line of lines) yield Buffer.from(line);
}

async function* eventsUntil(signal: AbortSignal): AsyncGenerator<unknown> {
  yield { type: 'ADDED', object: { n: 1 } };
  await once(signal, 'abort');
  seen.aborted += 1;
}

async function* flood(signal: AbortSignal): AsyncGenerator<unknown> {
  for (seen.produced = 0; !signal.aborted; seen.produced += 1) yield { n: seen.produced, filler: 'x'.repeat(10_000) };
}

async function shell(request: Request, { incoming, send }: Parameters<(Response & { type: 'channels' })['serve']>[0]) {
  seen.stdin = '';
  seen.closed = false;
  await send({ channel: 1, bytes: Buffer.from(`ran ${queryValue(request, 'command')}`) });
  for await (const frame of incoming) {
    if ('close' in frame) {
      seen.closed = true;
      break;
    }
    seen.stdin += Buffer.from(frame.bytes).toString();
    if (seen.stdin.includes('exit')) break;
  }
  await send({ channel: 3, bytes: Buffer.from('{"status":"Success"}') });
}

const door = createHttpsDoor({
  host: '127.0.0.1',
  port: 0,
  certificate: pki.server,
  apiServer: {
    handle: async (request, user) => {
      const handler = PATHS[request.path];
      if (handler === undefined) throw new StatusError('NotFound', 'the server could not find the requested resource');
      return handler(request, user);
    },
  },
  authenticator: {
    userOfCertificate: async (certificate) => userOfCertificate(certificate),
    userOfToken: async (token) => {
      if (token !== 'good') throw unauthorized('the bearer token has expired');
      return { name: 'token-user', uid: '', groups: [], extra: {} };
    },
  },
  clock: systemClock,
  logger: silentLogger,
});
await door.start();
after(() => door.stop());

const ca = pki.authority.certificate;

interface Answer {
  code: number;
  headers: Record<string, unknown>;
  body: string;
}

type Ask = (path: string, options?: AskOptions) => Promise<Answer>;

interface AskOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

function open2(identity: object = admin): ClientHttp2Session {
  return connect(`https://localhost:${door.port()}`, { ca, ...identity });
}

const ask2: Ask = async (path, { method = 'GET', headers = {}, body } = {}) => {
  const session = open2('authorization' in headers ? {} : admin);
  try {
    const stream = session.request({ ':path': path, ':method': method, ...headers }, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    const [answer] = await once(stream, 'response');
    const chunks = await stream.toArray();
    return { code: answer[':status'], headers: answer, body: Buffer.concat(chunks).toString('latin1') };
  } finally {
    session.close();
  }
};

const ask1: Ask = (path, { method = 'GET', headers = {}, body } = {}) =>
  new Promise((resolve, reject) => {
    const identity = 'authorization' in headers ? {} : admin;
    const options = { host: 'localhost', port: door.port(), path, method, headers, ca, ...identity, agent: false };
    const outgoing = httpsRequest(options, (answer) => {
      answer.toArray().then(
        (chunks) => {
          const bytes = Buffer.concat(chunks).toString('latin1');
          resolve({ code: answer.statusCode ?? 0, headers: answer.headers, body: bytes });
        },
        (error) => reject(error),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });

for (const [version, ask] of [
  ['HTTP/2', ask2],
  ['HTTP/1.1', ask1],
] as const) {
  test(`${version}: a request arrives whole, with who asks, and the answer ends with a newline`, async () => {
    const { code, body, headers } = await ask('/echo?command=ls&command=-l&watch', {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json', accept: 'application/json', 'x-other': '1' },
      body: '{"a":1}',
    });
    assert.equal(code, 200);
    assert.equal(headers['content-type'], 'application/json');
    assert(body.endsWith('\n'));
    const { user, ...rest } = JSON.parse(body);
    assert.deepEqual(user.groups, ['system:masters', 'system:authenticated']);
    assert.deepEqual(rest, {
      method: 'PATCH',
      query: { command: ['ls', '-l'], watch: [''] },
      headers: { accept: 'application/json', 'content-type': 'application/merge-patch+json' },
      body: '{"a":1}',
    });
  });

  test(`${version}: large bodies are compressed for those who accept it`, async () => {
    const zipped = await ask('/big', { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.equal(zipped.headers['warning'], '299 - "careful"');
    const plain = await ask('/big');
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(gunzipSync(Buffer.from(zipped.body, 'latin1')).toString('latin1'), plain.body);
    assert.equal(
      (await ask('/echo', { headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding'],
      undefined,
    );
  });

  test(`${version}: errors are Status bodies`, async () => {
    const missing = await ask('/nothing');
    assert.equal(missing.code, 404);
    assert.partialDeepStrictEqual(JSON.parse(missing.body), { kind: 'Status', reason: 'NotFound', code: 404 });
    const busy = await ask('/busy');
    assert.deepEqual([busy.code, busy.headers['retry-after']], [429, '7']);
    const bug = await ask('/bug');
    assert.equal(bug.code, 500);
    assert(!bug.body.includes('secret'));
    assert.equal((await ask('/echo', { method: 'OPTIONS' })).code, 405);
    assert.equal((await ask('/exec')).code, 400);
  });

  test(`${version}: a body beyond the bound is refused`, async () => {
    const { code, body } = await ask('/echo', { method: 'POST', body: Buffer.alloc(MAX_BODY_BYTES + 1) });
    assert.equal(code, 413);
    assert.equal(JSON.parse(body).reason, 'RequestEntityTooLarge');
  });

  test(`${version}: text streams and watches`, async () => {
    const log = await ask('/text');
    assert.deepEqual([log.headers['content-type'], log.body], ['text/plain', 'one\ntwo\n']);
    const lines = (await ask('/expires')).body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(lines[0].type, 'ADDED');
    assert.partialDeepStrictEqual(lines[1], { type: 'ERROR', object: { reason: 'Expired', code: 410 } });
  });

  test(`${version}: bearer tokens`, async () => {
    const good = await ask('/echo', { headers: { authorization: 'Bearer good' } });
    assert.equal(JSON.parse(good.body).user.name, 'token-user');
    const bad = await ask('/echo', { headers: { authorization: 'Bearer bad' } });
    assert.equal(bad.code, 401);
    assert.match(JSON.parse(bad.body).message, /expired/);
  });
}

async function statusOf(identity: object): Promise<{ code: number; body: Record<string, unknown> }> {
  const session = open2(identity);
  const stream = session.request({ ':path': '/echo' });
  const [answer] = await once(stream, 'response');
  const body = JSON.parse(await text(stream));
  session.close();
  return { code: answer[':status'], body };
}

test('without credentials one is anonymous; a certificate of another authority, or an ended one, is refused clearly', async () => {
  const anonymous = await statusOf({});
  assert.partialDeepStrictEqual(anonymous.body, { user: { name: 'system:anonymous' } });
  const foreign = await statusOf(stranger.client('admin', 'system:masters'));
  assert.equal(foreign.code, 401);
  assert.match(String(foreign.body['message']), /not signed by this cluster's CA/);
  const ended = pki.authority.issueClientCertificate({ commonName: 'admin', organizations: [] }, -60_000);
  const late = await statusOf(ended);
  assert.equal(late.code, 401);
  assert.match(String(late.body['message']), /expired/);
  const server = await statusOf({ key: pki.server.key, cert: pki.server.cert });
  assert.equal(server.code, 401, 'the certificate of a server is no client certificate');
});

async function nextData(stream: ClientHttp2Stream): Promise<string> {
  const [chunk] = await once(stream, 'data');
  return String(chunk);
}

test('the first event of a watch comes at once; when the client goes, the source is told', async () => {
  const before = seen.aborted;
  const session = open2();
  const stream = session.request({ ':path': '/watch' });
  assert.equal(await nextData(stream), '{"type":"ADDED","object":{"n":1}}\n');
  stream.close();
  await waitFor('the source to be told', () => seen.aborted === before + 1);
  const second = session.request({ ':path': '/watch' });
  await nextData(second);
  session.destroy();
  await waitFor('the source to be told again', () => seen.aborted === before + 2);
});

test('a client that does not read slows its watch down instead of filling the memory', async () => {
  const session = open2();
  const stream = session.request({ ':path': '/flood' });
  await once(stream, 'response');
  let last = -1;
  await waitFor('the source to stand still', async () => {
    const before = last;
    last = seen.produced;
    return last > 0 && before === last;
  });
  assert(last < 2_000, `${last} events were produced`);
  stream.resume();
  await waitFor('the source to go on', () => seen.produced > last + 100);
  session.destroy();
});

interface Terminal {
  socket: WebSocket;
  /** `channel text` of each message. */
  messages: string[];
  ended: Promise<number>;
}

function openTerminal(path: string, protocols: string[], identity: object = admin): Terminal {
  const socket = new WebSocket(`wss://localhost:${door.port()}${path}`, protocols, { ca, ...identity });
  const messages: string[] = [];
  socket.on('message', (data: Buffer) => messages.push(`${data[0]} ${data.subarray(1)}`));
  const ended = new Promise<number>((resolve) => void socket.on('close', resolve));
  return { socket, messages, ended };
}

test('exec over v5: both directions, half-close, status, normal end', async () => {
  const { socket, messages, ended } = openTerminal('/exec?command=cat', ['v4.channel.k8s.io', 'v5.channel.k8s.io']);
  await once(socket, 'open');
  assert.equal(socket.protocol, 'v5.channel.k8s.io');
  socket.send(Buffer.from([0, ...Buffer.from('hello')]));
  socket.send(Buffer.from([255, 0]));
  assert.equal(await ended, 1000);
  assert.deepEqual(messages, ['1 ran cat', '3 {"status":"Success"}']);
  assert.deepEqual([seen.stdin, seen.closed], ['hello', true]);
});

test('exec over v4: there is no half-close', async () => {
  const { socket, messages, ended } = openTerminal('/exec?command=sh', ['v4.channel.k8s.io']);
  await once(socket, 'open');
  socket.send(Buffer.from([255, 0]));
  socket.send(Buffer.from([0, ...Buffer.from('exit')]));
  assert.equal(await ended, 1000);
  assert.deepEqual(messages, ['1 ran sh', '3 {"status":"Success"}']);
  assert(!seen.closed);
});

test('many bytes of input arrive in order', async () => {
  const { socket, ended } = openTerminal('/exec?command=wc', ['v5.channel.k8s.io']);
  await once(socket, 'open');
  const lines = Array.from({ length: 2_000 }, (_, index) => `line ${index}\n`);
  for (const line of lines) socket.send(Buffer.from([0, ...Buffer.from(line)]));
  socket.send(Buffer.from([255, 0]));
  await ended;
  assert.equal(seen.stdin, lines.join(''));
});

test('a browser sends its token as a subprotocol', async () => {
  const bearer = `base64url.bearer.authorization.k8s.io.${Buffer.from('good').toString('base64url')}`;
  const { socket, ended } = openTerminal('/exec?command=id', [bearer, 'v5.channel.k8s.io'], {});
  await once(socket, 'open');
  socket.send(Buffer.from([255, 0]));
  assert.equal(await ended, 1000);
});

async function refusal(
  path: string,
  protocols: string[],
  headers = {},
): Promise<{ code: number; body: { message: string } }> {
  const { socket } = openTerminal(path, protocols, { ...admin, headers });
  const [, answer] = await once(socket, 'unexpected-response');
  return { code: answer.statusCode, body: JSON.parse(await text(answer)) };
}

test('errors before the handshake are HTTP answers, errors after it come on the error channel', async () => {
  const missing = await refusal('/missing-pod/exec', ['v5.channel.k8s.io']);
  assert.deepEqual([missing.code, missing.body.message], [404, 'pods "x" not found']);
  assert.equal((await refusal('/exec', ['v1.channel.k8s.io'])).code, 400);
  assert.equal((await refusal('/text', ['v5.channel.k8s.io'])).code, 400);
  const broken = openTerminal('/broken/exec', ['v5.channel.k8s.io']);
  assert.equal(await broken.ended, 1000);
  assert.equal(broken.messages.length, 1);
  assert.match(broken.messages[0] ?? '', /^3 .*"Failure".*node pi is not connected/);
});

test('a watch can come over a WebSocket', async () => {
  const before = seen.aborted;
  const socket = new WebSocket(`wss://localhost:${door.port()}/watch`, { ca, ...admin });
  const [data] = await once(socket, 'message');
  assert.deepEqual(JSON.parse(String(data)), { type: 'ADDED', object: { n: 1 } });
  socket.terminate();
  await waitFor('the source to be told', () => seen.aborted === before + 1);
});

test('a new certificate is shown to new connections', async () => {
  const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  const renewed = pki.authority.issueServerCertificate(names);
  door.updateCertificate({ ...renewed, ca });
  const socket = connectTls({ host: 'localhost', port: door.port(), ca, ...admin });
  await once(socket, 'secureConnect');
  const shown = socket.getPeerCertificate().serialNumber;
  socket.destroy();
  assert.equal(shown, new X509Certificate(renewed.cert).serialNumber);
  assert.equal((await statusOf(admin)).code, 200);
});
