/** Names of images, platforms, and which credentials are for which image. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choosePlatform, formatPlatform, runsOn } from '../../../shared/machinery/image-platform.ts';
import { canonicalImage, familiarRepository, parseImageReference } from '../../../shared/machinery/image-reference.ts';
import { findCredentials, parsePullSecret } from '../../../shared/machinery/pull-credentials.ts';
import { defined } from '../../../shared/platform/assert.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

test('names of images in their canonical form', () => {
  const table: [string, string][] = [
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.25', 'docker.io/library/nginx:1.25'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/library/nginx', 'docker.io/library/nginx:latest'],
    ['team/app', 'docker.io/team/app:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:2', 'localhost:5000/app:2'],
    ['registry.local:5000/team/app', 'registry.local:5000/team/app:latest'],
    ['ghcr.io/team/app:v1', 'ghcr.io/team/app:v1'],
    [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
    [`nginx:1.25@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
  ];
  for (const [text, canonical] of table) {
    assert.equal(canonicalImage(text), canonical, text);
    assert.equal(canonicalImage(canonical), canonical);
  }
});

test('what is no name of an image', () => {
  const wrong = [
    '',
    ' ',
    'Nginx',
    'nginx:',
    'nginx:a b',
    'a//b',
    '-a',
    `nginx@sha256:12`,
    DIGEST,
    'ab'.repeat(32),
    'a:b:c',
  ];
  for (const text of [...wrong, '../../etc', 'host:99999999/x', `${'a'.repeat(256)}`, 'exa mple.com/x']) {
    assert.equal(parseImageReference(text), undefined, text);
  }
});

test('repositories as Docker shows them', () => {
  const familiar = (text: string) => familiarRepository(defined(parseImageReference(text), text));
  assert.deepEqual(['nginx', 'team/app', 'ghcr.io/a/b:1', 'localhost:5000/x'].map(familiar), [
    'nginx',
    'team/app',
    'ghcr.io/a/b',
    'localhost:5000/x',
  ]);
});

test('which image runs on which node', () => {
  const arm64 = { os: 'linux', architecture: 'arm64' };
  assert.equal(runsOn(arm64, { os: 'linux', architecture: 'arm64', variant: 'v8' }), true);
  assert.equal(runsOn(arm64, { os: 'linux', architecture: 'arm', variant: 'v7' }), true);
  assert.equal(runsOn({ os: 'linux', architecture: 'arm' }, arm64), false);
  assert.equal(runsOn(arm64, { os: 'windows', architecture: 'arm64' }), false);
  assert.equal(runsOn({ os: 'linux', architecture: 'amd64' }, arm64), false);
  const images = [{ os: 'linux', architecture: 'arm', variant: 'v7' }, arm64];
  assert.equal(choosePlatform(arm64, images), arm64);
  assert.equal(choosePlatform({ os: 'linux', architecture: 'riscv64' }, images), undefined);
  assert.equal(formatPlatform({ os: 'linux', architecture: 'arm', variant: 'v7' }), 'linux/arm/v7');
  assert.equal(formatPlatform({ ...arm64, variant: '' }), 'linux/arm64');
});

function secretOf(auths: object) {
  const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
  return { type: 'kubernetes.io/dockerconfigjson', data };
}

const auth = (name: string) => ({ auth: Buffer.from(`${name}:pass:word`).toString('base64') });

test('the most specific credentials come first', () => {
  const entries = parsePullSecret(
    secretOf({
      'https://index.docker.io/v1/': auth('hub'),
      'registry.local:5000': auth('host'),
      'registry.local:5000/team': auth('team'),
      '*.example.com': auth('star'),
      'r*y.example.com/a': auth('part'),
      'https://ghcr.io/v2/team': { username: 'plain', password: 'secret' },
      'broken.example.org': { auth: 'bm8tY29sb24=' },
    }),
  );
  const names = (image: string) =>
    findCredentials(entries, defined(parseImageReference(image), image)).map(({ username }) => username);
  assert.deepEqual(names('nginx'), ['hub']);
  assert.deepEqual(names('registry.local:5000/team/app'), ['team', 'host']);
  assert.deepEqual(names('registry.local:5000/teamwork/app'), ['host']);
  assert.deepEqual(names('registry.local/team/app'), []);
  assert.deepEqual(names('registry.example.com/a'), ['part', 'star']);
  assert.deepEqual(names('a.registry.example.com/a'), []);
  assert.deepEqual(names('ghcr.io/team/app'), ['plain']);
  assert.deepEqual(names('ghcr.io/other/app'), []);
  assert.deepEqual(names('broken.example.org/x'), []);
  assert.equal(findCredentials(entries, { domain: 'docker.io', path: 'a/b' })[0]?.password, 'pass:word');
});

test('Secrets that hold no credentials', () => {
  const text = Buffer.from('{"auths": 3').toString('base64');
  assert.deepEqual(
    parsePullSecret({ type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': text } }),
    [],
  );
  assert.deepEqual(parsePullSecret({ type: 'kubernetes.io/dockerconfigjson' }), []);
  assert.deepEqual(parsePullSecret({ type: 'Opaque', data: secretOf({ a: auth('x') }).data }), []);
  const old = Buffer.from(JSON.stringify({ 'host.local': auth('old') })).toString('base64');
  assert.equal(parsePullSecret({ type: 'kubernetes.io/dockercfg', data: { '.dockercfg': old } })[0]?.username, 'old');
});
