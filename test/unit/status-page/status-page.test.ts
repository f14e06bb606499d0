/** The page over real sockets, fed by a handler that knows one pod. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { buildPage } from '../../../cli/build-page.ts';
import type { Access } from '../../../master/status-page/door/api.ts';
import { isSameOrigin, isTrustedHost } from '../../../master/status-page/door/http.ts';
import { createStatusPage, type StatusPage } from '../../../master/status-page/status-page.ts';
import { StatusError } from '../../../shared/machinery/errors.ts';
import { type Clock, systemClock } from '../../../shared/platform/clock.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import type { Handler, Request } from '../../../shared/protocol/exchange.ts';

const TIME = '2026-11-22T10:00:00Z';
const HOSTILE = '<img src=x onerror=alert(1)>';

const pod = (name: string, resourceVersion: string) => ({
  metadata: { namespace: 'default', name, uid: name, resourceVersion, creationTimestamp: TIME },
  spec: { containers: [{ name: 'c', image: 'x' }] },
  status: { phase: 'Running' },
});

interface Message {
  type: string;
  sequence?: number;
  epoch?: string;
  set?: Record<string, { name: string }>;
  text?: string;
}

/** Answers lists with one pod, watches with what `change` brings, logs with a line, and notes what is asked as whom. */
function createCluster() {
  const change = Promise.withResolvers<void>();
  const asked: { user: string; request: Request }[] = [];
  const handlerOf =
    (user: string): Handler =>
    async (request) => {
      const { path, query, signal } = request;
      asked.push({ user, request });
      const isPods = path === '/api/v1/pods';
      if (path.endsWith('/log'))
        return { type: 'bytes', code: 200, contentType: 'text/plain', chunks: chunksOf('one\n', 'two\n') };
      if (path.endsWith('/selfsubjectaccessreviews')) {
        return { type: 'object', code: 201, body: { status: { allowed: user === 'admin' } } };
      }
      if (request.method === 'DELETE' && user !== 'admin') throw new StatusError('Forbidden', `${user} may not`);
      if (request.method !== 'GET') return { type: 'object', code: 200, body: { metadata: {} } };
      if (query['watch'] === undefined) {
        const items = isPods ? [pod(HOSTILE, '1')] : [];
        return { type: 'object', code: 200, body: { metadata: { resourceVersion: '1' }, items } };
      }
      return {
        type: 'events',
        code: 200,
        events: (async function* () {
          const ended = new Promise<void>((resolve) => {
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
          if (isPods) {
            await Promise.race([change.promise, ended]);
            yield { type: 'ADDED', object: pod('second', '2') };
          }
          await ended;
        })(),
      };
    };
  return { change: () => change.resolve(), asked, handlerOf };
}

async function* chunksOf(...texts: string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bramble-page-'));
  await buildPage(folder);
});
after(() => rm(folder, { recursive: true, force: true }));

/** Hours in moments: nothing here depends on how long something takes. */
const hasty: Clock = { ...systemClock, after: (delayMs, callback) => systemClock.after(delayMs / 20, callback) };

/** Tokens that were good and are no more. */
const revoked = new Set<string>();

async function startPage(cluster: ReturnType<typeof createCluster>, access: Access, clock: Clock): Promise<StatusPage> {
  const page = createStatusPage({
    ...{ access, folder, clock, random: seededRandom(1), logger: silentLogger },
    handler: cluster.handlerOf('page'),
    signIn: async (token) => {
      if (!['admin', 'guest'].includes(token) || revoked.has(token)) throw new StatusError('Unauthorized', 'not known');
      return { name: token, handler: cluster.handlerOf(token) };
    },
    host: '127.0.0.1',
    port: 0,
  });
  await page.start();
  return page;
}

interface Asked {
  headers?: Record<string, string>;
  method?: string;
  body?: object;
}

function ask(page: StatusPage, path: string, { headers = {}, method = 'GET', body }: Asked = {}) {
  return new Promise<{ code: number; headers: NodeJS.Dict<string | string[]>; text: string }>((resolve, reject) => {
    const all = { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers };
    const options = { host: '127.0.0.1', port: page.port, path, method, headers: all, agent: false };
    const sent = request(options, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ code: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Hears messages until one of that type has come; a socket that is refused rejects. */
class Listener {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];
  #wake: () => void = () => undefined;
  #error: Error | undefined;

  constructor(page: StatusPage, path: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${page.port}${path}`, { headers });
    this.socket.on('message', (data) => {
      this.messages.push(JSON.parse(String(data)));
      this.#wake();
    });
    this.socket.on('error', (error) => {
      this.#error = error;
      this.#wake();
    });
  }

  async next(type: string): Promise<Message> {
    for (;;) {
      const found = this.messages.find((message) => message.type === type);
      if (found !== undefined) return found;
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

describe('an open page', () => {
  const cluster = createCluster();
  let page: StatusPage;
  before(async () => {
    page = await startPage(cluster, 'open', systemClock);
  });
  after(() => page.stop());

  test('files, with headers that let nothing else run', async () => {
    for (const path of ['/', '/style.css', '/page.js', '/icon.svg']) {
      const { code, headers } = await ask(page, path);
      assert.equal(code, 200, path);
      const policy = String(headers['content-security-policy']);
      assert.match(policy, /default-src 'none'/);
      assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    }
  });

  test('unchanged files are not sent again, and compressed for who takes that', async () => {
    const etag = String((await ask(page, '/page.js')).headers['etag']);
    assert.equal((await ask(page, '/page.js', { headers: { 'if-none-match': etag } })).code, 304);
    const { headers } = await ask(page, '/', { headers: { 'accept-encoding': 'gzip, br' } });
    assert.equal(headers['content-encoding'], 'gzip');
  });

  test('nothing else', async () => {
    assert.equal((await ask(page, '/../status-page.ts')).code, 404);
    assert.equal((await ask(page, '/', { method: 'POST' })).code, 405);
    assert.equal((await ask(page, '/', { headers: { host: 'evil.example.com' } })).code, 403);
    assert.equal((await ask(page, '/api/nothing')).code, 404);
  });

  test('a load, then what changes; a page that comes back goes on where it was', async () => {
    const first = new Listener(page, '/live');
    await first.next('ready');
    const { epoch, sequence } = await first.next('reset');
    assert.equal((await first.next('part')).set?.[`pod/default/${HOSTILE}`]?.name, HOSTILE);
    first.socket.terminate();
    cluster.change();
    const second = new Listener(page, `/live?since=${epoch}.${sequence}`);
    const delta = await second.next('delta');
    assert.equal(delta.sequence, Number(sequence) + 1);
    assert.equal(delta.set?.['pod/default/second']?.name, 'second');
    assert.equal(delta.set?.[`pod/default/${HOSTILE}`], undefined);
    assert.deepEqual(
      second.messages.map(({ type }) => type).filter((type) => type !== 'beat'),
      ['resume', 'ready', 'delta'],
    );
    second.socket.terminate();
    const stranger = new Listener(page, '/live?since=abc.1');
    assert.equal((await stranger.next('ready')).type, 'ready');
    assert.equal(stranger.messages[0]?.type, 'reset');
    stranger.socket.terminate();
  });

  test('logs as the page itself', async () => {
    const listener = new Listener(page, '/logs?namespace=default&pod=a%2Fb&container=c');
    await listener.next('end');
    assert.deepEqual(
      listener.messages.map(({ text }) => text),
      ['one\n', 'two\n', undefined],
    );
    const { request, user } = cluster.asked.find(({ request: { path } }) => path.endsWith('/log')) ?? assert.fail();
    assert.deepEqual([user, request.path], ['page', '/api/v1/namespaces/default/pods/a%2Fb/log']);
  });

  test('no Secrets, no ConfigMaps', () => {
    const paths = cluster.asked.map(({ request }) => request.path);
    assert.ok(paths.includes('/api/v1/pods'));
    assert.ok(!paths.some((path) => /secrets|configmaps/.test(path)));
  });

  for (const [what, headers, path] of [
    ['another origin', { origin: 'http://evil.example.com' }, '/live'],
    ['a public name that points here', { host: 'evil.example.com', origin: 'http://evil.example.com' }, '/live'],
    ['logs for another origin', { origin: 'http://evil.example.com' }, '/logs?namespace=a&pod=b'],
    ['another path', {}, '/other'],
  ] as const) {
    test(`no data for ${what}`, async () => {
      await assert.rejects(new Listener(page, path, headers).next('ready'), /403|404/);
    });
  }

  test('nothing is done for who has not signed in', async () => {
    const origin = `http://127.0.0.1:${page.port}`;
    const body = { action: 'delete', about: 'pod/default/second' };
    assert.equal((await ask(page, '/api/actions', { method: 'POST', headers: { origin }, body })).code, 401);
    assert.equal((await ask(page, '/api/rights?about=pod/default/second')).code, 401);
  });
});

describe('signing in', () => {
  const cluster = createCluster();
  let page: StatusPage;
  let origin: string;
  before(async () => {
    page = await startPage(cluster, 'sign-in', hasty);
    origin = `http://127.0.0.1:${page.port}`;
  });
  after(() => page.stop());

  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    ask(page, path, { method: 'POST', headers: { origin, ...headers }, body });

  const rightsOf = (cookie: string) => ask(page, '/api/rights?about=pod/default/a', { headers: { cookie } });

  async function signIn(token: string): Promise<string> {
    const { headers } = await post('/api/session', { token });
    return String(headers['set-cookie']).split(';')[0] ?? '';
  }

  test('is needed to see anything', async () => {
    await assert.rejects(new Listener(page, '/live').next('ready'), /401/);
    await assert.rejects(new Listener(page, '/logs?namespace=a&pod=b').next('end'), /401/);
    assert.equal((await ask(page, '/api/history?board=pi-1')).code, 401);
    assert.equal((await ask(page, '/')).code, 200);
  });

  test('by a token that is known, of who may see the cluster', async () => {
    assert.equal((await post('/api/session', { token: 'nobody' })).code, 401);
    assert.equal((await post('/api/session', { token: 'guest' })).code, 403);
    const { code, headers } = await post('/api/session', { token: 'admin' });
    assert.equal(code, 200);
    assert.match(
      String(headers['set-cookie']),
      /^bramble_session=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
  });

  test('only from the page itself, as JSON', async () => {
    assert.equal((await ask(page, '/api/session', { method: 'POST', body: { token: 'admin' } })).code, 403);
    const foreign = { origin: 'http://evil.example.com' };
    assert.equal((await post('/api/session', { token: 'admin' }, foreign)).code, 403);
    assert.equal((await post('/api/session', { token: 'admin' }, { 'content-type': 'text/plain' })).code, 415);
    assert.equal((await post('/api/session', { token: 'x'.repeat(20_000) })).code, 413);
  });

  test('then everything is asked as that person', async () => {
    const cookie = await signIn('admin');
    const live = new Listener(page, '/live', { cookie, origin });
    await live.next('ready');
    live.socket.terminate();
    const rights = await rightsOf(cookie);
    assert.deepEqual(JSON.parse(rights.text), { actions: ['delete'] });
    const done = await post('/api/actions', { action: 'delete', about: 'pod/default/a' }, { cookie });
    assert.deepEqual(JSON.parse(done.text), { message: 'a is being deleted.' });
    const { user, request } = cluster.asked.find(({ request: { method } }) => method === 'DELETE') ?? assert.fail();
    assert.deepEqual([user, request.path], ['admin', '/api/v1/namespaces/default/pods/a']);
  });

  test('what cannot be is refused', async () => {
    const cookie = await signIn('admin');
    for (const body of [
      { action: 'explode', about: 'pod/default/a' },
      { action: 'scale', about: 'pod/default/a' },
      { action: 'scale', about: 'workload/Deployment/default/a', replicas: -1 },
      { action: 'delete', about: 'secret/default/a' },
      { action: 'delete', about: 'pod/default/a/b' },
    ]) {
      assert.equal((await post('/api/actions', body, { cookie })).code, 400, JSON.stringify(body));
    }
    assert.equal((await ask(page, '/api/rights', { headers: { cookie } })).code, 400);
  });

  test('a token that is taken back ends what is open', async () => {
    const cookie = await signIn('admin');
    const live = new Listener(page, '/live', { cookie, origin });
    await live.next('ready');
    const closed = once(live.socket, 'close');
    revoked.add('admin');
    await closed;
    assert.equal((await rightsOf(cookie)).code, 401);
    revoked.delete('admin');
  });

  test('and signing out ends it', async () => {
    const cookie = await signIn('admin');
    assert.equal((await ask(page, '/api/session', { method: 'DELETE', headers: { origin, cookie } })).code, 200);
    assert.equal((await rightsOf(cookie)).code, 401);
  });
});

describe('names of this machine', () => {
  for (const host of [
    '127.0.0.1:8080',
    '192.168.1.5',
    '[::1]:8080',
    'localhost:8080',
    'pi-1',
    'pi-1.local',
    'a.lan:80',
  ]) {
    test(host, () => assert.equal(isTrustedHost(host), true));
  }
  for (const host of ['example.com', 'local.example.com:8080', '', undefined, 'a b']) {
    test(`not ${host}`, () => assert.equal(isTrustedHost(host), false));
  }
  test('origins', () => {
    assert.equal(isSameOrigin({ host: 'pi:8080' }, true), false);
    assert.equal(isSameOrigin({ host: 'pi:8080' }), true);
    assert.equal(isSameOrigin({ host: 'pi:8080', origin: 'http://pi:8080' }), true);
    assert.equal(isSameOrigin({ host: 'pi:8080', origin: 'http://pi:8081' }), false);
    assert.equal(isSameOrigin({ host: 'pi:8080', origin: 'null' }), false);
  });
});
