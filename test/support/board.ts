/**
 * The one node of a test cluster as a board: its agent is killed, started alone (no master needed) or from another bundle;
 * its power goes, and comes back. What runs is read from the engine, never from the API: the master may be away.
 */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programEnv } from '../../cli/setup/bundles.ts';
import { readRunning, startInBackground } from '../../cli/setup/processes.ts';
import { runProgram } from '../../cli/setup/run-program.ts';
import { parseMountPoints } from '../../cli/up/stop-cluster.ts';
import { createTestContext, type TestCluster } from './cluster.ts';
import { waitFor } from './wait.ts';

export interface RunningContainer {
  id: string;
  pod: string;
  uid: string;
  container: string;
  attempt: number;
  startedAt: string;
}

export interface Board {
  /** kill -9 */
  killAgent(): Promise<void>;
  /** The agent alone, as it was started before. `nextBundle`: from a file of its own with other bytes, as after an update. */
  startAgent(options?: { nextBundle?: boolean }): Promise<void>;
  /** Agent, engine and all containers end at once; memory is lost. Needs an engine of one's own. */
  cutPower(): Promise<void>;
  /** The engine is back, and then the agent, as systemd starts them. */
  boot(): Promise<void>;
  /** Containers of pods that run now, sandboxes not counted. */
  running(): Promise<RunningContainer[]>;
  /** The one running container of a pod; waits for it. */
  find(pod: string, container?: string): Promise<RunningContainer>;
  /** What a shell command in it prints. */
  sh(pod: string, script: string, container?: string): Promise<string>;
  /** Files of the agent, relative to its folder. */
  path(...parts: string[]): string;
}

const FORMAT = [
  '{{.Id}}',
  '{{index .Config.Labels "io.kubernetes.pod.name"}}',
  '{{index .Config.Labels "io.kubernetes.pod.uid"}}',
  '{{index .Config.Labels "io.kubernetes.container.name"}}',
  '{{index .Config.Labels "bramble.dev/attempt"}}',
  '{{.State.StartedAt}}',
  '{{.State.Pid}}',
].join(' ');

export async function openBoard(cluster: TestCluster): Promise<Board> {
  const { engine, folder } = cluster;
  const [node = ''] = cluster.nodes;
  const command = await readCommand(folder.pidFile(node));
  const own = ['--filter', `label=bramble.dev/node=${node}`];
  const inspect = async (): Promise<string[][]> => {
    const ids = (await engine.docker('ps', '-q', ...own)).split('\n').filter(Boolean);
    if (ids.length === 0) return [];
    return (await engine.docker('inspect', '-f', FORMAT, ...ids)).split('\n').map((line) => line.split(' '));
  };
  const running = async (): Promise<RunningContainer[]> => (await inspect()).map(parse).filter(isOfPod);
  const find: Board['find'] = (pod, container = 'main') =>
    waitFor(
      `${pod}/${container} runs`,
      async () => (await running()).find((one) => one.pod === pod && one.container === container),
      120_000,
    );
  const startAgent: Board['startAgent'] = async ({ nextBundle = false } = {}) => {
    const [program = '', ...args] = nextBundle ? await withNextBundle(command, folder.path) : command;
    const env = { ...createTestContext().env, ...programEnv('agent') };
    await startInBackground({ program, args, env, logFile: folder.logFile(node), pidFile: folder.pidFile(node) });
  };
  return {
    running,
    find,
    startAgent,
    path: (...parts) => join(folder.nodeFolder(node), ...parts),
    killAgent: () => cluster.kill(node),
    async cutPower() {
      const pids = (await inspect()).map((fields) => Number(fields.at(-1)));
      if ((await readRunning(folder.pidFile(node))) !== undefined) await cluster.kill(node);
      await engine.kill?.('SIGKILL');
      for (const pid of pids) killIfThere(pid);
      await loseMemory(folder.nodeFolder(node));
    },
    async boot() {
      await engine.restart?.();
      await startAgent();
    },
    async sh(pod, script, container) {
      const { id } = await find(pod, container);
      return engine.docker('exec', id, 'sh', '-c', script);
    },
  };
}

function parse(fields: readonly string[]): RunningContainer {
  const [id = '', pod = '', uid = '', container = '', attempt = '', startedAt = ''] = fields;
  return { id, pod, uid, container, attempt: Number(attempt), startedAt };
}

function isOfPod({ container }: RunningContainer): boolean {
  return container !== 'POD';
}

async function readCommand(pidFile: string): Promise<string[]> {
  const record = await readRunning(pidFile);
  if (record === undefined) throw new Error(`nothing runs of ${pidFile}`);
  return (await readFile(`/proc/${record.pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
}

async function withNextBundle(command: readonly string[], folder: string): Promise<string[]> {
  const bundle = command.find((word) => word.endsWith('agent.cjs')) ?? '';
  const next = join(folder, 'agent-next.cjs');
  await copyFile(bundle, next);
  await writeFile(next, '\n// The next version.\n', { flag: 'a' });
  return command.map((word) => (word === bundle ? next : word));
}

function killIfThere(pid: number): void {
  try {
    if (pid > 0) process.kill(pid, 'SIGKILL');
  } catch {
    // It went with the others.
  }
}

/** What is in memory does not outlive the power. */
async function loseMemory(path: string): Promise<void> {
  const points = parseMountPoints(await readFile('/proc/self/mountinfo', 'utf8'));
  for (const point of points.filter((each) => each.startsWith(`${path}/`)).reverse()) {
    await runProgram('umount', ['--lazy', point], { env: createTestContext().env });
  }
}
