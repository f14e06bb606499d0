/**
 * Opens the database file: made when missing, checked when present, locked against other processes, every setting written
 * down and read back. Invariant: what this returns is durable (WAL with synchronous=FULL) and belongs to this process alone.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { corruptError, toStoreError } from './sqlite-errors.ts';
import { StoreError } from './store.ts';

export interface DatabaseOptions {
  /** A file, or MEMORY_PATH. */
  path: string;
  /** With MEMORY_PATH: the database starts as this image. */
  image?: Uint8Array;
  maxBytes: number;
}

export const MEMORY_PATH = ':memory:';

/** `Bram` in ASCII: marks the file as ours (https://www.sqlite.org/fileformat2.html#application_id). */
const APPLICATION_ID = 0x4272616d;
const SCHEMA_VERSION = 1;

/** Small pages: a commit of one object rewrites whole pages, and an SD card wears by the byte. */
const PAGE_BYTES = 1024;
const CACHE_KIBIBYTES = 8192;
/** About 4 MB of WAL between checkpoints: a page changed ten times meanwhile is written back once. */
const AUTOCHECKPOINT_PAGES = 4096;
/** SQLite's number for FULL. better-sqlite3 is compiled with NORMAL for WAL, which loses the last commits at a power cut. */
const SYNCHRONOUS_FULL = 2;

/** `log.created` is the revision that created the key, 0 in the row of a deletion; `prev` is the row it replaces, or 0. */
const SCHEMA = `
  CREATE TABLE log (
    rev INTEGER PRIMARY KEY, key TEXT NOT NULL, created INTEGER NOT NULL, prev INTEGER NOT NULL, value TEXT
  ) STRICT;
  CREATE TABLE cur (key TEXT PRIMARY KEY, rev INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1), reserved INTEGER NOT NULL, compacted INTEGER NOT NULL, scanned INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE volatile (directory TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES (1, 0, 0, 0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Throws StoreError: `in-use`, `not-writable`, `corrupt`, `unsupported-version`, `no-space`, `io`. */
export function openDatabase(options: DatabaseOptions): Database.Database {
  try {
    if (options.path !== MEMORY_PATH) prepareFile(options.path);
    const source = options.image === undefined ? options.path : Buffer.from(options.image);
    const db = new Database(source, { timeout: 0 });
    try {
      configure(db, options);
      prepareSchema(db, options.path);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    throw toStoreError(error, `the store ${options.path}`);
  }
}

/** The store holds Secrets: nobody but its owner reads it. SQLite gives the WAL the rights of the file. */
function prepareFile(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  closeSync(openSync(path, 'a', 0o600));
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** Not mkdir's own `recursive`: Node 24 spins for ever where the kernel answers ENOENT below a folder that exists, as in /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

function configure(db: Database.Database, { path, maxBytes }: DatabaseOptions): void {
  if (path !== MEMORY_PATH) {
    // Before the first access: the lock is then held until the process ends, however it ends, and WAL needs no shared memory.
    db.pragma('locking_mode = EXCLUSIVE');
    if (statSync(path).size === 0) db.pragma(`page_size = ${PAGE_BYTES}`);
    requireSetting(db.pragma('journal_mode = WAL', { simple: true }), 'wal', `journal_mode of ${path}`);
  }
  db.pragma('synchronous = FULL');
  requireSetting(db.pragma('synchronous', { simple: true }), SYNCHRONOUS_FULL, `synchronous of ${path}`);
  db.pragma(`cache_size = -${CACHE_KIBIBYTES}`);
  db.pragma(`wal_autocheckpoint = ${AUTOCHECKPOINT_PAGES}`);
  db.pragma('temp_store = MEMORY');
  db.pragma('mmap_size = 0');
  db.pragma('foreign_keys = OFF');
  db.pragma('trusted_schema = OFF');
  const pageBytes = Number(db.pragma('page_size', { simple: true }));
  db.pragma(`max_page_count = ${Math.floor(maxBytes / pageBytes)}`);
}

function requireSetting(actual: unknown, wanted: unknown, what: string): void {
  if (actual === wanted) return;
  throw new StoreError('not-writable', `${what} cannot be set to ${wanted} (it is ${actual}): use a local file system`);
}

function prepareSchema(db: Database.Database, path: string): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  const tables = Number(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get());
  if (version === 0 && tables === 0) {
    db.transaction(() => db.exec(SCHEMA)).immediate();
    return;
  }
  if (Number(db.pragma('application_id', { simple: true })) !== APPLICATION_ID) {
    throw new StoreError('corrupt', `${path} is the database of another program: choose another data directory`);
  }
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      'unsupported-version',
      `${path} was written by a newer Bramble (schema ${version}): update this one`,
    );
  }
  const finding = String(db.pragma('quick_check(1)', { simple: true }));
  if (finding !== 'ok') throw corruptError(path, finding);
}
