/**
 * A consistent copy of the database as one file, by SQLite's backup API: a few pages a turn, while writes go on; a page that
 * changes after it was copied is copied again. Invariant: `path` is a complete copy or does not change at all.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';
import { toStoreError } from './sqlite-errors.ts';

/** Pages of 1 KB that are copied before other work has its turn. */
const PAGES_PER_TURN = 256;

/** Throws StoreError; an existing file at `path` is replaced. Memory writes are not in the copy. */
export async function takeSnapshot(db: Database, path: string): Promise<void> {
  const partial = `${path}.partial`;
  try {
    // The copy holds Secrets as the store does: nobody but its owner reads it.
    rmSync(partial, { force: true });
    closeSync(openSync(partial, 'wx', 0o600));
    await db.backup(partial, { progress: () => PAGES_PER_TURN });
    renameSync(partial, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(partial, { force: true });
    throw toStoreError(error, `the snapshot ${path}`);
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
