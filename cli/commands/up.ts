/**
 * `bramble up`: a whole cluster on this machine. It converges: whatever already runs is left alone, what is missing is
 * started. In the foreground it then waits, and ends the cluster on Ctrl-C; its data stays for the next `up`.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../../shared/platform/clock.ts';
import { defaultDataDir } from '../api/kubeconfig.ts';
import { interrupted } from '../api/session.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import { createProgress, type Progress } from '../progress.ts';
import { ensureBundles } from '../setup/bundles.ts';
import { defaultSocket, ensureEngine } from '../setup/docker-engine.ts';
import { ensurePackages, findMissing, NETWORK_REQUIREMENTS, REQUIREMENTS } from '../setup/packages.ts';
import { readRunning, recordProcess } from '../setup/processes.ts';
import { type ClusterFolder, openClusterFolder, type State } from '../up/cluster-folder.ts';
import { chooseNetwork, keepNetwork } from '../up/cluster-network.ts';
import { startCluster } from '../up/start-cluster.ts';
import { stopCluster } from '../up/stop-cluster.ts';
import { readLogEnd } from '../up/wait-ready.ts';

export interface UpOptions {
  dataDir?: string;
  apiPort?: number;
  mqttPort?: number;
  mqttPlainPort?: number | 'off';
  statusPort?: number;
  listen?: string;
  nodes?: number;
  docker?: string;
  detach?: boolean;
  example: boolean;
  json?: boolean;
}

/** How often the programs of a cluster in the foreground are looked at. */
const WATCH_MS = 500;

export async function up(context: Context, options: UpOptions): Promise<void> {
  const progress = createProgress(context.stderr, context.clock);
  const folder = openClusterFolder(context, options.dataDir);
  await folder.prepare();
  const before = await folder.readState();
  const runs = (await readRunning(folder.pidFile('master'))) !== undefined;
  const owner = await readRunning(folder.pidFile('up'));
  if (owner !== undefined && !runs) throw busy(folder, owner.pid);
  if (runs && before !== undefined) refuseOtherPorts(folder, before, options);
  const state = await computeState(context, folder, { options, before });
  const owned = runs && (owner !== undefined || before?.detached === true);
  if (owned) state.detached = before?.detached ?? false;
  await run(context, { folder, state, progress, options, owned });
}

interface Job {
  folder: ClusterFolder;
  state: State;
  progress: Progress;
  options: UpOptions;
  /** Another `up` waits for Ctrl-C, or nobody has to. */
  owned: boolean;
}

async function run(context: Context, job: Job): Promise<void> {
  const { folder, state, progress, owned } = job;
  if (!owned) await recordProcess(folder.pidFile('up'));
  try {
    await prepareMachine(context, job);
    await startCluster(context, { folder, state, progress, example: job.options.example });
    context.stdout.write(job.options.json ? renderJson(job) : renderNextSteps(context, job));
    if (owned || state.detached) return;
    await watchUntilInterrupted(context, job);
  } catch (error) {
    // What another `up` started is not ours to end.
    if (!owned) await end(context, job);
    if (context.signal.aborted) throw interrupted();
    throw error;
  } finally {
    if (!owned) await rm(folder.pidFile('up'), { force: true });
  }
}

async function prepareMachine(context: Context, { folder, state, progress }: Job): Promise<void> {
  await ensureEngine(context, progress, { socketPath: state.socketPath, user: { name: folder.path } });
  if (context.isRoot) await ensurePackages(context, progress, NETWORK_REQUIREMENTS);
  else if ((await findMissing(context, [REQUIREMENTS.nftables])).length > 0) {
    progress.warn('nft is missing, so services will be slower; install it with: sudo apt-get install nftables');
  }
  await ensureBundles(context, ['master', 'agent']);
}

/** Options that are given win, then what the cluster had before, then the defaults. */
async function computeState(
  context: Context,
  folder: ClusterFolder,
  { options, before }: { options: UpOptions; before: State | undefined },
): Promise<State> {
  const count = Math.max(options.nodes ?? before?.nodes.length ?? 1, 1);
  const names = Array.from({ length: count }, (_, index) => folder.nodeName(index + 1));
  return {
    apiPort: options.apiPort ?? before?.apiPort ?? 6443,
    mqttPort: options.mqttPort ?? before?.mqttPort ?? 8883,
    statusPort: options.statusPort ?? before?.statusPort ?? 8080,
    listen: options.listen ?? before?.listen ?? '127.0.0.1',
    socketPath: options.docker ?? before?.socketPath ?? defaultSocket(context.env),
    // Nodes are added, never taken away: their pods would be lost without a word.
    nodes: [...new Set([...(before?.nodes ?? []), ...names])],
    joined: before?.joined ?? [],
    detached: options.detach === true,
    exampleApplied: before?.exampleApplied ?? false,
    ...plainPortOf(options.mqttPlainPort ?? before?.mqttPlainPort),
    ...(await networkOf(folder, before)),
  };
}

function plainPortOf(port: number | 'off' = 'off'): Pick<State, 'mqttPlainPort'> {
  return port === 'off' ? {} : { mqttPlainPort: port };
}

/** A cluster keeps the addresses that it has; one that was made before there were any has none. */
async function networkOf(folder: ClusterFolder, before: State | undefined): Promise<Pick<State, 'network'>> {
  if (before === undefined) return { network: await chooseNetwork(folder) };
  return before.network === undefined ? {} : { network: await keepNetwork(folder, before.network) };
}

function refuseOtherPorts(folder: ClusterFolder, before: State, options: UpOptions): void {
  for (const name of ['apiPort', 'mqttPort', 'mqttPlainPort', 'statusPort', 'listen'] as const) {
    const wanted = options[name];
    const present = before[name] ?? 'off';
    if (wanted === undefined || wanted === present) continue;
    throw new Failure(
      EXIT.usage,
      `the cluster in ${folder.path} runs already, with ${present} instead of ${wanted}`,
      'end it first (bramble down --keep-data), or start another one with --data-dir',
    );
  }
}

function busy(folder: ClusterFolder, pid: number): Failure {
  return new Failure(EXIT.unavailable, `another bramble up (process ${pid}) is starting the cluster in ${folder.path}`);
}

async function watchUntilInterrupted(context: Context, job: Job): Promise<void> {
  const { folder, state, progress } = job;
  context.stderr.write('\nPress Ctrl-C to end the cluster; its data stays.\n');
  const ended = new Set<string>();
  for (;;) {
    await sleep(context.clock, WATCH_MS, context.signal);
    for (const program of ['master', ...state.nodes]) {
      if (ended.has(program) || (await readRunning(folder.pidFile(program))) !== undefined) continue;
      ended.add(program);
      progress.warn(`${program} has ended; the end of its log:\n${await readLogEnd(folder, program)}`);
    }
    if (ended.has('master')) throw new Failure(EXIT.failed, 'the master has ended', `see ${folder.logFile('master')}`);
  }
}

async function end(context: Context, { folder, state, progress }: Job): Promise<void> {
  // The work of stopping must not be cut off by the signal that asked for it.
  const patient: Context = { ...context, signal: new AbortController().signal };
  await progress.step('Ending the cluster', () => stopCluster(patient, { folder, state }, { removeImages: false }));
  progress.info(`Its data is in ${folder.path}: "bramble up" goes on there, "bramble down" removes it`);
}

function renderJson({ folder, state, owned }: Job): string {
  const { apiPort, mqttPort, statusPort, nodes } = state;
  const result = owned ? 'runs already' : 'ready';
  const kubeconfig = folder.kubeconfig;
  return `${JSON.stringify({ object: `cluster/${folder.path}`, result, kubeconfig, apiPort, mqttPort, statusPort, nodes })}\n`;
}

function renderNextSteps(context: Context, { folder, state, owned }: Job): string {
  const host = state.listen === '0.0.0.0' || state.listen === '::' ? '127.0.0.1' : state.listen;
  const command = join(context.root, 'cli/bramble');
  const profile = folder.path === defaultDataDir(context) ? '' : ` --data-dir ${folder.path}`;
  return `
${owned ? 'The cluster runs already.' : 'The cluster is ready.'}

  status page   http://${host}:${state.statusPort}/
  kubeconfig    ${folder.kubeconfig}

Try:
  export KUBECONFIG=${folder.kubeconfig}
  kubectl get nodes -o wide
  ${command} get pods -o wide${profile}
  ${command} logs -f deploy/hello${profile}
${state.detached ? `\nEnd it with:\n  ${command} down${profile}\n` : ''}`;
}
