/**
 * Makes sure that a Docker engine answers. Where nothing manages one (no systemd), it starts dockerd and remembers who uses
 * it: the last user that leaves ends it. An engine that was there before is never ended.
 *
 *     /run/bramble/engine/pid      the dockerd that we started
 *     /run/bramble/engine/log
 *     /run/bramble/engine/users/   one file a user: a cluster's folder, or a process
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { sleep } from '../../shared/platform/clock.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, systemErrorCode } from '../failure.ts';
import type { Progress } from '../progress.ts';
import { ensureCgroups, ensurePackages, REQUIREMENTS } from './packages.ts';
import { isRunning, type ProcessRecord, readRunning, startInBackground, stopProgram } from './processes.ts';
import { findProgram, lastLines, pathExists, runProgram } from './run-program.ts';

export const DEFAULT_SOCKET = '/var/run/docker.sock';

const RUN_DIR = '/run/bramble';
const ENGINE_DIR = join(RUN_DIR, 'engine');
const PID_FILE = join(ENGINE_DIR, 'pid');
const LOG_FILE = join(ENGINE_DIR, 'log');
const USERS_DIR = join(ENGINE_DIR, 'users');

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 100;
const PING_TIMEOUT_MS = 5_000;

/** dockerd stops its containers first, each with its own grace. */
const STOP_GRACE_MS = 30_000;

/** Who needs the engine: counts as long as its process runs or, without one, its folder is there. */
export interface EngineUser {
  /** Unique: the folder of a cluster. */
  name: string;
  process?: ProcessRecord;
}

export function createDocker(socketPath: string): Docker {
  return new Docker({ socketPath });
}

/** The socket that Docker's own tools would use. */
export function defaultSocket(env: Context['env']): string {
  const host = env['DOCKER_HOST'];
  return host?.startsWith('unix://') ? host.slice('unix://'.length) : DEFAULT_SOCKET;
}

/** undefined: the engine answers; otherwise the code of the system error, such as ENOENT or EACCES. */
export async function pingEngine(socketPath: string): Promise<string | undefined> {
  try {
    await new Docker({ socketPath, timeout: PING_TIMEOUT_MS }).ping();
    return undefined;
  } catch (error) {
    return systemErrorCode(error) ?? 'EPROTO';
  }
}

/** Resolves when the engine at `socketPath` answers; starts it where that is this command's business. */
export async function ensureEngine(
  context: Context,
  progress: Progress,
  options: { socketPath: string; user: EngineUser },
): Promise<void> {
  const { socketPath, user } = options;
  const problem = await pingEngine(socketPath);
  if (problem !== undefined) {
    refuseWhereImpossible(context, socketPath, problem);
    await ensurePackages(context, progress, [REQUIREMENTS.docker]);
    await progress.step('Starting Docker', () => startEngine(context, progress, socketPath));
  }
  await noteUser(user);
}

/** The user needs the engine no more; ends a dockerd that we started when nobody else does. */
export async function releaseEngine(context: Context, user: EngineUser): Promise<void> {
  await rm(userFile(user.name), { force: true });
  if ((await readRunning(PID_FILE)) !== undefined) {
    if (await hasUsers()) return;
    await stopProgram(context.clock, { pidFile: PID_FILE, graceMs: STOP_GRACE_MS });
  }
  if (!context.isRoot || (await hasUsers())) return;
  await rm(ENGINE_DIR, { recursive: true, force: true });
  await rmdir(RUN_DIR).catch(() => undefined);
}

function refuseWhereImpossible(context: Context, socketPath: string, problem: string): void {
  if (problem === 'EACCES') {
    throw new Failure(
      EXIT.notAllowed,
      `this user may not talk to Docker at ${socketPath}`,
      'add it to the group docker (sudo usermod -aG docker "$USER", then log in again), or run this as root',
    );
  }
  if (!context.isRoot) {
    throw new Failure(
      EXIT.unavailable,
      `Docker does not answer at ${socketPath}`,
      'start it (sudo systemctl start docker), install it (sudo apt-get install docker.io), or run this as root',
    );
  }
  if (socketPath !== DEFAULT_SOCKET) {
    throw new Failure(
      EXIT.unavailable,
      `Docker does not answer at ${socketPath}`,
      `start that engine, or leave out --docker to use ${DEFAULT_SOCKET}`,
    );
  }
}

async function startEngine(context: Context, progress: Progress, socketPath: string): Promise<void> {
  // Installing the package may just have started it.
  if (await pathExists('/run/systemd/system')) {
    const { code, output } = await runProgram('systemctl', ['start', 'docker'], { env: context.env });
    if (code !== 0) {
      throw new Failure(
        EXIT.unavailable,
        `systemctl start docker failed: ${lastLines(output, 2)}`,
        'see: journalctl -u docker',
      );
    }
    await waitForEngine(context, socketPath, async () => true);
    return;
  }
  await ensureCgroups(context, progress);
  const process = await startDockerd(context);
  await waitForEngine(context, socketPath, () => isRunning(process));
}

async function startDockerd(context: Context): Promise<ProcessRecord> {
  const program = await findProgram('dockerd', context.env);
  if (program === undefined) throw new Failure(EXIT.unavailable, 'dockerd is missing');
  await mkdir(ENGINE_DIR, { recursive: true });
  return startInBackground({
    program,
    // Containers outlive a restart of the engine, as agents expect of theirs.
    args: ['--host', `unix://${DEFAULT_SOCKET}`, '--live-restore', '--log-level', 'warn'],
    env: context.env,
    logFile: LOG_FILE,
    pidFile: PID_FILE,
  });
}

async function waitForEngine(
  context: Context,
  socketPath: string,
  mayStillCome: () => Promise<boolean>,
): Promise<void> {
  const deadlineMs = context.clock.monotonicMs() + START_TIMEOUT_MS;
  while ((await pingEngine(socketPath)) !== undefined) {
    const over = context.clock.monotonicMs() > deadlineMs;
    // Another command may have started the engine at the same moment: then our own one ended, but an engine answers.
    if (over || (!(await mayStillCome()) && (await pingEngine(socketPath)) !== undefined)) {
      const log = await readFile(LOG_FILE, 'utf8').catch(() => '');
      throw new Failure(EXIT.unavailable, `Docker did not start:\n${lastLines(log, 5)}`, `its log is ${LOG_FILE}`);
    }
    await sleep(context.clock, POLL_MS, context.signal);
  }
}

function userFile(name: string): string {
  return join(USERS_DIR, createHash('sha256').update(name).digest('hex').slice(0, 16));
}

/** Only a dockerd of ours is counted for; for any other engine there is nothing to remember. */
async function noteUser(user: EngineUser): Promise<void> {
  if ((await readRunning(PID_FILE)) === undefined) return;
  await mkdir(USERS_DIR, { recursive: true });
  await writeFile(userFile(user.name), `${JSON.stringify(user)}\n`);
}

async function hasUsers(): Promise<boolean> {
  for (const file of await readdir(USERS_DIR).catch(() => [])) {
    const user = parseUser(await readFile(join(USERS_DIR, file), 'utf8').catch(() => ''));
    if (user !== undefined && (await isThere(user))) return true;
  }
  return false;
}

function isThere({ name, process }: EngineUser): Promise<boolean> {
  return process === undefined ? pathExists(name) : isRunning(process);
}

function parseUser(text: string): EngineUser | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('name' in value)) return undefined;
    const record = 'process' in value ? (value.process as ProcessRecord) : undefined;
    return { name: String(value.name), ...(record === undefined ? {} : { process: record }) };
  } catch {
    return undefined;
  }
}
