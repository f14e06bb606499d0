/** Starts what is missing of a cluster, step by step: master, agents, example. Everything that runs already is left alone. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { applyManifests } from '../api/apply-manifests.ts';
import { createJoinToken } from '../api/create-join-token.ts';
import { type Manifest, readManifests } from '../api/manifests.ts';
import { type Session, withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import type { Progress } from '../progress.ts';
import { bundlePath, PROGRAM_FLAGS, type Program, programEnv } from '../setup/bundles.ts';
import { createDocker } from '../setup/docker-engine.ts';
import { ensureExampleImage, PUBLIC_IMAGE } from '../setup/example-image.ts';
import { readRunning, startInBackground } from '../setup/processes.ts';
import type { ClusterFolder, State } from './cluster-folder.ts';
import { agentNetworkArgs } from './cluster-network.ts';
import { ensurePortsFree } from './ports.ts';
import { waitForDeployment, waitForMaster, waitForNodes } from './wait-ready.ts';

export interface StartJob {
  folder: ClusterFolder;
  /** Written down as it changes. */
  state: State;
  progress: Progress;
  example: boolean;
}

/** The token only has to live until the agents have their certificates. */
const TOKEN_TTL_MS = 15 * 60_000;

export async function startCluster(context: Context, job: StartJob): Promise<void> {
  const { folder, state, progress } = job;
  await ensureMaster(context, job);
  await folder.writeState(state);
  await withSession(context, { kubeconfig: folder.kubeconfig }, async (session) => {
    await ensureAgents(context, session, job);
    if (!job.example || state.exampleApplied) return;
    await progress.step('Starting the example', (note) => startExample(context, session, { ...job, note }));
    state.exampleApplied = true;
    await folder.writeState(state);
  });
}

async function ensureMaster(context: Context, { folder, state, progress }: StartJob): Promise<void> {
  if ((await readRunning(folder.pidFile('master'))) !== undefined) return;
  await ensurePortsFree(state);
  await folder.writeState(state);
  await progress.step('Starting the master', async (note) => {
    await startProgram(context, folder, {
      program: 'master',
      name: 'master',
      args: [
        ...['--data-dir', folder.path, '--listen', state.listen],
        ...['--api-port', `${state.apiPort}`, '--mqtt-port', `${state.mqttPort}`],
        ...['--mqtt-plain-port', `${state.mqttPlainPort ?? 'off'}`, '--status-port', `${state.statusPort}`],
        ...masterNetworkArgs(state),
      ],
    });
    await waitForMaster(context, folder, note);
  });
}

async function ensureAgents(context: Context, session: Session, { folder, state, progress }: StartJob): Promise<void> {
  const missing: string[] = [];
  for (const name of state.nodes) if ((await readRunning(folder.pidFile(name))) === undefined) missing.push(name);
  await progress.step(renderAgentsTitle(missing.length), async (note) => {
    const isNew = (name: string): boolean => !state.joined.includes(name);
    const token = missing.some(isNew) ? await makeToken(context, session) : '';
    for (const name of missing) {
      await mkdir(folder.nodeFolder(name), { recursive: true });
      const join = isNew(name) ? ['--join', token] : [];
      await startProgram(context, folder, {
        program: 'agent',
        name,
        args: [...agentArgs(folder, state, name), ...join],
      });
    }
    await waitForNodes(context, folder, { api: session.api, names: state.nodes, note });
    state.joined = [...state.nodes];
    await folder.writeState(state);
  });
}

function renderAgentsTitle(count: number): string {
  if (count === 0) return 'Looking at the agents';
  return count === 1 ? 'Starting the agent' : `Starting ${count} agents`;
}

async function makeToken(context: Context, { api, profile }: Session): Promise<string> {
  const expirationMs = context.clock.nowMs() + TOKEN_TTL_MS;
  return (await createJoinToken(context.random, api, { profile, expirationMs })).token;
}

function masterNetworkArgs({ network }: State): string[] {
  return network === undefined ? [] : ['--cluster-cidr', network.clusterCidr, '--service-cidr', network.serviceCidr];
}

function agentArgs(folder: ClusterFolder, state: State, name: string): string[] {
  const host = state.listen === '0.0.0.0' || state.listen === '::' ? '127.0.0.1' : state.listen;
  return [
    ...['--data-dir', folder.nodeFolder(name), '--name', name],
    ...['--master', host, '--mqtt-port', `${state.mqttPort}`, '--docker', state.socketPath],
    // One engine for all: there is nothing to copy.
    ...['--peer-port', '0'],
    ...agentNetworkArgs(state),
  ];
}

async function startProgram(
  context: Context,
  folder: ClusterFolder,
  { program, name, args }: { program: Program; name: string; args: readonly string[] },
): Promise<void> {
  await startInBackground({
    program: process.execPath,
    args: [...PROGRAM_FLAGS[program], bundlePath(context, program), ...args],
    env: { ...context.env, ...programEnv(program) },
    logFile: folder.logFile(name),
    pidFile: folder.pidFile(name),
  });
}

async function startExample(
  context: Context,
  { api, profile }: Session,
  { state, note }: StartJob & { note: (text: string) => void },
): Promise<void> {
  const image = await ensureExampleImage(context, createDocker(state.socketPath), note);
  const path = join(context.root, 'examples/hello.yaml');
  const manifests = await readManifests([path], { stdin: context.stdin, recursive: false });
  const adapted = manifests.map((manifest) => withImage(manifest, image));
  const settings = { namespace: profile.namespace, dryRun: false };
  for await (const line of applyManifests(api, adapted, settings)) note(line);
  await waitForDeployment(context, {
    api,
    path: `/apis/apps/v1/namespaces/${profile.namespace}/deployments/hello`,
    note,
  });
}

function withImage(manifest: Manifest, image: string): Manifest {
  return { ...manifest, object: { ...manifest.object, ...replaceImage(manifest.object, image) } };
}

function replaceImage(object: JsonObject, image: string): JsonObject {
  const entries = Object.entries(object).map(([key, value]) => [key, replaceInValue(key, value, image)]);
  return Object.fromEntries(entries);
}

function replaceInValue(key: string, value: unknown, image: string): unknown {
  if (key === 'image' && value === PUBLIC_IMAGE) return image;
  if (Array.isArray(value)) return value.map((item) => (isJsonObject(item) ? replaceImage(item, image) : item));
  return isJsonObject(value) ? replaceImage(value, image) : value;
}
