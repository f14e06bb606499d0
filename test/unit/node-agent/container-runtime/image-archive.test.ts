/** Image archives: both forms that engines write, what is refused, and that a break can be anywhere. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import {
  aliasOf,
  digestNameOf,
  formatAlias,
  readNames,
} from '../../../../node-agent/container-runtime/docker-image-names.ts';
import {
  type CheckedImage,
  checkArchive,
  reduceArchive,
} from '../../../../node-agent/container-runtime/image-archive.ts';
import { PullProgress } from '../../../../node-agent/container-runtime/pull-progress.ts';
import {
  renderTar,
  renderTarEnd,
  renderTarHeader,
  type TarFile,
} from '../../../../node-agent/container-runtime/tar.ts';
import { readTar } from '../../../../node-agent/container-runtime/tar-reader.ts';
import { defined } from '../../../../shared/platform/assert.ts';

const hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const file = (name: string, bytes: Uint8Array): TarFile => ({ name, mode: 0o644, bytes });

const LAYERS = ['first', 'second'].map((text) => renderTar([file(text, Buffer.from(text.repeat(500)))]));
const CONFIG = json({ os: 'linux', rootfs: { diff_ids: LAYERS.map((layer) => `sha256:${hex(layer)}`) } });
const IMAGE_ID = `sha256:${hex(CONFIG)}`;

function manifest(config: string, layers: readonly string[]): TarFile {
  return file('manifest.json', json([{ Config: config, RepoTags: ['evil:latest'], Layers: layers }]));
}

/** As engines before 25 write it; folders are named by nothing that can be worked out. */
function oldArchive(): Buffer {
  const names = ['b', 'a'].map((letter) => `${letter.repeat(64)}/layer.tar`);
  const config = `${hex(CONFIG)}.json`;
  const layers = LAYERS.map((layer, index) => file(names[index] ?? '', layer));
  const rest = [file(`${'a'.repeat(64)}/VERSION`, Buffer.from('1.0')), file('repositories', json({}))];
  return renderTar([...rest, ...layers.reverse(), file(config, CONFIG), manifest(config, names)]);
}

function newArchive(layers: readonly Buffer[] = LAYERS, config = CONFIG): Buffer {
  const blob = (bytes: Uint8Array): string => `blobs/sha256/${hex(bytes)}`;
  const blobs = [...layers, config, json({ a: 'manifest' })].map((bytes) => file(blob(bytes), bytes));
  const rest = [file('index.json', json({})), file('oci-layout', json({}))];
  return renderTar([...blobs, ...rest, manifest(blob(config), layers.map(blob))]);
}

async function* inChunks(bytes: Uint8Array, size = 700): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function check(archive: Buffer, imageId: string | undefined = IMAGE_ID, maxBytes = 1e9) {
  const found: { image?: CheckedImage } = {};
  const onChecked = (image: CheckedImage): void => {
    found.image = image;
  };
  const expected = { imageId, tags: ['app:1'], maxBytes, onChecked };
  return { loaded: await collect(checkArchive(inChunks(archive), expected)), image: found.image };
}

async function filesOf(archive: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for await (const entry of readTar(inChunks(archive))) files.set(entry.name, await collect(entry.content()));
  return files;
}

for (const [name, archive] of [
  ['before 25', oldArchive()],
  ['since 25', newArchive()],
] as const) {
  test(`an archive of an engine ${name} is reduced, checked and named anew`, async () => {
    const reduced = await collect(reduceArchive(inChunks(archive)));
    assert.ok([...(await filesOf(reduced)).keys()].every((path) => !/VERSION|repositories|index/.test(path)));
    const { loaded, image } = await check(reduced);
    assert.deepEqual(image, { imageId: IMAGE_ID, layers: LAYERS.map((layer) => `sha256:${hex(layer)}`) });
    const files = await filesOf(loaded);
    const [described] = JSON.parse(defined(files.get('manifest.json'), 'the manifest').toString());
    assert.deepEqual(described.RepoTags, ['app:1']);
    assert.deepEqual(files.get(described.Config), CONFIG);
    assert.deepEqual(
      described.Layers.map((path: string) => files.get(path)),
      LAYERS,
    );
  });
}

test('a layer that stands for two is a link', async () => {
  const layer = defined(LAYERS[0], 'a layer');
  const config = json({ rootfs: { diff_ids: [layer, layer].map((bytes) => `sha256:${hex(bytes)}`) } });
  const [real, link] = ['a', 'b'].map((letter) => letter.repeat(64));
  const name = `${hex(config)}.json`;
  const files = [
    file(`${real}/layer.tar`, layer),
    file(name, config),
    manifest(name, [`${real}/layer.tar`, `${link}/layer.tar`]),
  ];
  const linkHeader = renderTarHeader({
    name: `${link}/layer.tar`,
    mode: 0o777,
    sizeBytes: 0,
    linkName: `../${real}/layer.tar`,
  });
  const archive = Buffer.concat([linkHeader, renderTar(files)]);
  const { image } = await check(await collect(reduceArchive(inChunks(archive))), `sha256:${hex(config)}`);
  assert.equal(image?.layers.length, 2);
});

test('packed layers are left to the engine', async () => {
  const { image } = await check(newArchive(LAYERS.map((layer) => gzipSync(layer))));
  assert.equal(image?.imageId, IMAGE_ID);
});

test('what is not the image is refused before the engine has all of it', async () => {
  const other = json({ rootfs: { diff_ids: [] } });
  const refused: [string, Buffer, string | undefined][] = [
    ['another image', newArchive(), `sha256:${'0'.repeat(64)}`],
    ['another layer', newArchive([...LAYERS].reverse()), undefined],
    ['a layer too few', newArchive(LAYERS.slice(1)), undefined],
    ['a layer too many', newArchive(LAYERS, other), undefined],
    ['no manifest', renderTar([file(`blobs/sha256/${hex(CONFIG)}`, CONFIG)]), undefined],
    ['no configuration', renderTar([manifest('blobs/sha256/none', [])]), undefined],
    ['nonsense', Buffer.alloc(4096, 'x'), undefined],
    ['nothing', Buffer.alloc(0), undefined],
  ];
  for (const [what, archive, imageId] of refused) {
    await assert.rejects(check(archive, imageId), { name: 'RuntimeError', reason: 'invalid' }, what);
  }
  await assert.rejects(check(newArchive(), undefined, 1000), { reason: 'invalid' });
});

test('an archive that breaks off anywhere is never complete', async () => {
  const archive = await collect(reduceArchive(inChunks(newArchive())));
  const lengths = fc.integer({ min: 0, max: archive.length - renderTarEnd().length });
  await fc.assert(
    fc.asyncProperty(lengths, async (length) => {
      await assert.rejects(check(archive.subarray(0, length)), { reason: 'invalid' });
    }),
    { seed: 1, numRuns: 50 },
  );
});

test('a flipped bit is found', async () => {
  const archive = await collect(reduceArchive(inChunks(newArchive())));
  const positions = fc.integer({ min: 0, max: LAYERS.reduce((sum, layer) => sum + layer.length, 0) });
  await fc.assert(
    fc.asyncProperty(positions, async (position) => {
      const damaged = Buffer.from(archive);
      damaged[position] = (damaged[position] ?? 0) ^ 1;
      const whole = await check(damaged).then(
        ({ image }) => image,
        () => undefined,
      );
      // Padding and the names of parts may differ; then it is the same image still.
      if (whole !== undefined) assert.equal(whole.imageId, IMAGE_ID);
      const inLayer = position >= 512 && position < 512 + (LAYERS[0]?.length ?? 0);
      if (inLayer) assert.equal(whole, undefined);
    }),
    { seed: 1, numRuns: 80 },
  );
});

test('long names and sizes in extended headers', async () => {
  const long = 'x'.repeat(150);
  const record = (text: string): Buffer => Buffer.from(`${text.length + 4} ${text}\n`);
  const pax = record(`path=${long}`);
  const paxHeader = renderTarHeader({ name: 'pax', mode: 0, sizeBytes: pax.length });
  paxHeader[156] = 'x'.charCodeAt(0);
  fixSum(paxHeader);
  const gnu = Buffer.from(`${long}gnu\0`);
  const gnuHeader = renderTarHeader({ name: '././@LongLink', mode: 0, sizeBytes: gnu.length });
  gnuHeader[156] = 'L'.charCodeAt(0);
  fixSum(gnuHeader);
  const block = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
  const one = (name: string): Buffer => renderTar([file(name, Buffer.from(name))]).subarray(0, 1024);
  const archive = Buffer.concat([
    paxHeader,
    block(pax),
    one('a'),
    gnuHeader,
    block(gnu),
    one('b'),
    one('c'),
    renderTarEnd(),
  ]);
  assert.deepEqual([...(await filesOf(archive)).keys()], [long, `${long}gnu`, 'c']);
});

function fixSum(header: Buffer): void {
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
}

test('tags that stand for digests', () => {
  const digest = `sha256:${'ab'.repeat(32)}`;
  for (const repository of ['nginx', 'team/app', 'registry.local:5000/team/app', '127.0.0.1:5000/app', 'ghcr.io/a/b']) {
    const alias = defined(aliasOf(`${repository}@${digest}`, digest), repository);
    assert.equal(digestNameOf(formatAlias(alias)), `${repository}@${digest}`);
    assert.deepEqual(aliasOf(`${repository}:tag`, digest), alias);
  }
  assert.equal(aliasOf(`Registry.Local/app@${digest}`, digest), undefined);
  assert.equal(aliasOf(`[::1]:5000/app@${digest}`, digest), undefined);
  assert.equal(aliasOf('nginx', 'sha512:1'), undefined);
  for (const tag of ['nginx:1', 'bramble.invalid/nginx:1', `nginx:${'ab'.repeat(32)}`])
    assert.equal(digestNameOf(tag), undefined);
  const names = readNames(['nginx:1', `bramble.invalid/nginx:${'ab'.repeat(32)}`], [`nginx@${digest}`]);
  assert.deepEqual(names, { references: ['nginx:1'], digests: [`nginx@${digest}`] });
});

test('progress of a pull is the sum over its layers', () => {
  const progress = new PullProgress();
  const line = (id: string, status: string, current?: number, total?: number) =>
    progress.take({ id, status, progressDetail: current === undefined ? {} : { current, total } });
  assert.equal(line('a', 'Pulling fs layer'), false);
  assert.equal(progress.take({ status: 'Digest: sha256:…' }), false);
  assert.equal(progress.take('nonsense'), false);
  line('a', 'Downloading', 10, 100);
  line('b', 'Downloading', 50, 50);
  assert.deepEqual([progress.doneBytes, progress.totalBytes], [60, 300]);
  line('b', 'Extracting', 25, 50);
  line('a', 'Download complete');
  assert.deepEqual([progress.doneBytes, progress.totalBytes], [175, 300]);
  line('a', 'Pull complete');
  line('b', 'Pull complete');
  assert.deepEqual([progress.doneBytes, progress.totalBytes], [300, 300]);
});
