/**
 * A real cluster for tests: the shipped bundles of master and agents, started and stopped by the code of `bramble up`, on free
 * ports, in a temporary folder, against a real Docker engine. Its programs can be killed and started again.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { loadProfile, type Profile } from '../../cli/api/kubeconfig.ts';
import type { Context } from '../../cli/context.ts';
import type { Progress } from '../../cli/progress.ts';
import { ensureBundles } from '../../cli/setup/bundles.ts';
import { readRunning } from '../../cli/setup/processes.ts';
import { ClusterFolder, type State } from '../../cli/up/cluster-folder.ts';
import { chooseNetwork } from '../../cli/up/cluster-network.ts';
import { startCluster } from '../../cli/up/start-cluster.ts';
import { stopCluster } from '../../cli/up/stop-cluster.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { systemRandom } from '../../shared/platform/random.ts';
import { startTestEngine, type TestEngine, type TestEngineOptions } from './docker.ts';
import { createKubectl, type Kubectl, ROOT } from './kubectl.ts';
import { waitFor } from './wait.ts';

export interface TestCluster {
  folder: ClusterFolder;
  state: State;
  engine: TestEngine;
  kubectl: Kubectl;
  /** Names of the nodes. */
  nodes: readonly string[];
  /** Sends a signal to `master` or a node's agent; resolves when the process has ended, unless the signal only stops it. */
  kill(program: string, signal?: NodeJS.Signals): Promise<void>;
  /** Starts whatever does not run, and waits until everything is ready. */
  start(): Promise<void>;
  /** One request over HTTPS as the administrator; code 0 when nobody answers. */
  https(method: string, path: string, body?: unknown): Promise<{ code: number; body: JsonObject }>;
  /** The log of `master` or of a node's agent. */
  log(program: string): Promise<string>;
  /** Ends everything and removes the folder. Idempotent. */
  stop(): Promise<void>;
}

export interface TestClusterOptions {
  nodes?: number;
  /** An engine of its own, for tests that kill it. */
  engine?: TestEngineOptions;
}

/** What a command needs to know of the world, without a terminal and without signals. */
export function createTestContext(): Context {
  const sink = { isTerminal: false, columns: 80, write: () => undefined };
  return {
    env: process.env,
    root: ROOT,
    stdin: process.stdin,
    stdout: sink,
    stderr: sink,
    clock: systemClock,
    random: systemRandom,
    signal: new AbortController().signal,
    isRoot: process.getuid?.() === 0,
  };
}

const quiet: Progress = {
  step: (_, work) => work(() => undefined),
  info: () => undefined,
  warn: () => undefined,
};

export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const context = createTestContext();
  const engine = await startTestEngine(options.engine);
  await ensureBundles(context, ['master', 'agent']);
  const folder = new ClusterFolder(await mkdtemp(join(tmpdir(), 'bramble-test-')));
  await folder.prepare();
  const state = await computeState(folder, engine, options.nodes ?? 1);
  const start = (): Promise<void> => startCluster(context, { folder, state, progress: quiet, example: false });
  const stop = async (): Promise<void> => {
    await stopCluster(context, { folder, state }, { removeImages: false });
    await rm(folder.path, { recursive: true, force: true });
    await engine.stop();
  };
  try {
    await start();
    const kubectl = await createKubectl(folder.kubeconfig, folder.path);
    return {
      folder,
      state,
      engine,
      kubectl,
      nodes: state.nodes,
      kill: (program, signal = 'SIGKILL') => kill(folder, program, signal),
      start,
      https: createHttps(await loadProfile(context, { kubeconfig: folder.kubeconfig })),
      log: (program) => readFile(folder.logFile(program), 'utf8'),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Requests as the administrator; code 0 when nobody answers. */
export function createHttps({ server, caCertificate, clientCertificate, clientKey }: Profile): TestCluster['https'] {
  const agent = new Agent({ keepAlive: true, ca: caCertificate, cert: clientCertificate, key: clientKey });
  return (method, path, body) =>
    new Promise((resolve) => {
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const asked = request(new URL(path, server), { agent, method, headers }, (response) => {
        json(response).then(
          (value) => resolve({ code: response.statusCode ?? 0, body: value as JsonObject }),
          () => resolve({ code: 0, body: {} }),
        );
      });
      asked.on('error', () => resolve({ code: 0, body: {} }));
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

async function computeState(folder: ClusterFolder, engine: TestEngine, count: number): Promise<State> {
  const [apiPort = 0, mqttPort = 0, statusPort = 0] = await findFreePorts(3);
  return {
    apiPort,
    mqttPort,
    statusPort,
    listen: '127.0.0.1',
    socketPath: engine.socketPath,
    nodes: Array.from({ length: count }, (_, index) => folder.nodeName(index + 1)),
    joined: [],
    detached: true,
    exampleApplied: false,
    network: await chooseNetwork(folder),
  };
}

/** All are held until all are known, so that they differ. */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            resolve(typeof address === 'object' && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function kill(folder: ClusterFolder, program: string, signal: NodeJS.Signals): Promise<void> {
  const pidFile = folder.pidFile(program);
  const record = await readRunning(pidFile);
  if (record === undefined) throw new Error(`${program} does not run`);
  process.kill(record.pid, signal);
  if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
  await waitFor(`${program} ended`, async () => (await readRunning(pidFile)) === undefined);
}
