/**
 * Writes an image onto a card or into a file and reads it back. The first block, which holds the partition table, comes
 * last: a card that was pulled out half-way has no partitions and boots nothing, instead of half a system.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { FlashError } from './flash-error.ts';
import { SECTOR_BYTES } from './partition-table.ts';

export const BLOCK_BYTES = 4 * 1024 * 1024;

export interface WriteOptions {
  bytes: Readable;
  /** A device, or a file that is made. */
  target: string;
  isDevice: boolean;
  /** Of the target; undefined: a file grows as it must. */
  roomBytes: number | undefined;
  /** Asked when everything has been read: what rejects here leaves the target without a partition table. */
  confirm(): Promise<unknown>;
  onWritten?(bytes: number): void;
  onVerified?(bytes: number, total: number): void;
  signal?: AbortSignal;
}

/** Resolves with the image's size in bytes. */
export async function writeImage(options: WriteOptions): Promise<number> {
  const file = await openTarget(options);
  try {
    const written = await writeBlocks(file, options);
    await file.sync();
    await verify(file, written, options);
    return written.sizeBytes;
  } finally {
    await file.close();
  }
}

interface Written {
  sizeBytes: number;
  hash: string;
}

async function openTarget({ target, isDevice }: WriteOptions): Promise<FileHandle> {
  try {
    return await open(target, isDevice ? 'r+' : 'w+');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'EACCES' || code === 'EPERM')
      throw new FlashError('unavailable', `${target} may not be written`, 'run this with sudo');
    throw new FlashError('write', `${target} cannot be written: ${code}`);
  }
}

async function writeBlocks(
  file: FileHandle,
  { bytes, isDevice, roomBytes, confirm, onWritten, signal }: WriteOptions,
): Promise<Written> {
  const hash = createHash('sha256');
  let first: Buffer | undefined;
  let position = 0;
  if (isDevice) await writeAll(file, ZEROS.subarray(0, SECTOR_BYTES), 0);
  for await (const block of inBlocks(bytes)) {
    signal?.throwIfAborted();
    if (roomBytes !== undefined && position + block.length > roomBytes) throw tooSmall(roomBytes);
    hash.update(block);
    if (first === undefined) first = block;
    // A new file has zeros where nothing was written, and takes no room for them.
    else if (isDevice || !isZero(block)) await writeAll(file, block, position);
    position += block.length;
    onWritten?.(position);
  }
  if (first === undefined) throw new FlashError('input', 'the image is empty');
  await confirm();
  await file.sync();
  await writeAll(file, first, 0);
  if (!isDevice) await file.truncate(position);
  return { sizeBytes: position, hash: hash.digest('hex') };
}

function isZero(block: Buffer): boolean {
  return block.equals(ZEROS.subarray(0, block.length));
}

const ZEROS = Buffer.alloc(BLOCK_BYTES);

function tooSmall(roomBytes: number): FlashError {
  return new FlashError(
    'refused',
    `the image does not fit: the card has ${Math.floor(roomBytes / 1_000_000)} MB`,
    'use a larger card',
  );
}

async function writeAll(file: FileHandle, block: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < block.length) {
    const { bytesWritten } = await file.write(block, done, block.length - done, position + done);
    done += bytesWritten;
  }
}

async function verify(file: FileHandle, written: Written, { onVerified, signal }: WriteOptions): Promise<void> {
  const hash = createHash('sha256');
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let position = 0;
  while (position < written.sizeBytes) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(block, 0, Math.min(BLOCK_BYTES, written.sizeBytes - position), position);
    if (bytesRead === 0) break;
    hash.update(block.subarray(0, bytesRead));
    position += bytesRead;
    onVerified?.(position, written.sizeBytes);
  }
  if (hash.digest('hex') !== written.hash) {
    throw new FlashError(
      'write',
      'the card reads back differently from what was written',
      'the card or its reader is broken, or a fake with less room than it says: try another one',
    );
  }
}

/** Whole blocks, however the stream cuts them: cards are slow with small writes. */
async function* inBlocks(bytes: Readable): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    const buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
    parts.push(buffer);
    size += buffer.length;
    if (size < BLOCK_BYTES) continue;
    const whole = Buffer.concat(parts);
    const end = whole.length - (whole.length % BLOCK_BYTES);
    for (let at = 0; at < end; at += BLOCK_BYTES) yield whole.subarray(at, at + BLOCK_BYTES);
    parts = end < whole.length ? [whole.subarray(end)] : [];
    size = whole.length - end;
  }
  if (size > 0) yield Buffer.concat(parts);
}
