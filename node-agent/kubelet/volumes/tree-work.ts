/** Walks over trees that containers fill (adapter: files): whose they are and how big they are. Links are never followed. */
import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { absentAsUndefined } from './file-errors.ts';
import type { GroupOptions } from './host-files.ts';

/** Group may read and write; in directories it may look, and what is made there is the group's. Kubernetes' own masks. */
const FILE_BITS = 0o660;
const DIRECTORY_BITS = 0o2770;

/** stat(2): blocks are counted in these, whatever the file system's own are. */
const BLOCK_BYTES = 512;

export async function giveToGroup(path: string, { groupId, policy }: GroupOptions): Promise<void> {
  const root = await fs.stat(path);
  if (policy === 'OnRootMismatch' && root.gid === groupId && (root.mode & DIRECTORY_BITS) === DIRECTORY_BITS) return;
  await walk(path, async (item, stats) => {
    if (stats.gid !== groupId) await fs.lchown(item, stats.uid, groupId);
    const bits = stats.isDirectory() ? DIRECTORY_BITS : FILE_BITS;
    // A link has no mode of its own; changing a link's would change what it points to.
    const isPlain = stats.isDirectory() || stats.isFile();
    if (isPlain && (stats.mode & bits) !== bits) await fs.chmod(item, (stats.mode & 0o7777) | bits);
  });
}

/** undefined: there is no such tree. What vanishes during the walk is not counted, and a file with two names is counted once. */
export async function measureTree(path: string): Promise<number | undefined> {
  let bytes: number | undefined;
  const seen = new Set<number>();
  await walk(path, async (_item, stats) => {
    bytes ??= 0;
    if (stats.nlink > 1 && !stats.isDirectory()) {
      if (seen.has(stats.ino)) return;
      seen.add(stats.ino);
    }
    bytes += stats.blocks * BLOCK_BYTES;
  });
  return bytes;
}

async function walk(path: string, visit: (item: string, stats: Stats) => Promise<void>): Promise<void> {
  const stats = await absentAsUndefined(fs.lstat(path));
  if (stats === undefined) return;
  await visit(path, stats);
  if (!stats.isDirectory()) return;
  for (const name of (await absentAsUndefined(fs.readdir(path))) ?? []) await walk(join(path, name), visit);
}
