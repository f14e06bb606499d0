/**
 * One node for tests of pods: the real API server, scheduler and the controllers that pods need, the real agent on a real
 * Docker engine, all in this process. Many pods are made at once and looked into while they run.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiServer } from '../../master/apiserver/api-server.ts';
import { componentUser } from '../../master/apiserver/user-info.ts';
import { Informers } from '../../master/controllers/informers.ts';
import { PersistentVolumeController } from '../../master/controllers/persistent-volume/controller.ts';
import { createEphemeralVolumes } from '../../master/controllers/persistent-volume/ephemeral.ts';
import { createRootCertificatePublisher } from '../../master/controllers/root-certificate.ts';
import { createServiceAccountController } from '../../master/controllers/service-account.ts';
import {
  createTokenIssuer,
  userOfServiceAccountToken,
} from '../../master/gateway/authentication/service-account-tokens.ts';
import { Scheduler } from '../../master/scheduler/scheduler.ts';
import { openSqliteStore } from '../../master/store/sqlite-store.ts';
import { type Agent, type AgentOptions, createAgent } from '../../node-agent/agent.ts';
import { DockerRuntime } from '../../node-agent/container-runtime/docker-runtime.ts';
import { createProbeDialer } from '../../node-agent/kubelet/probes/node-probe-dialer.ts';
import { nodeHostFiles } from '../../node-agent/kubelet/volumes/node-host-files.ts';
import { createSystemSensors } from '../../node-agent/sensors/system-sensors.ts';
import type { ContainerStatus } from '../../shared/api/container-status.ts';
import { type Event, EventKind } from '../../shared/api/event.ts';
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import { ALL_KINDS } from '../../shared/api/registry.ts';
import type { Client } from '../../shared/client/client.ts';
import { createClient } from '../../shared/client/create-client.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { sleep, systemClock } from '../../shared/platform/clock.ts';
import { startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { systemRandom } from '../../shared/platform/random.ts';
import type { Request, Response } from '../../shared/protocol/exchange.ts';
import { generatePrivateKey, readPrivateKey } from '../../shared/protocol/x509/keys.ts';
import { startTestEngine, TEST_IMAGE, type TestEngine } from './docker.ts';

const BASE = { clock: systemClock, random: systemRandom, logger: silentLogger };
const DEADLINE_MS = 40_000;
const POLL_MS = 20;

/** Containers start in parallel; two processors carry this many. */
const PARALLEL_PODS = 6;

export const ROOT_CERTIFICATE = '-----BEGIN CERTIFICATE-----\nfor tests\n-----END CERTIFICATE-----\n';

const VERSION = {
  ...{ major: '1', minor: '35', gitVersion: 'v1.35.0', gitCommit: '', gitTreeState: '', buildDate: '' },
  ...{ goVersion: '', compiler: '', platform: '' },
};

/** Runs until it is told to end, and ends at once. */
export const FOREVER = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done'];

export interface PodNode {
  name: string;
  client: Client;
  engine: TestEngine;
  agent: Agent;
  /** The agent's own directory. */
  dataDir: string;
  /** A directory on the node for what tests exchange with containers. */
  shared: string;
  /** Placed on the node directly; `metadata` is merged into the pod's. */
  create(name: string, spec: JsonObject, metadata?: JsonObject): Promise<Pod>;
  /** The scheduler places it. */
  schedule(name: string, spec: JsonObject, metadata?: JsonObject): Promise<Pod>;
  get(name: string): Promise<Pod>;
  /** Waits until the pod is as wanted, and returns it. */
  until(name: string, what: string, check: (pod: Pod) => boolean): Promise<Pod>;
  ready(name: string): Promise<Pod>;
  /** What a shell command in a container prints; its exit code is not looked at. */
  sh(pod: string, script: string, container?: string): Promise<string>;
  /** What a container has written since its start. */
  logs(pod: string, container?: string, query?: Record<string, string>): Promise<string>;
  /** Waits for an event of the pod whose reason is this and whose message matches, and returns its message. */
  event(pod: string, reason: string, message?: RegExp): Promise<string>;
  /** One request as the administrator. */
  call(request: Partial<Request> & Pick<Request, 'path'>): Promise<Response>;
  /** The user that a token of a service account stands for. */
  userOf(token: string): ReturnType<typeof userOfServiceAccountToken>;
  /** Everything ends, nothing is left on the engine. */
  close(): Promise<void>;
}

/** A program in the image of tests. */
export function container(over: JsonObject = {}): JsonObject {
  return { name: 'main', image: TEST_IMAGE, command: FOREVER, ...over };
}

export function statusOf({ status }: Pod, name = 'main'): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status;
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    (item) => item.name === name,
  );
}

export function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

export async function until<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = systemClock.monotonicMs() + DEADLINE_MS;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    assert.ok(systemClock.monotonicMs() < deadline, `it never came about: ${what}`);
    await sleep(systemClock, POLL_MS);
  }
}

/** `clock` is the agent's: tests leave out time by it. */
type Options = Partial<Pick<AgentOptions, 'clusterDns' | 'clock'>>;

let count = 0;

export async function openPodNode(options: Options = {}): Promise<PodNode> {
  count += 1;
  const name = `pods-${process.pid}-${count}`;
  const dataDir = mkdtempSync(join(tmpdir(), 'bramble-pods-'));
  const engine = await startTestEngine();
  const master = await openMaster((request) => parts.agent.handler(request));
  const parts = { agent: openAgent({ name, dataDir, engine, call: master.callAs(name) }, options) };
  await startAll([...master.components, parts.agent]);
  const { client, callAs } = master;
  const key = (pod: string) => ({ namespace: 'default', name: pod });
  const get = (pod: string): Promise<Pod> => client.get(PodKind, key(pod));
  const untilPod: PodNode['until'] = (pod, what, check) =>
    until(`${pod}: ${what}`, async () => {
      const found = await get(pod);
      return check(found) && found;
    }).catch(async (error) => {
      throw new Error(`${error.message}\n${JSON.stringify((await get(pod)).status, null, 1)}`);
    });
  const runtime = new DockerRuntime({ ...BASE, socketPath: engine.socketPath, node: name });
  const shared = mkdtempSync(join(tmpdir(), 'bramble-shared-'));
  return {
    ...{ name, client, engine, dataDir, shared, get, until: untilPod, agent: parts.agent },
    create: (pod, spec, metadata = {}) => client.create(PodKind, podOf(pod, { nodeName: name, ...spec }, metadata)),
    schedule: (pod, spec, metadata = {}) => client.create(PodKind, podOf(pod, spec, metadata)),
    ready: (pod) => untilPod(pod, 'is ready', isReady),
    sh: async (pod, script, container = 'main') => {
      const id = (statusOf(await get(pod), container)?.containerID ?? '').replace('docker://', '');
      const session = await runtime.exec(id, { command: ['sh', '-c', script], stdin: false, tty: false });
      return readText(session.output);
    },
    async logs(pod, container = 'main', query = {}) {
      const path = `/api/v1/namespaces/default/pods/${pod}/log`;
      const given = Object.entries({ container, ...query }).map(([parameter, value]) => [parameter, [value]]);
      const response = await callAs('admin')(requestOf({ path, query: Object.fromEntries(given) }));
      assert.equal(response.type, 'bytes');
      return response.type === 'bytes' ? readText(mapBytes(response.chunks)) : '';
    },
    event: (pod, reason, message) =>
      until(`${pod} has the event ${reason}`, () => findEvent(client, pod, { reason, message })),
    call: (request) => callAs('admin')(requestOf(request)),
    userOf: master.userOf,
    async close() {
      await stopAll([...master.components, parts.agent]);
      await master.close();
      await removeContainers(engine, name);
      await nodeHostFiles.removeTree(dataDir);
      rmSync(shared, { recursive: true, force: true });
      await engine.stop();
    },
  };
}

/** The API server with what pods need of a master. */
async function openMaster(reachNode: (request: Request) => Promise<Response>) {
  const store = await openSqliteStore({ ...BASE, path: ':memory:', schedule: queueMicrotask });
  const tokens = { key: readPrivateKey(generatePrivateKey()), clock: systemClock, random: systemRandom };
  const server = createApiServer({
    ...{ ...BASE, store, kinds: ALL_KINDS, version: VERSION },
    issueToken: (subject, spec) => createTokenIssuer({ ...tokens, client })(subject, spec),
    nodeProxy: (_node, request) => reachNode(request),
  });
  const callAs = (user: string) => (request: Request) =>
    server.handle(request, user === 'admin' ? componentUser('system:test') : nodeUser(user));
  const client = createClient(callAs('admin'));
  const environment = { ...BASE, client };
  const informers = new Informers(environment);
  await server.start();
  return {
    ...{ client, callAs },
    components: [
      informers,
      createServiceAccountController(environment, informers),
      createRootCertificatePublisher({ ...environment, certificate: ROOT_CERTIFICATE }, informers),
      new PersistentVolumeController(environment, informers),
      createEphemeralVolumes(environment, informers),
      new Scheduler(environment),
    ],
    userOf: (token: string) => userOfServiceAccountToken({ ...tokens, client }, token),
    async close() {
      await server.stop();
      await store.close();
    },
  };
}

function nodeUser(name: string) {
  return { name: `system:node:${name}`, uid: '', groups: ['system:nodes', 'system:authenticated'], extra: {} };
}

interface Place {
  name: string;
  dataDir: string;
  engine: TestEngine;
  call(request: Request): Promise<Response>;
}

function openAgent({ name, dataDir, engine, call }: Place, options: Options): Agent {
  const places = { storagePath: () => '/', nodePath: () => '/' };
  return createAgent({
    ...{ ...BASE, ...options, node: name, files: nodeHostFiles },
    client: createClient(call),
    runtime: new DockerRuntime({ ...BASE, socketPath: engine.socketPath, node: name }),
    sensors: createSystemSensors({ clock: systemClock, root: '', ...places }, process.platform),
    paths: { root: join(dataDir, 'pods'), memory: join(dataDir, 'pods-memory') },
    dialer: createProbeDialer(systemClock),
    internalIp: () => '127.0.0.1',
    parallelPods: PARALLEL_PODS,
  });
}

function podOf(name: string, spec: JsonObject, metadata: JsonObject) {
  return { metadata: { name, namespace: 'default', ...metadata }, spec: { terminationGracePeriodSeconds: 0, ...spec } };
}

function requestOf(request: Partial<Request> & Pick<Request, 'path'>): Request {
  return { method: 'GET', query: {}, headers: {}, signal: new AbortController().signal, ...request };
}

async function findEvent(
  client: Client,
  pod: string,
  { reason, message = /./ }: { reason: string; message: RegExp | undefined },
): Promise<string | undefined> {
  const { items } = await client.list<Event>(EventKind, { namespace: 'default' });
  const found = items.filter((event) => event.reason === reason && event.involvedObject.name === pod);
  return found.find((event) => message.test(event.message ?? ''))?.message;
}

async function* mapBytes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<{ bytes: Uint8Array }> {
  for await (const bytes of chunks) yield { bytes };
}

async function readText(chunks: AsyncIterable<{ bytes: Uint8Array }>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const { bytes } of chunks) parts.push(bytes);
  return Buffer.concat(parts).toString('utf8').trim();
}

async function removeContainers(engine: TestEngine, node: string): Promise<void> {
  const ids = await engine.docker('ps', '-aq', '--filter', `label=bramble.dev/node=${node}`);
  if (ids !== '') await engine.docker('rm', '-f', ...ids.split('\n'));
}
