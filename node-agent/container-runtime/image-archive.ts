/**
 * Image archives on their way between engines. What leaves an engine is reduced to what an image is (configuration, layers,
 * and which is which), the same bytes for the same image each time; what comes in is looked through as it passes, and is
 * complete for the engine only when its configuration has the expected digest and its layers are those of the configuration.
 * Engines write two forms: `<id>/layer.tar` (before 25) and `blobs/sha256/…`; both are read, one is written.
 * Source: Docker Engine API, "Exporting an image"; OCI image specification, "Image Configuration".
 */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { isJsonObject } from '../../shared/machinery/json.ts';
import { RuntimeError } from './runtime.ts';
import { renderTarEnd, renderTarHeader, renderTarPadding } from './tar.ts';
import { readTar, type TarEntry } from './tar-reader.ts';

const FILE_MODE = 0o644;

const MANIFEST = 'manifest.json';

/** Configurations, layers and the manifest; versions, old descriptions and repositories say nothing new. */
const PARTS = /^(?:[0-9a-f]{64}\.json|[0-9a-f]{64}\/layer\.tar|blobs\/sha256\/[0-9a-f]{64}|manifest\.json)$/;

/** Configurations and manifests are some kilobytes; layers are not kept. */
const MAX_KEPT_FILE_BYTES = 1024 * 1024;
const MAX_KEPT_BYTES = 8 * 1024 * 1024;

/** A layer that is packed has another digest than the configuration names: the engine compares them then. */
const PACKED = [Buffer.from([0x1f, 0x8b]), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])];

/** The archive of one image as the engine writes it, reduced. */
export async function* reduceArchive(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const { name, type, linkName, sizeBytes, content } of readTar(source)) {
    if (!PARTS.test(name)) continue;
    if (type === 'link') yield renderTarHeader({ name, mode: FILE_MODE, sizeBytes: 0, linkName });
    if (type !== 'file') continue;
    yield renderTarHeader({ name, mode: FILE_MODE, sizeBytes });
    yield* content();
    yield renderTarPadding(sizeBytes);
  }
  yield renderTarEnd();
}

export interface ExpectedImage {
  /** Digest of the configuration; undefined: whatever it is. */
  imageId: string | undefined;
  /** Names that the engine shall give it. */
  tags: readonly string[];
  maxBytes: number;
  /** Called before the engine gets the last piece. */
  onChecked(image: CheckedImage): void;
}

export interface CheckedImage {
  imageId: string;
  /** Digests of the unpacked layers, in their order. */
  layers: readonly string[];
}

interface Part {
  /** Name in the archive that is written. */
  name: string;
  digest: string;
  isPacked: boolean;
  bytes: Buffer | undefined;
}

/** The archive for the engine to load. Throws RuntimeError `invalid` before its end when something is not as it should be. */
export async function* checkArchive(
  source: AsyncIterable<Uint8Array>,
  expected: ExpectedImage,
): AsyncGenerator<Uint8Array> {
  const parts = new Map<string, Part>();
  const links = new Map<string, string>();
  const kept = { bytes: 0, total: 0 };
  for await (const entry of readTar(source)) {
    if (!PARTS.test(entry.name)) continue;
    if (entry.type === 'link') links.set(entry.name, posix.join(posix.dirname(entry.name), entry.linkName));
    if (entry.type !== 'file') continue;
    kept.total += entry.sizeBytes;
    if (kept.total > expected.maxBytes) throw wrong(`it is larger than ${expected.maxBytes} bytes`);
    const part = newPart(parts.size);
    parts.set(entry.name, part);
    yield* passPart(entry, part, kept);
  }
  const find = (name: unknown): Part | undefined => parts.get(links.get(String(name)) ?? String(name));
  const { manifest, image } = checkParts(find, expected);
  expected.onChecked(image);
  yield renderTarHeader({ name: MANIFEST, mode: FILE_MODE, sizeBytes: manifest.length });
  yield manifest;
  yield renderTarPadding(manifest.length);
  yield renderTarEnd();
}

function newPart(index: number): Part {
  return { name: `part-${index}`, digest: '', isPacked: false, bytes: undefined };
}

/** Hands the content on, and notes its digest; small JSON is kept, the manifest is not handed on. */
async function* passPart(entry: TarEntry, part: Part, kept: { bytes: number }): AsyncGenerator<Uint8Array> {
  const isManifest = entry.name === MANIFEST;
  const isSmall = entry.sizeBytes <= MAX_KEPT_FILE_BYTES && kept.bytes + entry.sizeBytes <= MAX_KEPT_BYTES;
  const hash = createHash('sha256');
  const chunks: Uint8Array[] = [];
  let begin = Buffer.alloc(0);
  if (!isManifest) yield renderTarHeader({ name: part.name, mode: FILE_MODE, sizeBytes: entry.sizeBytes });
  for await (const chunk of entry.content()) {
    hash.update(chunk);
    if (begin.length < 4) begin = Buffer.concat([begin, chunk.subarray(0, 4)]);
    if (isSmall && begin[0] === 0x7b) chunks.push(Buffer.from(chunk));
    else if (isSmall && isManifest) chunks.push(Buffer.from(chunk));
    if (!isManifest) yield chunk;
  }
  if (!isManifest) yield renderTarPadding(entry.sizeBytes);
  part.digest = `sha256:${hash.digest('hex')}`;
  part.isPacked = PACKED.some((magic) => begin.subarray(0, magic.length).equals(magic));
  if (chunks.length > 0) part.bytes = Buffer.concat(chunks);
  kept.bytes += part.bytes?.length ?? 0;
}

type FindPart = (name: unknown) => Part | undefined;

function checkParts(find: FindPart, expected: ExpectedImage): { manifest: Buffer; image: CheckedImage } {
  const [described] = asArray(readJson(find(MANIFEST)));
  if (!isJsonObject(described)) throw wrong('it does not say what is in it');
  const config = find(described['Config']);
  if (config === undefined) throw wrong('its configuration is missing');
  if (expected.imageId !== undefined && config.digest !== expected.imageId) {
    throw wrong(`it is another image: ${config.digest} and not ${expected.imageId}`);
  }
  const diffIds = diffIdsOf(config);
  const layers = asArray(described['Layers']).map(find);
  const areRight = diffIds.length === layers.length && layers.every((layer, index) => isLayer(layer, diffIds[index]));
  if (!areRight) throw wrong('its layers are not those of its configuration');
  const names = layers.flatMap((layer) => layer?.name ?? []);
  const manifest = [{ Config: config.name, RepoTags: [...expected.tags], Layers: names }];
  return { manifest: Buffer.from(JSON.stringify(manifest)), image: { imageId: config.digest, layers: diffIds } };
}

function isLayer(layer: Part | undefined, diffId: string | undefined): boolean {
  return layer !== undefined && (layer.isPacked || layer.digest === diffId);
}

function diffIdsOf(config: Part): string[] {
  const parsed = readJson(config);
  const rootfs = isJsonObject(parsed) ? parsed['rootfs'] : undefined;
  return asArray(isJsonObject(rootfs) ? rootfs['diff_ids'] : undefined).map(String);
}

function readJson(part: Part | undefined): unknown {
  try {
    return JSON.parse(part?.bytes?.toString('utf8') ?? '');
  } catch {
    return undefined;
  }
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function wrong(why: string): RuntimeError {
  return new RuntimeError('invalid', `the image archive is refused: ${why}`);
}
