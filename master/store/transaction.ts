/** Begin, commit and roll back as prepared statements: a commit of one write would spend a tenth of its time on parsing them. */
import type { Database, Statement } from 'better-sqlite3';

export class Transaction {
  readonly #db: Database;
  readonly #begin: Statement<[]>;
  readonly #commit: Statement<[]>;
  readonly #rollback: Statement<[]>;

  constructor(db: Database) {
    this.#db = db;
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#rollback = db.prepare('ROLLBACK');
  }

  /** Idempotent. */
  begin(): void {
    if (!this.#db.inTransaction) this.#begin.run();
  }

  /** Returns once the changes are on disk. Fine without a transaction. */
  commit(): void {
    if (this.#db.inTransaction) this.#commit.run();
  }

  /** Fine without a transaction: SQLite has rolled back by itself after some errors, a full disk among them. */
  rollback(): void {
    if (this.#db.inTransaction) this.#rollback.run();
  }
}
