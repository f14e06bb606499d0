/** Where alerts are posted to: which addresses the master takes, and what arrives there. */
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { postJson } from '../../../master/controllers/alerts/address-poster.ts';
import { OptionsError, parseMasterOptions } from '../../../master/options.ts';

describe('the address of the webhook', () => {
  const parse = (url: string) => parseMasterOptions(['--alert-webhook', url], {});
  for (const url of ['http://192.168.1.5:8123/api/webhook/x', 'https://user:word@example.com/', 'http://[fd00::1]/']) {
    it(`can be ${url}`, () => {
      const options = parse(url);
      assert.ok(options !== 'help' && options.alertWebhook === url);
    });
  }
  for (const url of ['', 'house', '192.168.1.5:8123', 'ftp://house/', 'http://', 'http://a b/', 'mqtt://house']) {
    it(`cannot be '${url}'`, () => {
      assert.throws(
        () => parse(url),
        (error) =>
          error instanceof OptionsError && /--alert-webhook takes an address such as http:/.test(error.message),
      );
    });
  }
});

describe('posting', () => {
  const heard: { url: string; headers: IncomingHttpHeaders; body: string }[] = [];
  let server: Server;
  let base = '';
  let code = 200;

  before(async () => {
    server = createServer(async (request, response) => {
      heard.push({ url: request.url ?? '', headers: request.headers, body: await text(request) });
      response.writeHead(code, { location: '/elsewhere' }).end('thanks');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const post = (url: string) => postJson(url, { id: 'one', body: '{"a":1}' }, new AbortController().signal);

  it('brings the message with its id; a user in the address goes where HTTP has it', async () => {
    await post(`http://${base}/hook?x=1`);
    await post(`http://house:p%40ss@${base}/hook`);
    const [plain, known] = heard.splice(0);
    assert.deepEqual([plain?.url, plain?.body, plain?.headers.authorization], ['/hook?x=1', '{"a":1}', undefined]);
    assert.deepEqual([plain?.headers['idempotency-key'], plain?.headers['content-type']], ['one', 'application/json']);
    assert.equal(known?.headers.authorization, `Basic ${Buffer.from('house:p@ss').toString('base64')}`);
  });
  it('fails unless the answer is one of success, and follows nobody elsewhere', async () => {
    for (const [answer, message] of [
      [404, /answered 404/],
      [500, /answered 500/],
      [302, /fetch failed/],
    ] as const) {
      code = answer;
      await assert.rejects(post(`http://${base}/hook`), message);
    }
    assert.deepEqual(
      heard.splice(0).map(({ url }) => url),
      ['/hook', '/hook', '/hook'],
    );
    await assert.rejects(post('http://127.0.0.1:1/'), /fetch failed/);
  });
});
