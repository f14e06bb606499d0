/** The page over real sockets, fed by a handler that knows one board and one pod. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { isSameOrigin, isTrustedHost } from '../../../master/status-page/http.ts';
import { createStatusPage, type StatusPage } from '../../../master/status-page/status-page.ts';
import { createClient } from '../../../shared/client/create-client.ts';
import { systemClock } from '../../../shared/platform/clock.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import type { Handler } from '../../../shared/protocol/exchange.ts';

const TIME = '2026-11-22T10:00:00Z';
const HOSTILE = '<img src=x onerror=alert(1)>';

const pod = (name: string, resourceVersion: string) => ({
  metadata: { namespace: 'default', name, uid: name, resourceVersion, creationTimestamp: TIME },
  spec: { containers: [{ name: 'c', image: 'x' }] },
  status: { phase: 'Running' },
});

describe('status page', () => {
  const change = Promise.withResolvers<void>();
  let page: StatusPage;

  const handler: Handler = async ({ path, query, signal }) => {
    const isPods = path === '/api/v1/pods';
    if (query['watch'] === undefined) {
      const items = isPods ? [pod(HOSTILE, '1')] : [];
      return { type: 'object', code: 200, body: { metadata: { resourceVersion: '1' }, items } };
    }
    return {
      type: 'events',
      code: 200,
      events: (async function* () {
        if (isPods) {
          await change.promise;
          yield { type: 'ADDED', object: pod('second', '2') };
        }
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      })(),
    };
  };

  before(async () => {
    page = createStatusPage({
      client: createClient(handler),
      clock: systemClock,
      random: seededRandom(1),
      logger: silentLogger,
      host: '127.0.0.1',
      port: 0,
    });
    await page.start();
  });
  after(() => page.stop());

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<{ code: number; headers: NodeJS.Dict<string | string[]>; text: string }>((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port: page.port, path, method, headers, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ code: response.statusCode ?? 0, headers: response.headers, text }));
      });
      asked.on('error', reject);
      asked.end();
    });

  test('files, with headers that let nothing else run', async () => {
    for (const path of ['/', '/style.css', '/page.js', '/icon.svg']) {
      const { code, headers } = await get(path);
      assert.equal(code, 200, path);
      const policy = String(headers['content-security-policy']);
      assert.match(policy, /default-src 'none'/);
      assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    }
    const { text } = await get('/');
    assert.doesNotMatch(text, /<script(?![^>]*src="\/page\.js")|style=|onclick|https?:/);
  });

  test('unchanged files are not sent again', async () => {
    const etag = String((await get('/page.js')).headers['etag']);
    assert.equal((await get('/page.js', { 'if-none-match': etag })).code, 304);
  });

  test('nothing else', async () => {
    assert.equal((await get('/../view.ts')).code, 404);
    assert.equal((await get('/', {}, 'POST')).code, 405);
    assert.equal((await get('/', { host: 'evil.example.com' })).code, 421);
  });

  test('a snapshot, then what changes', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${page.port}/live`);
    const messages: { type: string; set: Record<string, { name: string }> }[] = [];
    const news: { wake(): void } = { wake: () => undefined };
    socket.on('message', (data) => {
      messages.push(JSON.parse(String(data)));
      news.wake();
    });
    const next = async (count: number) => {
      while (messages.length < count) {
        await new Promise<void>((resolve) => {
          news.wake = resolve;
        });
      }
      return messages[count - 1];
    };
    const snapshot = await next(1);
    assert.equal(snapshot?.type, 'snapshot');
    assert.equal(snapshot?.set[`pod/default/${HOSTILE}`]?.name, HOSTILE);
    change.resolve();
    const delta = await next(2);
    assert.equal(delta?.type, 'delta');
    assert.equal(delta?.set['pod/default/second']?.name, 'second');
    assert.equal(delta?.set[`pod/default/${HOSTILE}`], undefined);
    socket.terminate();
  });

  for (const [what, headers, path] of [
    ['another origin', { origin: 'http://evil.example.com' }, '/live'],
    ['a public name that points here', { host: 'evil.example.com', origin: 'http://evil.example.com' }, '/live'],
    ['another path', {}, '/other'],
  ] as const) {
    test(`no data for ${what}`, async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${page.port}${path}`, { headers });
      const message = await new Promise<string>((resolve) => {
        socket.on('error', (error) => resolve(error.message));
        socket.on('open', () => resolve('open'));
      });
      socket.terminate();
      assert.match(message, /403/);
    });
  }
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
    assert.equal(isSameOrigin({ host: 'pi:8080' }), true);
    assert.equal(isSameOrigin({ host: 'pi:8080', origin: 'http://pi:8080' }), true);
    assert.equal(isSameOrigin({ host: 'pi:8080', origin: 'http://pi:8081' }), false);
    assert.equal(isSameOrigin({ host: 'pi:8080', origin: 'null' }), false);
  });
});
