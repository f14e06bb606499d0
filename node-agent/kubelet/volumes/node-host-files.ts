/**
 * HostFiles on a real file system: an adapter, the one place of the kubelet that touches the disk. Projected volumes are
 * replaced as Kubernetes does it: the files lie in a directory named by their contents, `..data` points to it and is
 * swapped by one rename, and each visible name is a link through `..data`.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type FileType, type HostFiles, HostFilesError, type ProjectedFile } from './host-files.ts';

const DATA_LINK = '..data';
const DIRECTORY_MODE = 0o755;

export const nodeHostFiles: HostFiles = {
  makeDirectory: (path, mode) =>
    guard(`make the directory ${path}`, async () => {
      // mkdir's mode goes through the umask, chmod's does not.
      if ((await fs.mkdir(path, { recursive: true, mode })) !== undefined) await fs.chmod(path, mode);
    }),
  writeProjected: (directory, files, groupId) =>
    guard(`write the volume ${directory}`, () => replaceFiles(directory, files, groupId)),
  touchFile: (path, mode) =>
    guard(`make the file ${path}`, async () => {
      await fs.mkdir(dirname(path), { recursive: true });
      await using file = await fs.open(path, 'a', mode);
      await file.chmod(mode);
    }),
  readTail: (path, maxBytes) => guard(`read ${path}`, () => absentAsUndefined(readTail(path, maxBytes))),
  typeOf: (path) =>
    guard(`look at ${path}`, async () => {
      const stats = await absentAsUndefined(fs.stat(path));
      return stats && typeFrom(stats);
    }),
  mountMemory: (directory, sizeBytes) =>
    guard(`mount memory at ${directory}`, async () => {
      if ((await mountPointsBelow(directory)).includes(directory)) return;
      const options = ['mode=0777', ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`])].join(',');
      await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
    }),
  setGroup: (path, groupId) =>
    guard(`give ${path} to group ${groupId}`, async () => {
      const { uid, gid, mode } = await fs.stat(path);
      if (gid === groupId) return;
      await fs.chown(path, uid, groupId);
      // New files belong to the group too (set-group-id), and the group may write.
      await fs.chmod(path, (mode & 0o7777) | 0o2770);
    }),
  listDirectory: (path) => guard(`list ${path}`, async () => (await absentAsUndefined(fs.readdir(path))) ?? []),
  removeTree: (path) =>
    guard(`remove ${path}`, async () => {
      for (const mountPoint of await mountPointsBelow(path)) await promisify(execFile)('umount', [mountPoint]);
      await fs.rm(path, { recursive: true, force: true });
    }),
};

async function replaceFiles(directory: string, files: readonly ProjectedFile[], groupId?: number): Promise<void> {
  await fs.mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  const version = `..${hashFiles(files, groupId)}`;
  const dataLink = join(directory, DATA_LINK);
  const present = await absentAsUndefined(fs.readlink(dataLink));
  if (present === version) return;
  await fs.rm(join(directory, version), { recursive: true, force: true });
  await fs.mkdir(join(directory, version), { mode: DIRECTORY_MODE });
  for (const file of files) await writeOne(join(directory, version), file, groupId);
  await replaceLink(dataLink, version);
  await replaceVisibleNames(directory, files);
  if (present !== undefined) await fs.rm(join(directory, present), { recursive: true, force: true });
}

async function writeOne(root: string, { path, bytes, mode }: ProjectedFile, groupId?: number): Promise<void> {
  const target = join(root, path);
  await fs.mkdir(dirname(target), { recursive: true, mode: DIRECTORY_MODE });
  await fs.writeFile(target, bytes);
  if (groupId !== undefined) await fs.chown(target, 0, groupId);
  // With a group of its own, the group may read what the owner may.
  await fs.chmod(target, groupId === undefined ? mode : mode | ((mode & 0o400) >> 3));
}

/** A link cannot be overwritten, but a rename over it is atomic. */
async function replaceLink(path: string, target: string): Promise<void> {
  const next = `${path}_tmp`;
  await fs.rm(next, { force: true });
  await fs.symlink(target, next);
  await fs.rename(next, path);
}

/** The first part of each path is a link into `..data`; links of files that are gone go too. */
async function replaceVisibleNames(directory: string, files: readonly ProjectedFile[]): Promise<void> {
  const wanted = new Set(files.map(({ path }) => path.split('/')[0] ?? ''));
  const present = (await fs.readdir(directory)).filter((name) => !name.startsWith('..'));
  for (const name of present) if (!wanted.has(name)) await fs.rm(join(directory, name), { force: true });
  for (const name of wanted) {
    if (!present.includes(name)) await fs.symlink(join(DATA_LINK, name), join(directory, name));
  }
}

function hashFiles(files: readonly ProjectedFile[], groupId: number | undefined): string {
  const hash = createHash('sha256').update(String(groupId));
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const { path, bytes, mode } of sorted) hash.update(`\0${path}\0${mode}\0${bytes.length}\0`).update(bytes);
  return hash.digest('hex').slice(0, 24);
}

async function readTail(path: string, maxBytes: number): Promise<Uint8Array> {
  await using file = await fs.open(path, 'r');
  const { size } = await file.stat();
  const buffer = Buffer.alloc(Math.min(size, maxBytes));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, Math.max(0, size - maxBytes));
  return buffer.subarray(0, bytesRead);
}

function typeFrom(stats: Awaited<ReturnType<typeof fs.stat>>): FileType {
  if (stats.isDirectory()) return 'directory';
  if (stats.isSocket()) return 'socket';
  if (stats.isCharacterDevice()) return 'character-device';
  return stats.isBlockDevice() ? 'block-device' : 'file';
}

/** Mount points at or below `path`, deepest first. Source: proc(5), /proc/self/mountinfo. */
async function mountPointsBelow(path: string): Promise<string[]> {
  const lines = (await fs.readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const points = lines.map((line) => unescapeOctal(line.split(' ')[4] ?? ''));
  const below = points.filter((point) => point === path || point.startsWith(`${path}/`));
  return below.sort((a, b) => b.length - a.length);
}

/** The kernel writes blanks and backslashes as `\040`. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

async function absentAsUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return undefined;
    }
    throw error;
  }
}

/** The node's own failures (no space, no permission) as one kind of error that says what was tried. */
async function guard<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new HostFilesError(`cannot ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
