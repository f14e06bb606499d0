/**
 * What the engine can never do on this machine, read from the kernel's files instead of being learnt from a first sandbox that
 * fails (adapter: files under /proc). Sources: capabilities(7), proc_pid_oom_score_adj(5).
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** CAP_SYS_RESOURCE: who lacks it may raise oom_score_adj, and not lower it. */
const SYS_RESOURCE_BIT = 24n;

/**
 * Whether no process of this machine may lower oom_score_adj. False also where nothing is known: an engine of another machine
 * leaves no process here.
 */
export async function isOomScoreRefused(socketPath: string, procRoot = '/proc'): Promise<boolean> {
  try {
    // Beside its socket, where dockerd keeps it unless told otherwise.
    const enginePid = Number(await readFile(join(dirname(socketPath), 'docker.pid'), 'utf8'));
    const command = await readFile(join(procRoot, `${enginePid}/comm`), 'utf8');
    if (command.trim() !== 'dockerd') return false;
    // Nobody has what the first process cannot hand on, neither the engine nor what starts containers for it.
    const first = await readFile(join(procRoot, '1/status'), 'utf8');
    return lacksRight(first) && lacksRight(await readFile(join(procRoot, `${enginePid}/status`), 'utf8'));
  } catch {
    return false;
  }
}

function lacksRight(status: string): boolean {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return bounding !== undefined && ((BigInt(`0x${bounding}`) >> SYS_RESOURCE_BIT) & 1n) === 0n;
}
