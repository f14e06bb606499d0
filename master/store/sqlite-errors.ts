/** SQLite's result codes as the store's own closed set of errors, each with what to do; the one place that knows both. */
import Database from 'better-sqlite3';
import { StoreError, type StoreErrorReason } from './store.ts';

interface Verdict {
  reason: StoreErrorReason;
  advice: string;
}

const CORRUPT: Verdict = {
  reason: 'corrupt',
  advice:
    'is damaged: put a snapshot in its place (bramble snapshot restore FILE), or copy it somewhere safe and remove it to begin with an empty cluster',
};

/** By primary result code (https://www.sqlite.org/rescode.html); extended codes begin with it. */
const VERDICTS: Readonly<Record<string, Verdict>> = {
  SQLITE_FULL: {
    reason: 'no-space',
    advice: 'cannot grow: free space on the disk, or delete objects that are not needed',
  },
  SQLITE_IOERR: { reason: 'io', advice: 'could not be read or written: check the disk (dmesg) and its free space' },
  SQLITE_CORRUPT: CORRUPT,
  SQLITE_NOTADB: CORRUPT,
  SQLITE_BUSY: {
    reason: 'in-use',
    advice: 'is in use by another process: stop the other master, or choose another data directory',
  },
  SQLITE_READONLY: {
    reason: 'not-writable',
    advice: 'is not writable: run as its owner, or choose another data directory',
  },
  SQLITE_PERM: {
    reason: 'not-writable',
    advice: 'may not be opened: run as its owner, or choose another data directory',
  },
  SQLITE_CANTOPEN: {
    reason: 'not-writable',
    advice: 'cannot be opened for writing: check the folder and its rights, or choose another data directory',
  },
};

/** System errors of making the folder and the file. */
const SYSTEM_VERDICTS: Readonly<Record<string, Verdict>> = {
  ENOSPC: { reason: 'no-space', advice: 'cannot be made: the disk is full' },
  EDQUOT: { reason: 'no-space', advice: 'cannot be made: the quota is used up' },
  EIO: { reason: 'io', advice: 'could not be read or written: check the disk (dmesg)' },
};

/** `finding`: what the integrity check said. */
export function corruptError(path: string, finding: string): StoreError {
  return new StoreError('corrupt', `the store ${path} ${CORRUPT.advice} (${finding})`);
}

/** What the caller may see of `error`; programmer errors come back as they are. `subject`: such as `the store /path`. */
export function toStoreError(error: unknown, subject: string): unknown {
  if (error instanceof StoreError) return error;
  if (error instanceof Database.SqliteError) {
    const primary = error.code.split('_').slice(0, 2).join('_');
    return describe(VERDICTS[primary], subject, error);
  }
  if (isSystemError(error)) {
    const fallback: Verdict = { reason: 'not-writable', advice: 'cannot be made: check the folder and its rights' };
    return describe(SYSTEM_VERDICTS[error.code] ?? fallback, subject, error);
  }
  return error;
}

function describe(verdict: Verdict | undefined, subject: string, error: Error & { code: string }): unknown {
  if (verdict === undefined) return error;
  return new StoreError(verdict.reason, `${subject} ${verdict.advice} (${error.code})`);
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}
