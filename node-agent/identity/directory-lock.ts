/**
 * One agent a data directory (adapter: files and /proc). Each agent first puts down a file that names its process, then
 * looks for those of others that still run: of two that start at the same time at least one sees the other. What a killed
 * agent has left names a process that is gone, and is removed.
 */
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { IdentityError } from './identity-files.ts';

export interface DirectoryLock {
  /** Idempotent. */
  release(): Promise<void>;
}

const DIRECTORY_MODE = 0o700;

/** In place of the start of a process that is not there, or where there is no /proc. */
const GONE = 'gone';

/** Rejects with IdentityError `in-use` when another agent runs on the directory, `not-writable` when it cannot be written. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const folder = join(directory, 'agent.lock');
  const own = await nameOf(process.pid);
  const path = join(folder, own);
  const release = (): Promise<void> => rm(path, { force: true });
  try {
    await mkdir(folder, { recursive: true, mode: DIRECTORY_MODE });
    await (await open(path, 'w')).close();
    for (const other of (await readdir(folder)).filter((name) => name !== own)) await refuseIfAlive(folder, other);
  } catch (error) {
    await release().catch(() => undefined);
    if (error instanceof IdentityError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new IdentityError('not-writable', `cannot write ${folder}: ${why}; give another directory with --data-dir`);
  }
  return { release };
}

async function refuseIfAlive(folder: string, other: string): Promise<void> {
  const pid = Number(other.split('-')[0]);
  if (Number.isInteger(pid) && !other.includes(GONE) && (await nameOf(pid)) === other) {
    throw new IdentityError(
      'in-use',
      `another agent (process ${pid}) already uses this data directory: end it first, or give this one another --data-dir and --name`,
    );
  }
  await rm(join(folder, other), { force: true });
}

/** `PID-START-BOOT`: with start and boot, a pid names one process for ever. Of a process that is gone: not its name. */
async function nameOf(pid: number): Promise<string> {
  const boot = (await readText('/proc/sys/kernel/random/boot_id')).trim();
  return `${pid}-${startOf(await readText(`/proc/${pid}/stat`))}-${boot}`;
}

/** Field 22 of proc(5)'s stat; the second field is the program's name in brackets and may hold blanks. */
function startOf(stat: string): string {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const isOver = fields[0] === 'Z' || fields[0] === 'X';
  return (isOver ? undefined : fields[19]) ?? GONE;
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
