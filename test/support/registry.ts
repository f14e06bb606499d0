/**
 * A real registry for tests: Debian's docker-registry, fetched with apt and unpacked into .cache/ beside the system (nothing
 * is installed), started on a free loopback port with its files in a folder of its own, ended by its own pid. Images are
 * made here, for whatever platforms a test wants. Its access log says who asked for what: pulls can be counted.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { lastLines, pathExists, runProgram } from '../../cli/setup/run-program.ts';
import { renderTar, type TarFile } from '../../node-agent/container-runtime/tar.ts';
import type { ImagePlatform } from '../../shared/machinery/image-platform.ts';
import { findFreePorts } from './cluster.ts';
import { waitFor } from './wait.ts';

const ROOT = join(import.meta.dirname, '../..');
const CACHE = join(ROOT, '.cache/docker-registry');
const CACHED = join(CACHE, 'usr/bin/docker-registry');

export interface RegistryRequest {
  method: string;
  path: string;
  status: number;
  userAgent: string;
}

export interface TestImage {
  /** `team/app:1` */
  name: string;
  platforms: readonly ImagePlatform[];
  files: readonly TarFile[];
  /** Further layers, each with these files. */
  layers?: readonly (readonly TarFile[])[];
  command?: readonly string[];
}

export interface TestRegistry {
  /** `127.0.0.1:5000` */
  host: string;
  /** Pushes the image; returns the digest that its name has then: of the list when there are several platforms. */
  push(image: TestImage): Promise<string>;
  /** All requests since the start that match, in their order. */
  requests(pattern: RegExp): Promise<RegistryRequest[]>;
  stop(): Promise<void>;
}

export interface TestRegistryOptions {
  /** Asks for `user` and `sesame`. */
  withPassword?: boolean;
}

export const REGISTRY_USER = { username: 'user', password: 'sesame' };

/** bcrypt of `sesame`. */
const HTPASSWD = 'user:$2y$05$abcdefghijklmnopqrstuuKcS.CYWVYVaLiiCKrrc0A5s3mGesJ9O\n';

const TYPES = {
  list: 'application/vnd.docker.distribution.manifest.list.v2+json',
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** Path of the program; fetches it when it is not there yet. */
export async function ensureRegistryProgram(): Promise<string> {
  if (await pathExists(CACHED)) return CACHED;
  const work = `${CACHE}.${process.pid}`;
  try {
    await mkdir(work, { recursive: true });
    await mustRun('apt-get', ['download', '-q', 'docker-registry'], work);
    const file = (await readdir(work)).find((name) => name.endsWith('.deb')) ?? '';
    await mustRun('dpkg', ['-x', join(work, file), join(work, 'root')], work);
    await rm(CACHE, { recursive: true, force: true });
    await rename(join(work, 'root'), CACHE);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return CACHED;
}

async function mustRun(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { code, output } = await runProgram(program, args, { env: process.env, cwd });
  if (code !== 0) throw new Error(`${program} ${args.at(-1)} failed:\n${lastLines(output, 8)}`);
}

export async function startTestRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const program = await ensureRegistryProgram();
  const folder = await mkdtemp(join(tmpdir(), 'bt-registry-'));
  const [port = 0] = await findFreePorts(1);
  const host = `127.0.0.1:${port}`;
  await writeFile(join(folder, 'htpasswd'), HTPASSWD);
  await writeFile(join(folder, 'config.yml'), renderConfig(folder, host, options));
  const child = spawn(program, ['serve', join(folder, 'config.yml')], { stdio: ['ignore', 'pipe', 'pipe'] });
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  const call = createCaller(host, options);
  await waitFor(`the registry at ${host}`, async () => (await call('GET', '/v2/')).status === 200);
  return {
    host,
    push: (image) => pushImage(call, image),
    async requests(pattern) {
      await flushed(call, log);
      return parseRequests(log.join('')).filter(({ method, path }) => pattern.test(`${method} ${path}`));
    },
    stop: () => end(child, folder),
  };
}

function renderConfig(folder: string, host: string, { withPassword }: TestRegistryOptions): string {
  return JSON.stringify({
    version: 0.1,
    log: { level: 'info', formatter: 'json', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: host, secret: 'test' },
    ...(withPassword ? { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } } : {}),
  });
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
  }
  await rm(folder, { recursive: true, force: true });
}

type Call = (method: string, path: string, body?: { type: string; bytes: Buffer }) => Promise<Response>;

function createCaller(host: string, { withPassword }: TestRegistryOptions): Call {
  const { username, password } = REGISTRY_USER;
  const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return (method, path, body) =>
    fetch(new URL(path, `http://${host}`), {
      method,
      headers: {
        'user-agent': 'test',
        ...(withPassword ? { authorization: basic } : {}),
        ...(body ? { 'content-type': body.type } : {}),
      },
      ...(body ? { body: new Uint8Array(body.bytes) } : {}),
    });
}

async function pushImage(call: Call, image: TestImage): Promise<string> {
  const [repository = '', tag = 'latest'] = image.name.split(':');
  const layers = [image.files, ...(image.layers ?? [])].map((files) => renderTar(files));
  const manifests: { bytes: Buffer; platform: ImagePlatform }[] = [];
  for (const platform of image.platforms) {
    const bytes = await pushVariant(call, repository, { image, platform, layers });
    manifests.push({ bytes, platform });
  }
  const [only] = manifests;
  if (manifests.length === 1 && only !== undefined)
    return pushManifest(call, repository, { tag, type: TYPES.manifest, bytes: only.bytes });
  for (const { bytes } of manifests)
    await pushManifest(call, repository, { tag: digestOf(bytes), type: TYPES.manifest, bytes });
  const entries = manifests.map(({ bytes, platform }) => ({ ...describe(TYPES.manifest, bytes), platform }));
  const list = asJson({ schemaVersion: 2, mediaType: TYPES.list, manifests: entries });
  return pushManifest(call, repository, { tag, type: TYPES.list, bytes: list });
}

interface Variant {
  image: TestImage;
  platform: ImagePlatform;
  layers: readonly Buffer[];
}

/** Uploads layers and configuration; returns the manifest. */
async function pushVariant(call: Call, repository: string, { image, platform, layers }: Variant): Promise<Buffer> {
  const packed = layers.map((layer) => gzipSync(layer, { level: 1 }));
  const config = asJson({
    ...platform,
    created: '2026-01-01T00:00:00Z',
    config: { Env: ['PATH=/bin'], Cmd: image.command ?? ['/bin/busybox', 'sleep', '1000'] },
    rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
    history: layers.map(() => ({ created: '2026-01-01T00:00:00Z', created_by: 'test' })),
  });
  for (const blob of [...packed, config]) await pushBlob(call, repository, blob);
  return asJson({
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    config: describe(TYPES.config, config),
    layers: packed.map((layer) => describe(TYPES.layer, layer)),
  });
}

async function pushBlob(call: Call, repository: string, bytes: Buffer): Promise<void> {
  const begun = await call('POST', `/v2/${repository}/blobs/uploads/`);
  const location = new URL(begun.headers.get('location') ?? '', 'http://registry');
  location.searchParams.set('digest', digestOf(bytes));
  const type = 'application/octet-stream';
  const done = await call('PUT', `${location.pathname}${location.search}`, { type, bytes });
  if (done.status !== 201) throw new Error(`the registry took no blob: ${done.status} ${await done.text()}`);
}

async function pushManifest(
  call: Call,
  repository: string,
  { tag, type, bytes }: { tag: string; type: string; bytes: Buffer },
): Promise<string> {
  const done = await call('PUT', `/v2/${repository}/manifests/${tag}`, { type, bytes });
  if (done.status !== 201) throw new Error(`the registry took no manifest: ${done.status} ${await done.text()}`);
  return digestOf(bytes);
}

function describe(mediaType: string, bytes: Buffer): { mediaType: string; size: number; digest: string } {
  return { mediaType, size: bytes.length, digest: digestOf(bytes) };
}

function asJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

let markers = 0;

/** The log is written in the order of the answers: when a marker is there, all before it is. */
async function flushed(call: Call, log: readonly string[]): Promise<void> {
  markers += 1;
  const marker = `/v2/marker-${process.pid}-${markers}/tags/list`;
  await call('GET', marker);
  await waitFor("the registry's log", () => log.join('').includes(marker));
}

/** Lines of JSON, of which those with a status are answers. */
function parseRequests(text: string): RegistryRequest[] {
  return text.split('\n').flatMap((line) => {
    if (!line.includes('"http.response.status"')) return [];
    const entry = JSON.parse(line);
    const uri = String(entry['http.request.uri']);
    return [
      {
        method: String(entry['http.request.method']),
        path: uri,
        status: Number(entry['http.response.status']),
        userAgent: String(entry['http.request.useragent']),
      },
    ];
  });
}

/** busybox as /bin/busybox, which every image of a test begins with. */
export async function busyboxFile(): Promise<TarFile> {
  const path = process.env['BRAMBLE_TEST_BUSYBOX'] ?? '/bin/busybox';
  return { name: 'bin/busybox', mode: 0o755, bytes: await readFile(path) };
}
