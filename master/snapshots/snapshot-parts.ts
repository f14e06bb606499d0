/**
 * What lies in a snapshot beside the store's tables: whole files, such as the broker's own database, in pieces and with their
 * sum (adapter over better-sqlite3). A snapshot stays one file. Invariant: a part is taken out whole, or not at all.
 *
 *     part(name, seq, bytes)    part_end(name, bytes, sha256)
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import Database from 'better-sqlite3';

const SCHEMA = `
  DROP TABLE IF EXISTS part; DROP TABLE IF EXISTS part_end;
  CREATE TABLE part (name TEXT, seq INTEGER, bytes BLOB, PRIMARY KEY (name, seq)) WITHOUT ROWID;
  CREATE TABLE part_end (name TEXT PRIMARY KEY, bytes INTEGER, sha256 TEXT) WITHOUT ROWID;
`;

/** Written or read before other work has its turn. */
const PIECE_BYTES = 64 * 1024;

export interface Part {
  name: string;
  /** What it is a copy of. */
  file: string;
}

/** A snapshot that is cut in the middle of this is nothing: it has to have another name until this is done. */
export async function addParts(snapshot: string, parts: readonly Part[]): Promise<void> {
  const db = new Database(snapshot);
  try {
    // Nobody else looks at the file, and nobody will when this fails; nothing stays beside it.
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('journal_mode = MEMORY');
    db.pragma('synchronous = OFF');
    db.exec(`BEGIN; ${SCHEMA}`);
    for (const part of parts) await addPart(db, part);
    db.exec('COMMIT');
  } finally {
    db.close();
  }
  const file = await open(snapshot, 'r+');
  await file.sync().finally(() => file.close());
}

async function addPart(db: Database.Database, { name, file }: Part): Promise<void> {
  const insert = db.prepare<[string, number, Buffer]>('INSERT INTO part VALUES (?, ?, ?)');
  const sum = createHash('sha256');
  let [seq, bytes] = [0, 0];
  for await (const piece of createReadStream(file, { highWaterMark: PIECE_BYTES })) {
    insert.run(name, seq, piece);
    sum.update(piece);
    seq += 1;
    bytes += piece.length;
  }
  db.prepare('INSERT INTO part_end VALUES (?, ?, ?)').run(name, bytes, sum.digest('hex'));
}

/** Writes it to `path`, and to the disk. `absent`: snapshots of earlier releases have none. */
export async function extractPart(
  db: Database.Database,
  name: string,
  path: string,
): Promise<'extracted' | 'absent' | 'damaged'> {
  if (!hasParts(db)) return 'absent';
  const end = db
    .prepare<[string], { bytes: number; sha256: string }>('SELECT * FROM part_end WHERE name = ?')
    .get(name);
  if (end === undefined) return 'absent';
  const file = await open(path, 'w', 0o600);
  try {
    const whole = (await writePieces(db, name, file)) === end.sha256;
    await file.sync();
    if (whole) return 'extracted';
  } finally {
    await file.close();
  }
  await rm(path, { force: true });
  return 'damaged';
}

/** Returns their sum. */
async function writePieces(db: Database.Database, name: string, file: FileHandle): Promise<string> {
  const read = db.prepare<[string, number], Buffer>('SELECT bytes FROM part WHERE name = ? AND seq = ?').pluck();
  const sum = createHash('sha256');
  for (let seq = 0; ; seq += 1) {
    const piece = read.get(name, seq);
    if (piece === undefined) return sum.digest('hex');
    sum.update(piece);
    await file.write(piece);
  }
}

/** They are of no use in a store that is in use. */
export function removeParts(db: Database.Database): void {
  db.exec('BEGIN; DROP TABLE IF EXISTS part; DROP TABLE IF EXISTS part_end; COMMIT');
}

function hasParts(db: Database.Database): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'part_end'").get() !== undefined;
}
