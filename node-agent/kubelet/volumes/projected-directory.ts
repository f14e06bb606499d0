/**
 * Projected volumes on a real file system (adapter: files), replaced as Kubernetes does it: the files lie in a directory named
 * by their contents, `..data` points to it and is swapped by one rename, and each visible name is a link through `..data`.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { absentAsUndefined } from './file-errors.ts';
import type { ProjectedFile } from './host-files.ts';

export const DATA_LINK = '..data';
const DIRECTORY_MODE = 0o755;

export async function replaceFiles(
  directory: string,
  files: readonly ProjectedFile[],
  groupId?: number,
): Promise<void> {
  const version = `..${hashFiles(files, groupId)}`;
  const dataLink = join(directory, DATA_LINK);
  const present = await absentAsUndefined(fs.readlink(dataLink));
  if (present === version) return;
  await fs.mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  await fs.rm(join(directory, version), { recursive: true, force: true });
  await fs.mkdir(join(directory, version), { mode: DIRECTORY_MODE });
  for (const file of files) await writeOne(join(directory, version), file, groupId);
  await replaceLink(dataLink, version);
  await replaceVisibleNames(directory, files);
  if (present !== undefined) await fs.rm(join(directory, present), { recursive: true, force: true });
}

async function writeOne(root: string, { path, bytes, mode, userId }: ProjectedFile, groupId?: number): Promise<void> {
  const target = join(root, path);
  await fs.mkdir(dirname(target), { recursive: true, mode: DIRECTORY_MODE });
  await fs.writeFile(target, bytes);
  if (userId !== undefined || groupId !== undefined) await fs.chown(target, userId ?? 0, groupId ?? 0);
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
  for (const { path, bytes, mode, userId = '' } of sorted) {
    hash.update(`\0${path}\0${mode}${userId}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex').slice(0, 24);
}
