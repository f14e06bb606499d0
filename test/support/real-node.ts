/**
 * One node on a real engine, disk and clock, with the real API server and scheduler in this process: for what needs settings or
 * files that a whole cluster would not let a test have.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiServer } from '../../master/apiserver/api-server.ts';
import { componentUser } from '../../master/apiserver/user-info.ts';
import { Scheduler } from '../../master/scheduler/scheduler.ts';
import { openSqliteStore } from '../../master/store/sqlite-store.ts';
import { createAgent } from '../../node-agent/agent.ts';
import { DockerRuntime } from '../../node-agent/container-runtime/docker-runtime.ts';
import type { NodeGuardSettings } from '../../node-agent/kubelet/node-guard.ts';
import { createProbeDialer } from '../../node-agent/kubelet/probes/node-probe-dialer.ts';
import { nodeHostFiles } from '../../node-agent/kubelet/volumes/node-host-files.ts';
import type { Sensors } from '../../node-agent/sensors/sensors.ts';
import { createSystemSensors } from '../../node-agent/sensors/system-sensors.ts';
import { EventKind } from '../../shared/api/event.ts';
import { type Node, NodeKind } from '../../shared/api/node.ts';
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import { ALL_KINDS } from '../../shared/api/registry.ts';
import type { Client } from '../../shared/client/client.ts';
import { createClient } from '../../shared/client/create-client.ts';
import { getCondition } from '../../shared/machinery/conditions.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { systemRandom } from '../../shared/platform/random.ts';
import type { Handler } from '../../shared/protocol/exchange.ts';
import { VERSION } from '../conformance/api-fixture.ts';
import { TEST_IMAGE, type TestEngine } from './docker.ts';
import { waitFor } from './wait.ts';

const BASE = { clock: systemClock, random: systemRandom, logger: silentLogger };

/** Generous: machines that test are busy. */
const PATIENCE_MS = 120_000;

export interface RealNodeOptions {
  engine: TestEngine;
  /** Before each path of /proc, /sys and /dev. */
  root?: string;
  /** A path on the engine's disk. */
  storagePath?: string;
  guard?: NodeGuardSettings;
  /** Hears of each reading. */
  onSample?(): void;
}

export interface RealNode {
  name: string;
  client: Client;
  /** The API server, as the administrator. */
  handle: Handler;
  createPod(name: string, spec?: Record<string, unknown>): Promise<Pod>;
  getPod(name: string): Promise<Pod>;
  getNode(): Promise<Node>;
  /** Waits until the pod has that phase. */
  becomes(name: string, phase: string): Promise<Pod>;
  /** Waits until the Node has that condition. */
  shows(condition: string, status: 'True' | 'False'): Promise<void>;
  until<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T>;
  events(reason: string): Promise<string[]>;
  stop(): Promise<void>;
}

const FOREVER = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'];

export async function startRealNode(options: RealNodeOptions): Promise<RealNode> {
  const { engine, root = '', storagePath = '/', guard } = options;
  const name = `real-${process.pid}`;
  const dataDir = mkdtempSync(join(tmpdir(), 'bramble-node-'));
  const store = await openSqliteStore({ ...BASE, path: ':memory:', schedule: queueMicrotask });
  const server = createApiServer({ ...BASE, store, kinds: ALL_KINDS, version: VERSION });
  const clientOf = (user: string) => createClient((request) => server.handle(request, componentUser(user)));
  const handle: Handler = (request) => server.handle(request, componentUser('system:test'));
  const client = createClient(handle);
  const asNode = { name: `system:node:${name}`, uid: '', groups: ['system:nodes', 'system:authenticated'], extra: {} };
  const agent = createAgent({
    ...BASE,
    node: name,
    client: createClient((request) => server.handle(request, asNode)),
    runtime: new DockerRuntime({ ...BASE, socketPath: engine.socketPath, node: name }),
    sensors: listenedTo(
      createSystemSensors({ clock: systemClock, root, storagePath: () => storagePath }, process.platform),
      options.onSample,
    ),
    files: nodeHostFiles,
    paths: { root: join(dataDir, 'pods') },
    dialer: createProbeDialer(systemClock),
    internalIp: () => '127.0.0.1',
    ...(guard === undefined ? {} : { guard }),
  });
  const parts = [server, new Scheduler({ ...BASE, client: clientOf('system:kube-scheduler') }), agent];
  await startAll(parts);
  const getPod = (pod: string) => client.get(PodKind, { namespace: 'default', name: pod });
  const getNode = () => client.get(NodeKind, { name });
  const until: RealNode['until'] = (what, probe) => waitFor(what, probe, PATIENCE_MS);
  return {
    ...{ name, client, handle, getPod, getNode, until },
    createPod(pod, { container, ...spec }: Record<string, unknown> = {}) {
      const main = { name: 'main', image: TEST_IMAGE, command: FOREVER, ...(container as object) };
      return client.create(PodKind, {
        metadata: { name: pod, namespace: 'default' },
        spec: { terminationGracePeriodSeconds: 1, containers: [main], ...spec },
      });
    },
    becomes: (pod, phase) =>
      until(`${pod} is ${phase}`, async () => {
        const found = await getPod(pod);
        return found.status.phase === phase && found;
      }),
    async shows(condition, status) {
      const isShown = async (): Promise<boolean> =>
        getCondition((await getNode()).status.conditions, condition)?.status === status;
      await until(`${condition} is ${status}`, isShown);
    },
    async events(reason) {
      const { items } = await client.list(EventKind);
      return items.filter((event) => event.reason === reason).map(({ message = '' }) => message);
    },
    async stop() {
      await stopAll(parts);
      await store.close();
      const ids = await engine.docker('ps', '-aq', '--filter', `label=bramble.dev/node=${name}`).catch(() => '');
      if (ids !== '') await engine.docker('rm', '-f', ...ids.split('\n'));
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function listenedTo(sensors: Sensors, onSample: () => void = () => undefined): Sensors {
  return {
    inventory: () => sensors.inventory(),
    sample: async () => {
      onSample();
      return sensors.sample();
    },
    ...(sensors.disks === undefined ? {} : { disks: () => sensors.disks?.() ?? sensors.sample() }),
  };
}
