/**
 * What `bramble snapshot restore` has laid ready becomes the store, before anything is opened: the store with its revisions
 * beyond those of before, and the broker's database that was taken with it. Invariant: a start that is cut, at any moment,
 * leaves what was there or is gone on with by the next one; the file that is laid ready goes last.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Database } from 'better-sqlite3';
import type { Logger } from '../shared/platform/logger.ts';
import type { Random } from '../shared/platform/random.ts';
import { type Disk, replaceDatabase, systemDisk } from './snapshots/replace-database.ts';
import { extractPart, removeParts } from './snapshots/snapshot-parts.ts';
import { leapRevisions, openRestored, revisionOf } from './store/restored-store.ts';
import { toStoreError } from './store/sqlite-errors.ts';
import { StoreError } from './store/store.ts';
import { MQTT_FILE, STORE_FILE } from './whole-snapshot.ts';

export interface RestoreOptions {
  dataDir: string;
  random: Random;
  logger: Logger;
  /** For tests that cut the power. */
  disk?: Disk;
}

/** Whether there was one. Throws StoreError; then everything is as before. */
export async function completeRestore(options: RestoreOptions): Promise<boolean> {
  const { dataDir, logger, disk = systemDisk } = options;
  // The store says what is wrong with such a folder.
  if (!existsSync(dataDir)) return false;
  const store = join(dataDir, STORE_FILE);
  const ready = `${store}.restore`;
  disk.remove(`${ready}.partial`);
  if (!existsSync(ready)) return false;
  const before = existsSync(store) ? revisionOf(store) : undefined;
  await prepare(ready, before, { ...options, disk });
  replaceDatabase(disk, store, ready);
  logger.info('the store is that of the snapshot', { before: `${basename(store)}.before-restore` });
  return true;
}

async function prepare(
  ready: string,
  before: number | undefined,
  options: RestoreOptions & { disk: Disk },
): Promise<void> {
  const db = openReady(ready);
  try {
    leapRevisions(db, before, options.random);
    await restoreHouse(db, options);
    removeParts(db);
  } catch (error) {
    throw toStoreError(error, `the snapshot ${ready}`);
  } finally {
    db.close();
  }
}

function openReady(ready: string): Database {
  try {
    return openRestored(ready);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new StoreError(
      error.reason,
      `the snapshot that was to be restored cannot be: restore another one, or remove ${ready} to go on as before (${error.message})`,
    );
  }
}

/** Retained messages and sessions of the same moment; a snapshot of an earlier release leaves those that are there. */
async function restoreHouse(db: Database, { dataDir, logger, disk }: RestoreOptions & { disk: Disk }): Promise<void> {
  const target = join(dataDir, MQTT_FILE);
  const ready = `${target}.restore`;
  const found = await extractPart(db, MQTT_FILE, ready);
  if (found === 'damaged') logger.error('the retained messages of the snapshot are damaged: those that are there stay');
  if (found !== 'extracted') return;
  // A start that was cut has come so far already.
  if (await isEqual(target, ready)) disk.remove(ready);
  else replaceDatabase(disk, target, ready);
}

async function isEqual(one: string, other: string): Promise<boolean> {
  if (!existsSync(one) || existsSync(`${one}-wal`) || statSync(one).size !== statSync(other).size) return false;
  const [left, right] = await Promise.all([sumOf(one), sumOf(other)]);
  return left === right;
}

async function sumOf(path: string): Promise<string> {
  const sum = createHash('sha256');
  for await (const piece of createReadStream(path)) sum.update(piece);
  return sum.digest('hex');
}
