/**
 * Reads a tar archive as it comes, without keeping it: header by header, and each file's content as a stream that is read or
 * passed over. Source: POSIX pax(1), "ustar Interchange Format" and "pax Extended Header"; GNU tar, long names and sizes.
 */
import { RuntimeError } from './runtime.ts';

export interface TarEntry {
  name: string;
  type: 'file' | 'link' | 'other';
  /** Of a link: what it points to, as written. */
  linkName: string;
  sizeBytes: number;
  /** Reads the content, once; what is not read is passed over. */
  content(): AsyncIterable<Uint8Array>;
}

const BLOCK_BYTES = 512;

/** Names in extended headers; the engine's own have some 80 characters. */
const MAX_EXTENSION_BYTES = 64 * 1024;

/** Zeros after the end; some writers fill up a whole record. */
const MAX_TRAILER_BYTES = 64 * 1024;

/** Entries of an archive; images have at most 127 layers and few files beside them. */
const MAX_ENTRIES = 2_000;

/** Throws RuntimeError `invalid` for what is no archive, or ends in the middle. */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const bytes = new ByteReader(source);
  let extension: Extension = {};
  try {
    for (let count = 0; ; count += 1) {
      const header = await bytes.take(BLOCK_BYTES);
      if (header.every((byte) => byte === 0)) {
        await bytes.drain(MAX_TRAILER_BYTES);
        return;
      }
      if (count >= MAX_ENTRIES) throw broken('it has too many entries');
      const { entry, kind } = parseHeader(header, extension);
      if (kind === 'extension') {
        extension = { ...extension, ...(await readExtension(bytes, header, entry.sizeBytes)) };
        continue;
      }
      extension = {};
      yield* serveEntry(bytes, entry);
    }
  } finally {
    await bytes.close();
  }
}

async function* serveEntry(bytes: ByteReader, entry: Omit<TarEntry, 'content'>): AsyncGenerator<TarEntry> {
  const content = { left: entry.sizeBytes };
  yield { ...entry, content: () => bytes.stream(content) };
  for await (const _ of bytes.stream(content));
  await bytes.take(paddingOf(entry.sizeBytes));
}

function paddingOf(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** What an extended header says of the entry after it. */
interface Extension {
  path?: string;
  linkpath?: string;
  size?: number;
}

interface Header {
  entry: Omit<TarEntry, 'content'>;
  kind: 'entry' | 'extension';
}

const EXTENSION_TYPES = new Set(['x', 'g', 'L', 'K']);

function parseHeader(header: Buffer, extension: Extension): Header {
  checkSum(header);
  const typeFlag = String.fromCharCode(header[156] ?? 0);
  const prefix = text(header, 345, 155);
  const name = extension.path ?? (prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`);
  const isFile = typeFlag === '0' || typeFlag === '\0';
  const isLink = typeFlag === '1' || typeFlag === '2';
  const hasContent = isFile || EXTENSION_TYPES.has(typeFlag);
  return {
    kind: EXTENSION_TYPES.has(typeFlag) ? 'extension' : 'entry',
    entry: {
      name: name.replace(/^(\.?\/)+/, ''),
      type: isFile ? 'file' : isLink ? 'link' : 'other',
      linkName: extension.linkpath ?? text(header, 157, 100),
      sizeBytes: hasContent ? (extension.size ?? parseNumber(header.subarray(124, 136))) : 0,
    },
  };
}

/** The checksum counts its own field as blanks. */
function checkSum(header: Buffer): void {
  const told = parseNumber(header.subarray(148, 156));
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (sum !== told) throw broken('a header is damaged');
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString('utf8');
}

/** Octal digits, or with the first bit set a big-endian number (GNU, for what is larger than 8 GiB). */
function parseNumber(field: Buffer): number {
  const isBinary = ((field[0] ?? 0) & 0x80) !== 0;
  const number = isBinary
    ? field.reduce((total, byte, index) => total * 256 + (index === 0 ? byte & 0x7f : byte), 0)
    : Number.parseInt(field.toString('latin1').replaceAll(/[\0 ]/g, '') || '0', 8);
  if (!Number.isSafeInteger(number) || number < 0) throw broken('a header holds no number where one belongs');
  return number;
}

async function readExtension(bytes: ByteReader, header: Buffer, sizeBytes: number): Promise<Extension> {
  if (sizeBytes > MAX_EXTENSION_BYTES) throw broken('an extended header is too large');
  const body = await bytes.take(sizeBytes);
  await bytes.take(paddingOf(sizeBytes));
  const typeFlag = String.fromCharCode(header[156] ?? 0);
  const name = body.toString('utf8').replace(/\0+$/, '');
  if (typeFlag === 'L') return { path: name };
  if (typeFlag === 'K') return { linkpath: name };
  return typeFlag === 'x' ? parsePax(body.toString('utf8')) : {};
}

/** Records of the form `25 path=a/very/long/name\n`. */
function parsePax(records: string): Extension {
  const values = new Map<string, string>();
  for (const line of records.split('\n')) {
    const match = /^\d+ ([^=]+)=(.*)$/s.exec(line);
    if (match !== null) values.set(match[1] ?? '', match[2] ?? '');
  }
  const path = values.get('path');
  const linkpath = values.get('linkpath');
  const size = values.get('size');
  return {
    ...(path === undefined ? {} : { path }),
    ...(linkpath === undefined ? {} : { linkpath }),
    ...(size === undefined ? {} : { size: Number(size) }),
  };
}

function broken(why: string): RuntimeError {
  return new RuntimeError('invalid', `the image archive cannot be read: ${why}`);
}

/** Exact amounts from chunks of whatever size. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of this.stream({ left: length })) parts.push(part);
    return Buffer.concat(parts);
  }

  /** Reads what is left of an amount, which may be more than one reader does. */
  async *stream(amount: { left: number }): AsyncGenerator<Uint8Array> {
    while (amount.left > 0) {
      if (this.#chunk.length === 0 && !(await this.#fill())) throw broken('it ends too early');
      const part = this.#chunk.subarray(0, amount.left);
      this.#chunk = this.#chunk.subarray(part.length);
      amount.left -= part.length;
      yield part;
    }
  }

  /** Reads to the end, so that the source ends by itself. */
  async drain(limitBytes: number): Promise<void> {
    for (let total = 0; total <= limitBytes && (await this.#fill()); ) total += this.#chunk.length;
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    this.#chunk = done ? new Uint8Array(0) : value;
    return done !== true;
  }
}
