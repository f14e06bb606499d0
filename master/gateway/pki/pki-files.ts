/** Keys and certificates on disk (adapter: files). A file is either its old or its new whole content, whatever happens. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface PkiFiles {
  /** Undefined when there is no such file. */
  read(name: string): Promise<string | undefined>;
  /** Readable by its owner only. */
  writePrivate(name: string, text: string): Promise<void>;
  writePublic(name: string, text: string): Promise<void>;
}

export type PkiErrorReason =
  /** Files are missing or do not belong together. */
  'damaged' | 'not-writable' | 'no-space';

export class PkiError extends Error {
  override readonly name = 'PkiError';
  readonly reason: PkiErrorReason;
  constructor(reason: PkiErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;

export function createPkiFiles(directory: string): PkiFiles {
  return {
    read: (name) => readOptional(join(directory, name)),
    writePrivate: (name, text) => writeAtomically(join(directory, name), text, PRIVATE_MODE),
    writePublic: (name, text) => writeAtomically(join(directory, name), text, PUBLIC_MODE),
  };
}

export async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Written beside, flushed, then renamed, and the directory flushed: a power cut leaves no half file. Throws PkiError. */
export async function writeAtomically(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeAndFlush(temporary, text, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw explain(path, error);
  }
  const directory = await open(dirname(path));
  await directory.sync().finally(() => directory.close());
}

const NOT_WRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'];
const NO_SPACE = ['ENOSPC', 'EDQUOT'];

function explain(path: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (NOT_WRITABLE.includes(code)) {
    const hint = 'run as a user who may write there, or choose another --data-dir';
    return new PkiError('not-writable', `cannot write ${path} (${code}): ${hint}`);
  }
  if (NO_SPACE.includes(code)) return new PkiError('no-space', `cannot write ${path}: the disk is full`);
  return error;
}

async function writeAndFlush(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
