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

export function renderTar(files: readonly TarFile[]): Buffer {
  const blocks = files.flatMap((file) => [renderHeader(file), pad(file.bytes)]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function pad(bytes: Uint8Array): Buffer {
  const rest = (BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES;
  return Buffer.concat([bytes, Buffer.alloc(rest)]);
}

function renderHeader({ name, mode, bytes }: TarFile): Buffer {
  assert(Buffer.byteLength(name) <= MAX_NAME_BYTES, `tar name too long: ${name}`);
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0);
  header.write(octal(mode, 7), 100);
  header.write(octal(0, 7), 108); // uid
  header.write(octal(0, 7), 116); // gid
  header.write(octal(bytes.length, 11), 124);
  header.write(octal(0, 11), 136); // mtime: the epoch, so that the same input gives the same bytes
  header.write('        ', 148); // the checksum counts its own field as blanks
  header.write('0', 156); // regular file
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
