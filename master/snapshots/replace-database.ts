/**
 * Puts a database in the place of another one, which stays as `….before-restore`. Invariant: whatever moment a power cut
 * chooses, both are whole under one name or another, and doing it again does the rest.
 */
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** What is done to names; a test cuts the power at any of them. */
export interface Disk {
  link(from: string, to: string): void;
  rename(from: string, to: string): void;
  /** A missing one is fine. */
  remove(path: string): void;
  /** What was done to names in a folder is on disk. */
  syncFolder(path: string): void;
}

export const systemDisk: Disk = {
  link: linkSync,
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
  syncFolder(path) {
    const descriptor = openSync(path, 'r');
    fsyncSync(descriptor);
    closeSync(descriptor);
  },
};

/** Files that belong to a database; one without the other is another database. */
const COMPANIONS = ['-wal', '-shm', '-journal'];

/** `source` is whole and on disk, in the same folder. Nobody has either open. */
export function replaceDatabase(disk: Disk, target: string, source: string): void {
  keepOld(disk, target);
  // What a log holds belongs to the database before: it would be read into the new one.
  for (const suffix of COMPANIONS) disk.remove(`${target}${suffix}`);
  disk.syncFolder(dirname(target));
  disk.rename(source, target);
  disk.syncFolder(dirname(target));
}

/** Under another name too. One that a cut of this left there already is whole, which the target may not be any more. */
function keepOld(disk: Disk, target: string): void {
  const kept = `${target}.before-restore`;
  if (!existsSync(target) || isSame(target, kept)) return;
  for (const suffix of ['', ...COMPANIONS]) disk.remove(`${kept}${suffix}`);
  // The database last: with it the others are there.
  for (const suffix of [...COMPANIONS, '']) {
    if (existsSync(`${target}${suffix}`)) disk.link(`${target}${suffix}`, `${kept}${suffix}`);
  }
  disk.syncFolder(dirname(target));
}

function isSame(one: string, other: string): boolean {
  if (!existsSync(other)) return false;
  return statSync(one).ino === statSync(other).ino;
}
