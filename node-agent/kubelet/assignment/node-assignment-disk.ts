/**
 * AssignmentDisk on a real file system (adapter: files). New contents are written beside, flushed, and renamed; the folder
 * is flushed once for all of them, so that a change costs an SD card few writes.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type AssignmentDisk, MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES } from './assignment-disk.ts';

/** Left by a power cut; nobody reads them. */
const TEMPORARY = '.tmp';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

export function createAssignmentDisk(directory: string): AssignmentDisk {
  return {
    readAll: () => readAll(directory),
    async apply(changes) {
      await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
      for (const [name, bytes] of changes) if (bytes !== undefined) await writeBeside(join(directory, name), bytes);
      for (const [name, bytes] of changes) await putInPlace(join(directory, name), bytes);
      await flush(directory);
    },
  };
}

async function readAll(directory: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  let totalBytes = 0;
  for (const name of (await list(directory)).sort()) {
    const path = join(directory, name);
    if (name.endsWith(TEMPORARY)) {
      await rm(path, { force: true });
      continue;
    }
    const { size } = await stat(path);
    totalBytes += size;
    if (size > MAX_FILE_BYTES || totalBytes > MAX_TOTAL_BYTES || files.size >= MAX_FILES) continue;
    files.set(name, await readFile(path));
  }
  return files;
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

async function writeBeside(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(`${path}${TEMPORARY}`, 'w', FILE_MODE);
  await file.writeFile(bytes);
  await file.datasync();
}

async function putInPlace(path: string, bytes: Uint8Array | undefined): Promise<void> {
  if (bytes === undefined) await rm(path, { force: true });
  else await rename(`${path}${TEMPORARY}`, path);
}

async function flush(directory: string): Promise<void> {
  await using folder = await open(directory);
  await folder.sync();
}
