/**
 * A master and agents as they ship, each agent with an engine, files and flags of its own: what several boards do together.
 * Started and ended by pid; everything lies in one temporary folder.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createJoinToken } from '../../cli/api/create-join-token.ts';
import { loadProfile } from '../../cli/api/kubeconfig.ts';
import { withSession } from '../../cli/api/session.ts';
import { bundlePath, ensureBundles, PROGRAM_FLAGS, type Program, programEnv } from '../../cli/setup/bundles.ts';
import { readRunning, startInBackground, stopProgram } from '../../cli/setup/processes.ts';
import { ClusterFolder } from '../../cli/up/cluster-folder.ts';
import { waitForMaster, waitForNodes } from '../../cli/up/wait-ready.ts';
import { EventKind } from '../../shared/api/event.ts';
import type { Client } from '../../shared/client/client.ts';
import { createTestContext, findFreePorts } from './cluster.ts';
import type { TestEngine } from './docker.ts';
import { createHttpsClient } from './https-client.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';

export interface BoardOptions {
  name: string;
  engine: TestEngine;
  /** Of the agent, beside those that every agent needs. */
  flags?: readonly string[];
}

export interface RealBoards {
  folder: ClusterFolder;
  kubectl: Kubectl;
  client: Client;
  /** Joins a board and waits until it is ready. */
  add(board: BoardOptions): Promise<void>;
  /** Ends the agent; its containers run on. `add` starts it again. */
  end(name: string, signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Messages of the events with that reason, of any object. */
  events(reason: string): Promise<string[]>;
  log(program: string): Promise<string>;
  stop(): Promise<void>;
}

const TOKEN_TTL_MS = 15 * 60_000;
const GRACE_MS = 10_000;

/** Boards of one machine: their pods stay on their engines' networks. */
const ONE_MACHINE = ['--network', 'off'];

export async function startRealBoards(options: { masterFlags?: readonly string[] } = {}): Promise<RealBoards> {
  const context = createTestContext();
  await ensureBundles(context, ['master', 'agent']);
  const folder = new ClusterFolder(await mkdtemp(join(tmpdir(), 'bramble-fleet-')));
  await folder.prepare();
  const [api = 0, mqtt = 0, status = 0] = await findFreePorts(3);
  const boards: BoardOptions[] = [];
  const start = (program: Program, name: string, args: readonly string[]) =>
    startInBackground({
      program: process.execPath,
      args: [...PROGRAM_FLAGS[program], bundlePath(context, program), ...args],
      env: { ...context.env, ...programEnv(program) },
      logFile: folder.logFile(name),
      pidFile: folder.pidFile(name),
    });
  const end = async (name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const running = await readRunning(folder.pidFile(name));
    if (running !== undefined && signal !== 'SIGTERM') process.kill(running.pid, signal);
    await stopProgram(context.clock, { pidFile: folder.pidFile(name), graceMs: GRACE_MS });
  };
  const stop = async (): Promise<void> => {
    for (const { name, engine } of boards) {
      await end(name);
      await removeContainers(engine, name);
    }
    await end('master');
    await unmountBelow(folder.path);
    await rm(folder.path, { recursive: true, force: true });
  };
  const ports = ['--api-port', `${api}`, '--mqtt-port', `${mqtt}`, '--status-port', `${status}`];
  const masterArgs = ['--data-dir', folder.path, '--listen', '127.0.0.1', ...ports, ...(options.masterFlags ?? [])];
  try {
    await start('master', 'master', masterArgs);
    await waitForMaster(context, folder, () => undefined);
  } catch (error) {
    await stop();
    throw error;
  }
  const kubectl = await createKubectl(folder.kubeconfig, folder.path);
  const profile = await loadProfile(context, { kubeconfig: folder.kubeconfig });
  const { client, close } = createHttpsClient(profile);
  return {
    folder,
    kubectl,
    client,
    async add(board) {
      if (!boards.some(({ name }) => name === board.name)) boards.push(board);
      await mkdir(folder.nodeFolder(board.name), { recursive: true });
      await withSession(context, { kubeconfig: folder.kubeconfig }, async ({ api: session }) => {
        const expirationMs = context.clock.nowMs() + TOKEN_TTL_MS;
        const { token } = await createJoinToken(context.random, session, { profile, expirationMs });
        const own = ['--data-dir', folder.nodeFolder(board.name), '--name', board.name, '--join', token];
        const shared = ['--master', '127.0.0.1', '--mqtt-port', `${mqtt}`, '--docker', board.engine.socketPath];
        await start('agent', board.name, [...own, ...shared, ...ONE_MACHINE, ...(board.flags ?? [])]);
        await waitForNodes(context, folder, { api: session, names: [board.name], note: () => undefined });
      });
    },
    end,
    async events(reason) {
      const { items } = await client.list(EventKind);
      return items.filter((event) => event.reason === reason).map(({ message = '' }) => message);
    },
    log: (program) => readFile(folder.logFile(program), 'utf8'),
    async stop() {
      close();
      await stop();
    },
  };
}

/** Volumes in memory are mounted below the data directories of the agents. */
async function unmountBelow(path: string): Promise<void> {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  const own = mounts.filter((point) => point.startsWith(`${path}/`)).sort();
  for (const point of own.reverse()) await promisify(execFile)('umount', [point]);
}

/** An engine that is gone has none. */
async function removeContainers(engine: TestEngine, node: string): Promise<void> {
  const ids = await engine.docker('ps', '-aq', '--filter', `label=bramble.dev/node=${node}`).catch(() => '');
  if (ids !== '') await engine.docker('rm', '-f', ...ids.split('\n')).catch(() => undefined);
}
