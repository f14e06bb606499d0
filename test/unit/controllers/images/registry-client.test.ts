/** The registry client against a small server that answers as registries do, tokens and mistakes included. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { parseChallenge, tokenUrl } from '../../../../master/controllers/images/registry/challenge.ts';
import { createHttpFetch } from '../../../../master/controllers/images/registry/http-fetch.ts';
import { parseConfigPlatform, parseManifest } from '../../../../master/controllers/images/registry/manifest.ts';
import { RegistryAuthorization } from '../../../../master/controllers/images/registry/registry-authorization.ts';
import {
  createRegistryClient,
  type RegistryClient,
} from '../../../../master/controllers/images/registry/registry-client.ts';
import { type ImageReference, parseImageReference } from '../../../../shared/machinery/image-reference.ts';
import { defined } from '../../../../shared/platform/assert.ts';
import { systemClock } from '../../../../shared/platform/clock.ts';

const sha256 = (bytes: string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const CONFIG = JSON.stringify({ os: 'linux', architecture: 'arm', variant: 'v7', rootfs: {} });
const SINGLE = JSON.stringify({
  schemaVersion: 2,
  config: { digest: sha256(CONFIG), size: CONFIG.length },
  layers: [{ size: 1000 }, { size: 234 }, { size: 'x' }],
});
const LIST = JSON.stringify({
  schemaVersion: 2,
  manifests: [
    { digest: sha256(SINGLE), platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
    { digest: sha256('other'), platform: { os: 'linux', architecture: 'arm64' } },
    { digest: sha256('attestation'), platform: { os: 'unknown', architecture: 'unknown' } },
    { digest: 'nonsense', platform: { os: 'linux', architecture: 'amd64' } },
    { digest: sha256('no platform') },
  ],
});

type Route = (request: IncomingMessage, response: ServerResponse) => void;

const text =
  (body: string, headers: Record<string, string> = {}): Route =>
  (_request, response) => {
    response.writeHead(200, headers).end(body);
  };

describe('the registry client', () => {
  const routes = new Map<string, Route>();
  const asked: string[] = [];
  let server: Server;
  let host = '';
  let client: RegistryClient;

  const image = (name: string): ImageReference => defined(parseImageReference(`${host}/${name}`), name);

  before(async () => {
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const route = routes.get(request.url?.split('?')[0] ?? '');
      if (route === undefined) response.writeHead(404).end();
      else route(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  });
  beforeEach(() => {
    asked.length = 0;
    routes.clear();
    const fetch = createHttpFetch(systemClock);
    client = createRegistryClient({
      fetch,
      authorization: new RegistryAuthorization(fetch, systemClock),
      insecureHosts: new Set([host]),
      caOf: async () => undefined,
    });
  });
  after(() => server.close());

  it('asks for a digest by HEAD', async () => {
    routes.set('/v2/app/manifests/1', text('', { 'docker-content-digest': sha256(LIST) }));
    assert.equal(await client.digestOf(image('app:1'), []), sha256(LIST));
    assert.deepEqual(asked, ['HEAD /v2/app/manifests/1']);
  });

  it('asks nobody what a digest means', async () => {
    assert.equal(await client.digestOf(image(`app@${sha256('x')}`), []), sha256('x'));
    assert.deepEqual(asked, []);
  });

  it('reads the whole manifest where HEAD does not tell', async () => {
    routes.set('/v2/app/manifests/1', text(LIST));
    assert.equal(await client.digestOf(image('app:1'), []), sha256(LIST));
  });

  it('tells the platforms of a list, and completes one of them', async () => {
    routes.set(`/v2/app/manifests/${sha256(LIST)}`, text(LIST));
    routes.set(`/v2/app/manifests/${sha256(SINGLE)}`, text(SINGLE));
    const { digest, variants } = await client.describe(image('app:1'), sha256(LIST), []);
    assert.equal(digest, sha256(LIST));
    assert.deepEqual(
      variants.map(({ architecture, variant, imageId }) => [architecture, variant, imageId]),
      [
        ['arm', 'v7', undefined],
        ['arm64', undefined, undefined],
      ],
    );
    const completed = await client.completeVariant(image('app:1'), defined(variants[0], 'a variant'), []);
    assert.deepEqual([completed.imageId, completed.sizeBytes], [sha256(CONFIG), 1234]);
  });

  it('reads the platform of a single image from its configuration, wherever that lies', async () => {
    routes.set(`/v2/app/manifests/${sha256(SINGLE)}`, text(SINGLE));
    routes.set(`/v2/app/blobs/${sha256(CONFIG)}`, (_request, response) => {
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    routes.set('/elsewhere', text(CONFIG));
    const { variants } = await client.describe(image('app:1'), sha256(SINGLE), []);
    assert.deepEqual(
      variants.map(({ os, architecture, variant, imageId, sizeBytes }) => ({
        os,
        architecture,
        variant,
        imageId,
        sizeBytes,
      })),
      [{ os: 'linux', architecture: 'arm', variant: 'v7', imageId: sha256(CONFIG), sizeBytes: 1234 }],
    );
  });

  it('does not believe what has another digest', async () => {
    routes.set(`/v2/app/manifests/${sha256(LIST)}`, text(SINGLE));
    await assert.rejects(client.describe(image('app:1'), sha256(LIST), []), { reason: 'invalid' });
  });

  it('gets a token once, with the credentials that fit', async () => {
    const headers = { 'www-authenticate': `Bearer realm="http://${host}/token",service="test"` };
    routes.set('/token', (request, response) => {
      const [, basic = ''] = (request.headers.authorization ?? '').split(' ');
      const isRight = Buffer.from(basic, 'base64').toString() === 'right:secret';
      response.writeHead(isRight ? 200 : 401).end(JSON.stringify({ token: 'good', expires_in: 300 }));
    });
    routes.set('/v2/team/app/manifests/1', (request, response) => {
      if (request.headers.authorization !== 'Bearer good') response.writeHead(401, headers).end();
      else response.writeHead(200, { 'docker-content-digest': sha256(LIST) }).end();
    });
    const credentials = [
      { username: 'wrong', password: 'secret' },
      { username: 'right', password: 'secret' },
    ];
    assert.equal(await client.digestOf(image('team/app:1'), credentials), sha256(LIST));
    assert.ok(asked.includes('GET /token?service=test&scope=repository%3Ateam%2Fapp%3Apull'), asked.join('\n'));
    asked.length = 0;
    await client.digestOf(image('team/app:1'), credentials.slice(1));
    assert.deepEqual(asked, ['HEAD /v2/team/app/manifests/1']);
    await assert.rejects(client.digestOf(image('team/app:1'), []), { reason: 'unauthorized' });
  });

  it('shows a password where the registry asks for one', async () => {
    routes.set('/v2/app/manifests/1', (request, response) => {
      const isRight = request.headers.authorization === `Basic ${Buffer.from('u:p').toString('base64')}`;
      const headers = isRight ? { 'docker-content-digest': sha256(LIST) } : { 'www-authenticate': 'Basic realm="x"' };
      response.writeHead(isRight ? 200 : 401, headers).end();
    });
    assert.equal(await client.digestOf(image('app:1'), [{ username: 'u', password: 'p' }]), sha256(LIST));
  });

  it('keeps credentials from the place that it is sent to', async () => {
    const other = createServer((request, response) => {
      response.writeHead(request.headers.authorization === undefined ? 200 : 400).end(CONFIG);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    routes.set(`/v2/app/manifests/${sha256(SINGLE)}`, text(SINGLE));
    routes.set(`/v2/app/blobs/${sha256(CONFIG)}`, (request, response) => {
      if (request.headers.authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic' }).end();
      else response.writeHead(302, { location: `http://127.0.0.1:${port}/blob` }).end();
    });
    await client
      .describe(image('app:1'), sha256(SINGLE), [{ username: 'u', password: 'p' }])
      .finally(() => other.close());
  });

  it('says in a word what is wrong', async () => {
    const refuse =
      (status: number): Route =>
      (_request, response) =>
        void response.writeHead(status).end();
    routes.set('/v2/app/manifests/busy', refuse(429));
    routes.set('/v2/app/manifests/broken', refuse(503));
    routes.set('/v2/app/manifests/odd', refuse(302));
    routes.set('/v2/app/manifests/private', refuse(401));
    const reasons = [
      'busy:rate-limited',
      'broken:unreachable',
      'odd:invalid',
      'private:unauthorized',
      'none:not-found',
    ];
    for (const pair of reasons) {
      const [tag, reason] = pair.split(':');
      await assert.rejects(client.digestOf(image(`app:${tag}`), []), { reason });
    }
    await assert.rejects(client.digestOf(defined(parseImageReference('localhost/app'), ''), []), { reason: 'local' });
  });
});

describe('what registries say', () => {
  it('in challenges', () => {
    const bearer = (realm: string, service?: string, scope?: string) => ({ type: 'bearer', realm, service, scope });
    const table: [string, unknown][] = [
      [
        'Bearer realm="https://a/t",service="s",scope="repository:x:pull,push"',
        bearer('https://a/t', 's', 'repository:x:pull,push'),
      ],
      ['bearer realm=https://a/t', bearer('https://a/t')],
      ['Basic realm="x", Bearer realm="https://a/t"', bearer('https://a/t')],
      ['Bearer realm="a \\"quoted\\" b"', bearer('a "quoted" b')],
      ['Basic realm="x"', { type: 'basic' }],
      ['Bearer', undefined],
      ['Digest realm="x"', undefined],
      ['', undefined],
    ];
    for (const [header, expected] of table) assert.deepEqual(parseChallenge(header), expected, header);
  });

  it('and where a token comes from', () => {
    const challenge = (realm: string) => ({ type: 'bearer' as const, realm, service: 's', scope: undefined });
    assert.equal(
      tokenUrl(challenge('https://auth/token?x=1'), 'a/b', false)?.href,
      'https://auth/token?x=1&service=s&scope=repository%3Aa%2Fb%3Apull',
    );
    assert.equal(tokenUrl(challenge('http://auth/token'), 'a', false), undefined);
    assert.ok(tokenUrl(challenge('http://auth/token'), 'a', true));
    assert.equal(tokenUrl(challenge('file:///etc/passwd'), 'a', true), undefined);
    assert.equal(tokenUrl(challenge('nonsense'), 'a', true), undefined);
  });

  it('in manifests that are none', () => {
    for (const body of ['', '[]', '{}', '{"config":{"digest":"md5:1"}}', '{"config":3}']) {
      assert.throws(() => parseManifest(Buffer.from(body)), { reason: 'invalid' });
    }
    assert.throws(() => parseConfigPlatform(Buffer.from('{"os":"linux"}')), { reason: 'invalid' });
  });
});
