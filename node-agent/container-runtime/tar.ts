/** The smallest tar writer that Docker takes: regular files with short names. Source: POSIX pax(1), ustar format. */
import { assert } from '../../shared/platform/assert.ts';

export interface TarFile {
  /** At most 100 bytes. */
  name: string;
  mode: number;
  bytes: Uint8Array;
}

const BLOCK_BYTES = 512;
const MAX_NAME_BYTES = 100;

/** Largest size that eleven octal digits tell. */
const MAX_FILE_BYTES = 8 ** 11 - 1;

export function renderTar(files: readonly TarFile[]): Buffer {
  const blocks = files.flatMap(({ name, mode, bytes }) => [
    renderTarHeader({ name, mode, sizeBytes: bytes.length }),
    bytes,
    renderTarPadding(bytes.length),
  ]);
  return Buffer.concat([...blocks, renderTarEnd()]);
}

/** Zeros after a file's content, up to the next block. */
export function renderTarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** What an archive ends with. */
export function renderTarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES);
}

export interface TarHeader {
  /** At most 100 bytes. */
  name: string;
  mode: number;
  sizeBytes: number;
  /** Makes it a symbolic link; at most 100 bytes. */
  linkName?: string;
}

/** What stands before a file's content, for archives that are written as they come. */
export function renderTarHeader({ name, mode, sizeBytes, linkName = '' }: TarHeader): Buffer {
  assert(sizeBytes <= MAX_FILE_BYTES && Buffer.byteLength(linkName) <= MAX_NAME_BYTES, `no tar entry: ${name}`);
  assert(Buffer.byteLength(name) <= MAX_NAME_BYTES, `tar name too long: ${name}`);
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0);
  header.write(octal(mode, 7), 100);
  header.write(octal(0, 7), 108); // uid
  header.write(octal(0, 7), 116); // gid
  header.write(octal(sizeBytes, 11), 124);
  header.write(octal(0, 11), 136); // mtime: the epoch, so that the same input gives the same bytes
  header.write('        ', 148); // the checksum counts its own field as blanks
  header.write(linkName === '' ? '0' : '2', 156); // regular file, symbolic link
  header.write(linkName, 157);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
