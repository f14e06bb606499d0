/**
 * Removes the rows that no read after a compaction can reach, without an index by key: each row points at the one it replaces,
 * so the rows up to the compaction revision name exactly those that are superseded, and deletions among them name themselves.
 * Invariant: for every key the newest row at or below the compaction revision stays, unless it is a deletion.
 */
import type { Database, Statement } from 'better-sqlite3';

interface SliceRow {
  revision: number;
  previousRevision: number;
  created: number;
}

export class Compaction {
  readonly #db: Database;
  readonly #rows: Statement<[number, number, number], SliceRow>;
  readonly #remove: Statement<[number]>;
  readonly #mark: Statement<[number, number]>;

  constructor(db: Database) {
    this.#db = db;
    this.#rows = db.prepare(
      'SELECT rev AS revision, prev AS previousRevision, created FROM log WHERE rev > ? AND rev <= ? ORDER BY rev LIMIT ?',
    );
    this.#remove = db.prepare('DELETE FROM log WHERE rev = ?');
    this.#mark = db.prepare('UPDATE meta SET compacted = ?, scanned = ?');
  }

  /** One transaction over at most `limit` rows after `scanned`; returns how far it came, `target` when done. */
  slice(scanned: number, target: number, limit: number): number {
    return this.#db
      .transaction(() => {
        const rows = this.#rows.all(scanned, target, limit);
        for (const row of rows) {
          if (row.previousRevision > 0) this.#remove.run(row.previousRevision);
          if (row.created === 0) this.#remove.run(row.revision);
        }
        const reached = rows.length < limit ? target : (rows.at(-1)?.revision ?? target);
        this.#mark.run(target, reached);
        return reached;
      })
      .immediate();
  }
}
