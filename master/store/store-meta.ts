/**
 * The few numbers beside the log: how far revisions are set aside for memory writes, how far history is compacted, and which
 * directories have ever held volatile keys. Written rarely: an idle cluster, whose heartbeats are memory writes, writes nothing.
 */
import type { Database, Statement } from 'better-sqlite3';
import { defined } from '../../shared/platform/assert.ts';

export interface Meta {
  /** No memory write got a revision above this one. */
  reserved: number;
  /** History up to and including this revision is forgotten. */
  compacted: number;
  /** Up to this revision the rows that nobody needs are removed; below `compacted` when a compaction was cut. */
  scanned: number;
}

export class StoreMeta {
  readonly #db: Database;
  readonly #reserve: Statement<[number]>;
  readonly #addDirectory: Statement<[string]>;

  constructor(db: Database) {
    this.#db = db;
    this.#reserve = db.prepare('UPDATE meta SET reserved = ?');
    this.#addDirectory = db.prepare('INSERT OR IGNORE INTO volatile (directory) VALUES (?)');
  }

  read(): Meta {
    return defined(this.#db.prepare<[], Meta>('SELECT reserved, compacted, scanned FROM meta').get(), 'the meta row');
  }

  volatileDirectories(): string[] {
    return this.#db.prepare<[], string>('SELECT directory FROM volatile').pluck().all();
  }

  lastLogRevision(): number {
    return this.#db.prepare<[], number>('SELECT coalesce(max(rev), 0) FROM log').pluck().get() ?? 0;
  }

  reserve(upTo: number): void {
    this.#reserve.run(upTo);
  }

  addVolatileDirectory(directory: string): void {
    this.#addDirectory.run(directory);
  }
}

/**
 * Not below any revision that was ever given out: a row of the log (compaction may have removed the last one, a deletion), or
 * a memory write. One more when volatile keys may have vanished: whoever saw the revision before has not seen that.
 */
export function startRevision(meta: StoreMeta, hadVolatile: boolean): number {
  const { reserved, compacted } = meta.read();
  return Math.max(1, meta.lastLogRevision(), reserved, compacted) + (hadVolatile ? 1 : 0);
}
