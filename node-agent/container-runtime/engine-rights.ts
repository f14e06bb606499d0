/**
 * What the engine can never do on this machine, read from the kernel's files instead of being learnt from a first sandbox that
 * fails (adapter: files under /proc). Sources: capabilities(7), proc_pid_oom_score_adj(5).
 */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** CAP_SYS_RESOURCE: who lacks it may raise oom_score_adj, and not lower it. */
const SYS_RESOURCE_BIT = 24n;

/** What the first user namespace maps: every user to itself. Source: user_namespaces(7). */
const FIRST_NAMESPACE = /^\s*0\s+0\s+4294967295\s*$/;

/**
 * Whether the engine may lower oom_score_adj. undefined: it has to be tried, as where the engine's process is not here, or lives
 * in a user namespace.
 */
export async function mayLowerOomScore(socketPath: string, procRoot = '/proc'): Promise<boolean | undefined> {
  try {
    const engines = await findEngines(socketPath, procRoot);
    const rights = await Promise.all(engines.map((pid) => hasRight(procRoot, pid)));
    // Nobody has what the first process cannot hand on, neither the engine nor what starts containers for it.
    if (rights.every((right) => right === false)) return (await hasRight(procRoot, 1)) === false ? false : undefined;
    const users = await Promise.all(engines.map((pid) => readFile(join(procRoot, `${pid}/uid_map`), 'utf8')));
    return rights.every((right) => right === true) && users.every((map) => FIRST_NAMESPACE.test(map))
      ? true
      : undefined;
  } catch {
    return undefined;
  }
}

/** Beside its socket is where dockerd keeps its id unless told otherwise; else it is one of those that are here. */
async function findEngines(socketPath: string, procRoot: string): Promise<number[]> {
  const noted = Number(await readFile(join(dirname(socketPath), 'docker.pid'), 'utf8').catch(() => NaN));
  if (Number.isInteger(noted)) return (await isEngine(procRoot, noted)) ? [noted] : fail();
  const pids = (await readdir(procRoot)).map(Number).filter(Number.isInteger);
  const engines = await Promise.all(pids.map((pid) => isEngine(procRoot, pid)));
  const found = pids.filter((_, index) => engines[index]);
  return found.length === 0 ? fail() : found;
}

function fail(): never {
  throw new Error('the engine is not a process of this machine');
}

async function isEngine(procRoot: string, pid: number): Promise<boolean> {
  const command = await readFile(join(procRoot, `${pid}/comm`), 'utf8').catch(() => '');
  return command.trim() === 'dockerd';
}

/** undefined: the kernel does not say. */
async function hasRight(procRoot: string, pid: number): Promise<boolean | undefined> {
  const status = await readFile(join(procRoot, `${pid}/status`), 'utf8');
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return bounding === undefined ? undefined : ((BigInt(`0x${bounding}`) >> SYS_RESOURCE_BIT) & 1n) === 1n;
}
