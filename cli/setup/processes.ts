/**
 * Programs that outlive the command that started them: a pid file each, and the proof that the pid still is that program,
 * since a pid is given to another process after a while. Nothing is ever ended that was not proven to be ours.
 */
import { spawn } from 'node:child_process';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { type Clock, sleep } from '../../shared/platform/clock.ts';
import { systemErrorCode } from '../failure.ts';

export interface ProcessRecord {
  pid: number;
  /** Field 22 of /proc/PID/stat: with the pid it names one process for as long as the machine is up. */
  startTicks: string;
}

export interface BackgroundProgram {
  program: string;
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  logFile: string;
  pidFile: string;
}

/** How often a process that was told to end is looked at. */
const POLL_MS = 50;

/** Starts the program in its own session, so that Ctrl-C in this terminal does not reach it. */
export async function startInBackground(options: BackgroundProgram): Promise<ProcessRecord> {
  const log = await open(options.logFile, 'a', 0o600);
  try {
    const child = spawn(options.program, options.args, {
      env: options.env,
      cwd: '/',
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    const pid = child.pid ?? 0;
    const record = { pid, startTicks: (await readStartTicks(pid)) ?? '' };
    await writeRecord(options.pidFile, record);
    return record;
  } finally {
    await log.close();
  }
}

/** This process, for a record that should not outlive it. */
export async function currentProcess(): Promise<ProcessRecord> {
  return { pid: process.pid, startTicks: (await readStartTicks(process.pid)) ?? '' };
}

export async function recordProcess(pidFile: string): Promise<void> {
  await writeRecord(pidFile, await currentProcess());
}

function writeRecord(pidFile: string, record: ProcessRecord): Promise<void> {
  return writeFile(pidFile, `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

/** The process of a pid file, if it still runs. */
export async function readRunning(pidFile: string): Promise<ProcessRecord | undefined> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const record = parseRecord(text);
  return record !== undefined && (await isRunning(record)) ? record : undefined;
}

export async function isRunning({ pid, startTicks }: ProcessRecord): Promise<boolean> {
  const now = await readStartTicks(pid);
  return now !== undefined && now === startTicks;
}

/** SIGTERM, and SIGKILL after the grace. Resolves when the process is gone; removes the pid file. */
export async function stopProgram(
  clock: Clock,
  target: { pidFile: string; graceMs: number; killMs?: number },
): Promise<void> {
  const record = await readRunning(target.pidFile);
  if (record !== undefined) {
    sendSignal(record.pid, 'SIGTERM');
    if (!(await waitForEnd(clock, record, target.graceMs))) {
      sendSignal(record.pid, 'SIGKILL');
      await waitForEnd(clock, record, target.killMs ?? 5_000);
    }
  }
  await rm(target.pidFile, { force: true });
}

async function waitForEnd(clock: Clock, record: ProcessRecord, timeoutMs: number): Promise<boolean> {
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  while (await isRunning(record)) {
    if (clock.monotonicMs() > deadlineMs) return false;
    await sleep(clock, POLL_MS);
  }
  return true;
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}

/** undefined: no such process, or only a zombie that nobody has waited for. Source: proc(5), /proc/pid/stat. */
async function readStartTicks(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the program's name in parentheses and may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** undefined: it is none. */
export function parseRecord(text: string): ProcessRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTicks' in value)) return undefined;
    const { pid, startTicks } = value;
    return typeof pid === 'number' && typeof startTicks === 'string' ? { pid, startTicks } : undefined;
  } catch {
    return undefined;
  }
}
