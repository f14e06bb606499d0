/**
 * The node's key, certificate and the cluster's CA on disk (adapter: files). A file is written beside, flushed and renamed:
 * a power cut leaves the old file or the new one. Nothing but the owner may read the key.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface IdentityFiles {
  /** undefined: there is none. Throws IdentityError `damaged`. */
  read(name: string): Promise<string | undefined>;
  /** Throws IdentityError `not-writable`. */
  write(name: string, text: string): Promise<void>;
  /** Fine when there is none. Throws IdentityError `not-writable`. */
  remove(name: string): Promise<void>;
}

export type IdentityErrorReason =
  /** The token, or what the master says to it, does not let this node join. */
  | 'bad-token'
  | 'wrong-ca'
  | 'denied'
  /** The stored identity cannot be used. */
  | 'damaged'
  | 'not-writable'
  /** Another agent runs on the same data directory. */
  | 'in-use'
  /** There is neither an identity nor a token. */
  | 'no-token';

/** Why a node cannot have an identity; the message says what to do. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly reason: IdentityErrorReason;
  constructor(reason: IdentityErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

const PRIVATE_MODE = 0o600;

const ABSENT = ['ENOENT', 'ENOTDIR'];

export function createIdentityFiles(directory: string): IdentityFiles {
  return {
    async read(name) {
      const path = join(directory, name);
      try {
        return await readFile(path, 'utf8');
      } catch (error) {
        if (error instanceof Error && 'code' in error && ABSENT.includes(String(error.code))) return undefined;
        const why = error instanceof Error ? error.message : String(error);
        throw new IdentityError('damaged', `cannot read ${path}: ${why}`);
      }
    },
    async write(name, text) {
      const path = join(directory, name);
      try {
        await writeAtomically(path, text);
      } catch (error) {
        await rm(`${path}.tmp`, { force: true }).catch(() => undefined);
        throw notWritable(path, error);
      }
    },
    async remove(name) {
      const path = join(directory, name);
      await rm(path, { force: true }).catch((error) => Promise.reject(notWritable(path, error)));
    },
  };
}

function notWritable(path: string, error: unknown): IdentityError {
  const why = error instanceof Error ? error.message : String(error);
  return new IdentityError('not-writable', `cannot write ${path}: ${why}; give another directory with --data-dir`);
}

async function writeAtomically(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(`${path}.tmp`, { force: true });
  const file = await open(`${path}.tmp`, 'wx', PRIVATE_MODE);
  await file
    .writeFile(text)
    .then(() => file.sync())
    .finally(() => file.close());
  await rename(`${path}.tmp`, path);
  const directory = await open(dirname(path));
  await directory.sync().finally(() => directory.close());
}
