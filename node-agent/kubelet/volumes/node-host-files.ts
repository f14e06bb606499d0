/** HostFiles on a real file system: an adapter, with its neighbours the one place of the kubelet that touches the disk. */
import { execFile } from 'node:child_process';
import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { absentAsUndefined, guard } from './file-errors.ts';
import type { FileType, HostFiles } from './host-files.ts';
import { openInside } from './path-inside.ts';
import { replaceFiles } from './projected-directory.ts';
import { giveToGroup, measureTree } from './tree-work.ts';

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
  readInside: (root, path, maxBytes) =>
    guard(`read ${path} in ${root}`, () => absentAsUndefined(readInside(root, path, maxBytes))),
  bindInside: (root, path, target) => guard(`mount ${path} of ${root}`, () => bindInside(root, path, target)),
  typeOf: (path) =>
    guard(`look at ${path}`, async () => {
      const stats = await absentAsUndefined(fs.stat(path));
      return stats && typeFrom(stats);
    }),
  mountMemory: (directory, { mode, sizeBytes }) =>
    guard(`mount memory at ${directory}`, async () => {
      if ((await mountPointsBelow(directory)).includes(directory)) return;
      const options = [`mode=0${mode.toString(8)}`, ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`])].join(
        ',',
      );
      await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
    }),
  setGroup: (path, options) => guard(`give ${path} to group ${options.groupId}`, () => giveToGroup(path, options)),
  usedBytes: (path) => guard(`measure ${path}`, () => measureTree(path)),
  listDirectory: (path) => guard(`list ${path}`, async () => (await absentAsUndefined(fs.readdir(path))) ?? []),
  removeTree: (path) =>
    guard(`remove ${path}`, async () => {
      for (const mountPoint of await mountPointsBelow(path)) await promisify(execFile)('umount', [mountPoint]);
      await fs.rm(path, { recursive: true, force: true });
    }),
};

async function readTail(path: string, maxBytes: number): Promise<Uint8Array> {
  await using file = await fs.open(path, 'r');
  const { size } = await file.stat();
  const buffer = Buffer.alloc(Math.min(size, maxBytes));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, Math.max(0, size - maxBytes));
  return buffer.subarray(0, bytesRead);
}

async function readInside(root: string, path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const { handle, stats } = await openInside(root, path, { make: false });
  try {
    if (!stats.isFile()) return undefined;
    await using file = await fs.open(`/proc/self/fd/${handle.fd}`, 'r');
    const buffer = Buffer.alloc(Math.min(stats.size, maxBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** The mount is made from the open file, so that its name no longer matters. */
async function bindInside(root: string, path: string, target: string): Promise<void> {
  const { handle, stats } = await openInside(root, path, { make: true });
  try {
    if ((await mountPointsBelow(target)).includes(target)) {
      const present = await fs.stat(target);
      if (present.dev === stats.dev && present.ino === stats.ino) return;
      // An earlier run of the container keeps its own view of it.
      await promisify(execFile)('umount', ['--lazy', target]);
    }
    await fs.mkdir(stats.isDirectory() ? target : dirname(target), { recursive: true });
    if (!stats.isDirectory()) await (await fs.open(target, 'a')).close();
    const source = `/proc/${process.pid}/fd/${handle.fd}`;
    await promisify(execFile)('mount', ['--no-canonicalize', '--bind', source, target]);
  } finally {
    await handle.close();
  }
}

function typeFrom(stats: Stats): FileType {
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
