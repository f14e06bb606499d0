/** Waits for a cluster's parts by asking them, and says what the log says when a program has ended instead. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import { sleep } from '../../shared/platform/clock.ts';
import type { Api } from '../api/api.ts';
import { loadProfile, type Profile } from '../api/kubeconfig.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import { readRunning } from '../setup/processes.ts';
import { lastLines } from '../setup/run-program.ts';
import type { ClusterFolder } from './cluster-folder.ts';

const POLL_MS = 100;
const MASTER_TIMEOUT_MS = 60_000;
const NODES_TIMEOUT_MS = 90_000;
const EXAMPLE_TIMEOUT_MS = 120_000;
const REQUEST_TIMEOUT_MS = 5_000;

/** Lines of a program's log that a failure shows. */
const LOG_LINES = 8;

type Note = (text: string) => void;

/** Asks again and again until `probe` says that it is done; `undefined` means done, a text says what is missing. */
async function waitFor(
  context: Context,
  options: { what: string; timeoutMs: number; note: Note; probe: () => Promise<string | undefined> },
): Promise<void> {
  const deadlineMs = context.clock.monotonicMs() + options.timeoutMs;
  for (;;) {
    const missing = await options.probe();
    if (missing === undefined) return;
    options.note(missing);
    if (context.clock.monotonicMs() > deadlineMs) {
      throw new Failure(EXIT.timeout, `${options.what} took more than ${options.timeoutMs / 1000} s: ${missing}`);
    }
    await sleep(context.clock, POLL_MS, context.signal);
  }
}

export async function waitForMaster(context: Context, folder: ClusterFolder, note: Note): Promise<void> {
  await waitFor(context, {
    what: 'the start of the master',
    timeoutMs: MASTER_TIMEOUT_MS,
    note,
    async probe() {
      await mustRun(folder, 'master');
      const profile = await loadProfile(context, { kubeconfig: folder.kubeconfig }).catch(() => undefined);
      if (profile === undefined) return 'waiting for its certificates';
      const code = await askReadyz(profile);
      return code === 200 ? undefined : 'waiting for its API';
    },
  });
}

/** A failure with the end of the log when the program has ended. */
export async function mustRun(folder: ClusterFolder, program: string): Promise<void> {
  if ((await readRunning(folder.pidFile(program))) !== undefined) return;
  throw new Failure(
    EXIT.failed,
    `${program === 'master' ? 'the master' : `the agent of ${program}`} has ended:\n${await readLogEnd(folder, program)}`,
    `its whole log is ${folder.logFile(program)}`,
  );
}

export async function readLogEnd(folder: ClusterFolder, program: string): Promise<string> {
  return lastLines(await readFile(folder.logFile(program), 'utf8').catch(() => ''), LOG_LINES);
}

/** The HTTP code of /readyz; 0 when nobody answers. */
function askReadyz(profile: Profile): Promise<number> {
  return new Promise((resolve) => {
    const asked = request(
      new URL('/readyz', profile.server),
      {
        ca: profile.caCertificate,
        cert: profile.clientCertificate,
        key: profile.clientKey,
        timeout: REQUEST_TIMEOUT_MS,
        agent: false,
      },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(0));
    asked.end();
  });
}

export async function waitForNodes(
  context: Context,
  folder: ClusterFolder,
  { api, names, note }: { api: Api; names: readonly string[]; note: Note },
): Promise<void> {
  await waitFor(context, {
    what: 'the start of the agents',
    timeoutMs: NODES_TIMEOUT_MS,
    note,
    async probe() {
      for (const name of names) await mustRun(folder, name);
      const list = await api.object({ path: '/api/v1/nodes' });
      const lacks = new Map(objects(list['items']).map((node) => [nameOf(node), findLack(node)]));
      const missing = names.filter((name) => !lacks.has(name) || lacks.get(name) !== undefined);
      const reasons = missing.flatMap((name) => lacks.get(name) || []);
      if (missing.length === 0) return undefined;
      return [`waiting for ${missing.join(', ')}`, ...new Set(reasons)].join(': ');
    },
  });
}

export async function waitForDeployment(
  context: Context,
  { api, path, note }: { api: Api; path: string; note: Note },
): Promise<void> {
  await waitFor(context, {
    what: 'the start of the example',
    timeoutMs: EXAMPLE_TIMEOUT_MS,
    note,
    async probe() {
      const deployment = await api.object({ path });
      const status = member(deployment, 'status');
      const wanted = Number(member(deployment, 'spec')['replicas'] ?? 1);
      const seen = status['observedGeneration'] === member(deployment, 'metadata')['generation'];
      const available = seen ? Number(status['availableReplicas'] ?? 0) : 0;
      return available >= wanted ? undefined : `${available} of ${wanted} pods run`;
    },
  });
}

/** Why no pod can start on it; undefined: they can, empty: it does not say. */
function findLack(node: JsonObject): string | undefined {
  const conditions = objects(member(node, 'status')['conditions']);
  const find = (type: string): JsonObject | undefined => conditions.find((condition) => condition['type'] === type);
  const network = find('NetworkUnavailable');
  if (network?.['status'] === 'True') return String(network['message'] ?? '');
  const ready = find('Ready');
  return ready?.['status'] === 'True' ? undefined : String(ready?.['message'] ?? '');
}

function nameOf(object: JsonObject): string {
  return String(member(object, 'metadata')['name']);
}

function member(object: JsonObject, name: string): JsonObject {
  return isJsonObject(object[name]) ? object[name] : {};
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
