/** What people write in manifests, and what they get to read when it is wrong. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { parseManifests, readManifests } from '../../../cli/api/manifests.ts';
import { Failure } from '../../../cli/failure.ts';

const MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';

describe('parseManifests', () => {
  test('several documents, empty ones, lists', () => {
    const list = JSON.stringify({
      kind: 'List',
      items: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'b' } }],
    });
    const manifests = parseManifests(`# nothing\n---\n${MAP}---\n---\n${list}\n`, 'file.yaml');
    assert.deepEqual(
      manifests.map(({ object }) => object.kind),
      ['ConfigMap', 'Secret'],
    );
  });

  for (const [what, text, message] of [
    ['YAML that is none', 'a: [1', /file\.yaml is not YAML/],
    ['a key twice', `${MAP}data: {a: x, a: y}\n`, /Map keys must be unique/],
    ['no object', '- 1\n', /file\.yaml is no object of the API/],
    ['no kind', 'apiVersion: v1\nmetadata: {}\n', /is no object of the API/],
  ] as const) {
    test(what, () => {
      assert.throws(
        () => parseManifests(text, 'file.yaml'),
        (error) => error instanceof Failure && message.test(error.message),
      );
    });
  }
});

describe('readManifests', () => {
  let folder: string;
  const options = { stdin: Readable.from([]), recursive: false };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bramble-manifests-'));
    await mkdir(join(folder, 'below'));
    await writeFile(join(folder, 'b.yaml'), MAP.replace('name: a', 'name: b'));
    await writeFile(join(folder, 'a.yml'), MAP);
    await writeFile(join(folder, 'readme.txt'), 'not a manifest');
    await writeFile(join(folder, 'below/c.json'), '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}');
  });
  after(() => rm(folder, { recursive: true }));

  const names = (manifests: Awaited<ReturnType<typeof readManifests>>): unknown[] =>
    manifests.map(({ object }) => object.metadata['name']);

  test('a folder: its manifests in the order of their names', async () => {
    assert.deepEqual(names(await readManifests([folder], options)), ['a', 'b']);
    assert.deepEqual(names(await readManifests([folder], { ...options, recursive: true })), ['a', 'b', 'c']);
  });

  test('standard input', async () => {
    assert.deepEqual(names(await readManifests(['-'], { ...options, stdin: Readable.from([Buffer.from(MAP)]) })), [
      'a',
    ]);
  });

  test('a file that is not there', async () => {
    await assert.rejects(readManifests([join(folder, 'x.yaml')], options), /x\.yaml cannot be read: ENOENT/);
  });
});
