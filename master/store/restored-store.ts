/**
 * A copy that is about to be the store: checked, and its revisions moved beyond all that anybody has seen. Invariant: no client
 * resumes from a revision of before: its watch is told `compacted`, and it lists again.
 */
import type { Database } from 'better-sqlite3';
import { nextInt, type Random } from '../../shared/platform/random.ts';
import { MAX_DATABASE_BYTES } from './limits.ts';
import { openDatabase } from './open-database.ts';
import { StoreError } from './store.ts';
import { StoreMeta, startRevision } from './store-meta.ts';

/** Further than any store comes between two copies: three hundred writes a second for a month. */
export const REVISION_LEAP = 1_000_000_000;

/** Where nobody can say how far the store before had come: two restores of one copy do not meet. */
const MAX_UNKNOWN_LEAPS = 1_000_000;

/** The whole file is read. Throws StoreError, as for a store. */
export function openRestored(path: string): Database {
  return openDatabase({ path, maxBytes: MAX_DATABASE_BYTES });
}

/** How far the store at `path` has come; undefined: that cannot be known, it is damaged. Throws when it is in use. */
export function revisionOf(path: string): number | undefined {
  try {
    const db = openDatabase({ path, maxBytes: MAX_DATABASE_BYTES });
    try {
      return startRevision(new StoreMeta(db), true);
    } finally {
      // What its log held is in the database then: it is one file.
      db.close();
    }
  } catch (error) {
    if (error instanceof StoreError && (error.reason === 'corrupt' || error.reason === 'unsupported-version'))
      return undefined;
    throw error;
  }
}

/** `before`: of the store that it replaces; undefined: unknown. More than once does no harm. */
export function leapRevisions(db: Database, before: number | undefined, random: Random): void {
  const leaps = before === undefined ? 1 + nextInt(random, MAX_UNKNOWN_LEAPS) : 1;
  const from = Math.max(startRevision(new StoreMeta(db), true), before ?? 0);
  const to = from + leaps * REVISION_LEAP;
  db.prepare('UPDATE meta SET reserved = ?, compacted = ?').run(to, to);
}
