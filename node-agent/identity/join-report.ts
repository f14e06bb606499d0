/**
 * The join token from a file, and a file that says why joining failed: the first boot of a flashed board reads it and tells
 * the person who put the card in (adapter: files).
 */
import { readFile } from 'node:fs/promises';
import { IdentityError, type IdentityErrorReason, type IdentityFiles } from './identity-files.ts';

/** In the folder of the identity; firmware-scripts/first-boot/firstboot.sh reads it. */
const REPORT = 'join-problem';

/** The same, while the master waits for a person's approval. */
const WAITING = 'join-waiting';

/** A person must bring another token; everything else is a matter of time or of this board. */
const NEEDS_PERSON: readonly IdentityErrorReason[] = ['bad-token', 'wrong-ca', 'denied'];

/** Undefined: there is no such file, as on a board that has joined. Throws IdentityError `no-token`. */
export async function readTokenFile(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    const why = error instanceof Error ? error.message : String(error);
    throw new IdentityError('no-token', `the file of --join-file cannot be read: ${why}`);
  }
}

/** Runs `join`; leaves the reason of a lasting failure in the folder, and takes an older one away. */
export async function reportingJoin<T>(files: IdentityFiles, join: () => Promise<T>): Promise<T> {
  try {
    const joined = await join();
    for (const name of [REPORT, WAITING]) if ((await files.read(name)) !== undefined) await files.remove(name);
    return joined;
  } catch (error) {
    if (error instanceof IdentityError && NEEDS_PERSON.includes(error.reason)) {
      await files.write(REPORT, `${error.message}\n`).catch(() => undefined);
    }
    throw error;
  }
}

export async function reportWaiting(files: IdentityFiles, node: string): Promise<void> {
  await files.write(WAITING, `bramble node approve ${node}\n`);
}
