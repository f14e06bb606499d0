/** Opens an operating system's image as a stream of the bytes that a card gets: plain, or packed by xz, gzip or zip. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { PassThrough, pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { FlashError } from './flash-error.ts';
import type { RunProgram } from './programs.ts';

export interface ImageSource {
  bytes: Readable;
  /** Of the file as it lies on disk, for progress. */
  packedBytes: number;
  /** How many of them have been read. */
  readBytes(): number;
  /** Settles when the packed file was read to its end: rejects when its checksum is not the expected one. */
  checked: Promise<'checked' | 'no checksum'>;
}

const PACKINGS = ['.img', '.img.xz', '.xz', '.img.gz', '.gz', '.zip', '.raw', '.wic'];

const CHUNK_BYTES = 1024 * 1024;

/** `expectedHash`: SHA-256 of the packed file, 64 hexadecimal digits; otherwise that of a file beside it, if there is one. */
export async function openImage(run: RunProgram, path: string, expectedHash: string | undefined): Promise<ImageSource> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined || !facts.isFile()) throw new FlashError('input', `there is no image ${path}`);
  const lower = path.toLowerCase();
  if (!PACKINGS.some((ending) => lower.endsWith(ending))) {
    throw new FlashError(
      'input',
      `${basename(path)} is no image that this program knows`,
      `known are ${PACKINGS.join(', ')}`,
    );
  }
  const hash = expectedHash ?? (await readHashBeside(path));
  const meter = new Meter(hash, basename(path));
  // pipeline, not pipe: an unreadable file must end the stream with an error.
  const packed = pipeline(createReadStream(path, { highWaterMark: CHUNK_BYTES }), meter, () => undefined);
  const bytes = await unpack(run, path, packed);
  return { bytes, packedBytes: facts.size, readBytes: () => meter.readBytes, checked: meter.checked };
}

/** Counts and hashes what passes through. */
class Meter extends Transform {
  readBytes = 0;
  readonly checked: Promise<'checked' | 'no checksum'>;
  readonly #digest = createHash('sha256');
  readonly #settle: (result: 'checked' | 'no checksum' | FlashError) => void;
  readonly #expected: string | undefined;
  readonly #name: string;

  constructor(expected: string | undefined, name: string) {
    super({ highWaterMark: CHUNK_BYTES });
    this.#expected = expected;
    this.#name = name;
    const { promise, resolve, reject } = Promise.withResolvers<'checked' | 'no checksum'>();
    // Nobody may ask when the image is only looked into.
    promise.catch(() => undefined);
    this.checked = promise;
    this.#settle = (result) => (result instanceof FlashError ? reject(result) : resolve(result));
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.readBytes += chunk.length;
    this.#digest.update(chunk);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    if (this.#expected === undefined) this.#settle('no checksum');
    else if (this.#digest.digest('hex') === this.#expected) this.#settle('checked');
    else {
      const message = `${this.#name} is damaged: its SHA-256 is not the published one`;
      this.#settle(new FlashError('input', message, 'load it down again'));
    }
    done();
  }
}

async function unpack(run: RunProgram, path: string, packed: Readable): Promise<Readable> {
  const lower = path.toLowerCase();
  if (lower.endsWith('.xz')) return pipeThrough('xz', ['--decompress', '--stdout', '--threads=0'], packed);
  if (lower.endsWith('.gz')) return pipeline(packed, createGunzip(), () => undefined);
  // The list of a zip is at its end: unzip reads the file itself, and the checksum is taken beside it.
  if (lower.endsWith('.zip')) {
    packed.resume();
    return pipeThrough('unzip', ['-p', path, await findImageInZip(run, path)], undefined);
  }
  return packed;
}

async function findImageInZip(run: RunProgram, path: string): Promise<string> {
  const { code, stdout, stderr } = await run('unzip', ['-Z1', path]);
  if (code === -1) throw missing('unzip', 'unzip');
  if (code !== 0) throw new FlashError('input', `${basename(path)} cannot be opened: ${stderr.trim().split('\n')[0]}`);
  const images = stdout
    .toString()
    .split('\n')
    .filter((name) => /\.(img|raw|wic)$/i.test(name));
  const [image] = images;
  if (image !== undefined && images.length === 1) return image;
  throw new FlashError(
    'input',
    `${basename(path)} holds ${images.length} images; it must be one`,
    'unpack it and name the .img',
  );
}

/** The program's failure ends the stream with an error, never as if the image were complete. */
function pipeThrough(program: string, args: readonly string[], input: Readable | undefined): Readable {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const output = new PassThrough({ highWaterMark: CHUNK_BYTES });
  // It may fail before anybody reads; whoever reads then is told.
  output.on('error', () => undefined);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = `${stderr}${chunk.toString()}`.slice(-1_000);
  });
  child.stdin.on('error', () => undefined);
  if (input === undefined) child.stdin.end();
  else input.pipe(child.stdin);
  child.stdout.pipe(output, { end: false });
  child.on('error', () => output.destroy(missing(program, program === 'xz' ? 'xz-utils' : program)));
  child.on('close', (code) => {
    if (code === 0) output.end();
    else
      output.destroy(
        new FlashError(
          'input',
          `the image cannot be unpacked: ${stderr.trim().split('\n')[0] ?? ''}`,
          'load it down again',
        ),
      );
  });
  output.on('close', () => child.kill());
  return output;
}

function missing(program: string, debianPackage: string): FlashError {
  return new FlashError(
    'unavailable',
    `${program} is missing`,
    `apt-get install ${debianPackage}, or unpack the image yourself`,
  );
}

/** `FILE.sha256`, as it is published beside images: the hash, then the name. */
async function readHashBeside(path: string): Promise<string | undefined> {
  const text = await readFile(`${path}.sha256`, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : /^[0-9a-fA-F]{64}/.exec(text.trim())?.[0]?.toLowerCase();
}
