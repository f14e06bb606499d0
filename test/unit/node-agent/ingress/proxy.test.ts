/** The proxy between real sockets: bodies, keep-alive, WebSockets, TLS with new certificates, backends that fail in every way. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http';
import { connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { connect, createSecureContext, type SecureContext } from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import { Balancer } from '../../../../node-agent/ingress/balancer.ts';
import { openDoor } from '../../../../node-agent/ingress/doors.ts';
import type { Target } from '../../../../node-agent/ingress/endpoints.ts';
import { IngressProxy } from '../../../../node-agent/ingress/proxy.ts';
import type { Route } from '../../../../node-agent/ingress/route-table.ts';
import { systemClock } from '../../../../shared/platform/clock.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { createTestPki } from '../../../support/test-pki.ts';
import { waitFor } from '../../../support/wait.ts';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
after(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

async function backend(listener: RequestListener): Promise<Target & { server: Server; connections: () => number }> {
  const server = createServer(listener);
  let count = 0;
  server.on('connection', () => {
    count += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const place = server.address();
  assert.ok(typeof place === 'object' && place !== null);
  return { address: '127.0.0.1', port: place.port, server, connections: () => count };
}

/** A port at which nobody listens. */
async function deadTarget(): Promise<Target> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const place = server.address();
  assert.ok(typeof place === 'object' && place !== null);
  await new Promise((resolve) => server.close(resolve));
  return { address: '127.0.0.1', port: place.port };
}

interface DoorSettings {
  timeoutMs?: number;
  redirectHttps?: boolean;
  certificateFor?: (name: string) => SecureContext | undefined;
}

async function door(targets: Target[], more: DoorSettings = {}) {
  const { timeoutMs = 5_000, redirectHttps = false, certificateFor } = more;
  const settings = { redirectHttps, timeoutMs };
  const route: Route = { namespace: 'a', ingress: 'a/b', backend: {}, settings };
  const proxy = new IngressProxy({
    findRoute: (host) => (host === 'h.example' || host === 'localhost' ? route : undefined),
    findTargets: () => (targets.length === 0 ? [] : [targets]),
    balancer: new Balancer(systemClock),
    httpsPort: () => 8443,
    clock: systemClock,
    logger: silentLogger,
  });
  const opened = await openDoor({
    proxy,
    address: '127.0.0.1',
    port: 0,
    ...(certificateFor ? { certificateFor } : {}),
  });
  cleanups.push(async () => {
    proxy.stop();
    await opened.close();
  });
  return opened.port;
}

interface Asked {
  method?: string;
  path?: string;
  host?: string;
  body?: string | string[];
  agent?: Agent;
}

async function ask(port: number, { method = 'GET', path = '/', host = 'h.example', body, agent }: Asked = {}) {
  const outgoing = request({ port, method, path, headers: { host }, ...(agent ? { agent } : {}) });
  if (Array.isArray(body)) for (const part of body) outgoing.write(part);
  outgoing.end(typeof body === 'string' ? body : undefined);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { code: response.statusCode, headers: response.headers, body: await text(response) };
}

const echo: RequestListener = (incoming, response) => {
  const { method, url, headers } = incoming;
  void text(incoming).then((body) => response.end(JSON.stringify({ method, url, headers, body })));
};

describe('the proxy', () => {
  it('hands on method, path, headers and body, and says who asked', async () => {
    const port = await door([await backend(echo)]);
    for (const body of ['one body', ['in ', 'pieces']]) {
      const told = JSON.parse((await ask(port, { method: 'POST', path: '/a/b?c=d', body })).body);
      assert.deepEqual([told.method, told.url, told.body], ['POST', '/a/b?c=d', [body].flat().join('')]);
      assert.equal(told.headers.host, 'h.example');
      assert.equal(told.headers['x-forwarded-for'], '127.0.0.1');
      assert.equal(told.headers['x-forwarded-proto'], 'http');
      assert.equal(told.headers['x-forwarded-port'], String(port));
    }
    assert.equal((await ask(port, { method: 'DELETE' })).code, 200);
  });

  it('keeps connections on both sides', async () => {
    const target = await backend(echo);
    const port = await door([target]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    cleanups.push(() => agent.destroy());
    for (let count = 0; count < 10; count += 1) assert.equal((await ask(port, { agent })).code, 200);
    assert.equal(target.connections(), 1);
  });

  it('lets the answer flow while it is made', async () => {
    const target = await backend((_, response) => {
      response.write('first');
      // The rest comes when the client has seen the first part.
      release = () => response.end(' last');
    });
    let release = (): void => undefined;
    const outgoing = request({ port: await door([target]), headers: { host: 'h.example' } }).end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const [chunk] = (await once(response, 'data')) as [Buffer];
    assert.equal(chunk.toString(), 'first');
    release();
    assert.equal(await text(response), ' last');
  });

  it('holds back a backend whose client does not read', async () => {
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const target = await backend((_, response) => {
      const more = (): void => {
        let isOpen = true;
        for (; written < 400 && isOpen; written += 1) isOpen = response.write(chunk);
        if (written < 400) response.once('drain', more);
        else response.end();
      };
      more();
    });
    const outgoing = request({ port: await door([target]), headers: { host: 'h.example' } }).end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    await waitFor('something has been written', () => written > 0);
    assert.ok(written < 400, 'all of 25 MB was written to a client that reads nothing');
    let bytes = 0;
    for await (const part of response) bytes += part.length;
    assert.ok(bytes >= 400 * chunk.length);
  });

  it('goes to another endpoint when one does not listen, with the body', async () => {
    const port = await door([await deadTarget(), await backend(echo), await deadTarget()]);
    for (let count = 0; count < 5; count += 1) {
      const { code, body } = await ask(port, { method: 'POST', body: 'whole' });
      assert.equal(code, 200);
      assert.equal(JSON.parse(body).body, 'whole');
    }
  });

  it('says what is wrong', async () => {
    const silent = await backend(() => undefined);
    const rude = await backend((incoming) => incoming.socket.destroy());
    const TABLE: readonly [string, Target[], Asked, number][] = [
      ['no route', [silent], { host: 'other.example' }, 404],
      ['no endpoints', [], {}, 503],
      ['nobody listens', [await deadTarget()], {}, 502],
      ['closed', [rude], { method: 'POST', body: 'x' }, 502],
      ['silence', [silent], {}, 504],
    ];
    for (const [what, targets, asked, code] of TABLE) {
      assert.equal((await ask(await door(targets, { timeoutMs: 300 }), asked)).code, code, what);
    }
  });

  it('breaks off what the backend breaks off', async () => {
    const target = await backend((incoming, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('only this');
      void once(incoming, 'end').then(() => incoming.socket.end());
      incoming.resume();
    });
    await assert.rejects(ask(await door([target])));
  });

  it('sends those without TLS to where it is', async () => {
    const { code, headers } = await ask(await door([await backend(echo)], { redirectHttps: true }), { path: '/a?b' });
    assert.deepEqual([code, headers.location], [308, 'https://h.example:8443/a?b']);
  });

  it('refuses requests of two meanings', async () => {
    const target = await backend(echo);
    const socket = connectTcp(await door([target]), '127.0.0.1');
    socket.write(
      'POST / HTTP/1.1\r\nHost: h.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET',
    );
    assert.match(await text(socket), /^HTTP\/1\.1 400/);
    assert.equal(target.connections(), 0);
  });
});

describe('WebSockets', () => {
  it('go both ways, and end together', async () => {
    const target = await backend(echo);
    const server = new WebSocketServer({ server: target.server });
    server.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${String(data)}`)));
    const port = await door([await deadTarget(), target]);
    const client = new WebSocket(`ws://127.0.0.1:${port}/chat`, { headers: { host: 'h.example' } });
    await once(client, 'open');
    for (const word of ['one', 'x'.repeat(200_000)]) {
      client.send(word);
      const [answer] = (await once(client, 'message')) as [Buffer];
      assert.equal(String(answer), `echo ${word}`);
    }
    for (const socket of server.clients) socket.terminate();
    await once(client, 'close');
  });

  it('are refused in plain words where the backend has none', async () => {
    const target = await backend((_, response) => {
      response.writeHead(426);
      response.end('no');
    });
    target.server.on('upgrade', (_, socket) =>
      socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno'),
    );
    const refused = async (targets: Target[], host: string): Promise<number | undefined> => {
      const client = new WebSocket(`ws://127.0.0.1:${await door(targets)}/`, { headers: { host } });
      client.on('error', () => undefined);
      const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage];
      return response.statusCode;
    };
    assert.equal(await refused([target], 'h.example'), 426);
    assert.equal(await refused([target], 'other.example'), 404);
    assert.equal(await refused([await deadTarget()], 'h.example'), 502);
  });
});

describe('TLS', () => {
  it('has the certificate of the name, the new one at once, and none for others', async () => {
    const pkis = [await createTestPki(), await createTestPki()];
    let current = 0;
    const certificateFor = (name: string): SecureContext | undefined => {
      const pki = pkis[current];
      return name === 'localhost' && pki
        ? createSecureContext({ cert: pki.server.cert, key: pki.server.key })
        : undefined;
    };
    const port = await door([await backend(echo)], { certificateFor });
    for (const index of [0, 1]) {
      current = index;
      const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: pkis[index]?.server.ca ?? '' });
      await once(socket, 'secureConnect');
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      assert.match(await text(socket), /"x-forwarded-proto":"https"/);
    }
    const stranger = connect({ port, host: '127.0.0.1', servername: 'other.example', rejectUnauthorized: false });
    await assert.rejects(once(stranger, 'secureConnect'));
  });
});
