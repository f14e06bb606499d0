/** A whole node in virtual time: the real API server on a store in memory, the real agent, a fake engine and disk. */
import assert from 'node:assert/strict';
import { createApiServer } from '../../../master/apiserver/api-server.ts';
import { componentUser } from '../../../master/apiserver/user-info.ts';
import { openSqliteStore } from '../../../master/store/sqlite-store.ts';
import { type Agent, createAgent } from '../../../node-agent/agent.ts';
import { createSealer } from '../../../node-agent/kubelet/assignment/sealer.ts';
import type { NodeGuardSettings } from '../../../node-agent/kubelet/node-guard.ts';
import type { ProbeAnswer, ProbeDialer } from '../../../node-agent/kubelet/probes/probe-dialer.ts';
import type { Inventory, Sample, Sensors } from '../../../node-agent/sensors/sensors.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { ALL_KINDS } from '../../../shared/api/registry.ts';
import type { Client } from '../../../shared/client/client.ts';
import { createClient } from '../../../shared/client/create-client.ts';
import { StatusError } from '../../../shared/machinery/errors.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { FakeRuntime, type FakeRuntimeOptions } from '../../support/fake-runtime.ts';
import { MemoryAssignmentDisk } from '../../support/memory-assignment-disk.ts';
import { createMemoryHostFiles, type MemoryHostFiles } from '../../support/memory-host-files.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

export const NODE = 'pi-1';
export const NODE_IP = '192.0.2.10';
export const PODS_ROOT = '/data/pods';

const VERSION = {
  major: '1',
  minor: '35',
  gitVersion: 'v1.35.0+bramble.0.1.0',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'linux/arm64',
};

export interface AgentFixture {
  clock: VirtualClock;
  client: Client;
  runtime: FakeRuntime;
  files: MemoryHostFiles;
  sensors: Sensors & { sampleNow: Sample };
  /** Answer of all network probes from now on. */
  answer: { value: ProbeAnswer };
  agent: Agent;
  /** What the node remembers of its assignment. */
  disk: MemoryAssignmentDisk;
  /** false: the master does not answer the agent. */
  setLink(up: boolean): void;
  /** kill -9 and a new start: only what the engine, the disk and the API know is left. */
  restartAgent(): Promise<void>;
  /** The power goes, and comes back. */
  rebootBoard(): Promise<void>;
  createPod(name: string, spec: object, metadata?: object): Promise<Pod>;
  getPod(name: string): Promise<Pod>;
  /** Lets time go by until `check` holds; fails after ten minutes of virtual time. */
  until(what: string, check: () => Promise<boolean>): Promise<void>;
  /** Everything ends; fails if the agent went on asking afterwards. `meanwhile`: what happens while it is stopping. */
  stop(meanwhile?: () => Promise<unknown>): Promise<void>;
}

export const INVENTORY: Inventory = {
  model: 'Raspberry Pi 4 Model B Rev 1.4',
  serial: '10000000abcdef01',
  cpus: 4,
  memoryBytes: 4 * 1024 ** 3,
  pageSizeBytes: 4096,
  machineId: '0123456789abcdef0123456789abcdef',
  systemUuid: 'system-uuid',
  bootId: 'boot-1',
  kernelVersion: '6.12.0-rpi',
  osImage: 'Raspberry Pi OS',
  throttleCelsius: 80,
};

export const SAMPLE: Sample = {
  atMs: 0,
  cpuMillis: 200,
  memoryAvailableBytes: 3 * 1024 ** 3,
  memoryTotalBytes: 4 * 1024 ** 3,
  loadAverage1: 0.1,
  temperatureCelsius: 45,
  throttled: false,
  underVoltage: false,
  diskTotalBytes: 32 * 1024 ** 3,
  diskAvailableBytes: 20 * 1024 ** 3,
};

const STEP_MS = 250;
const MAX_STEPS = (10 * 60 * 1000) / STEP_MS;

/** Longer than any pause between two looks of an agent. */
const SILENCE_MS = 10 * 60 * 1000;

export async function createAgentFixture(
  options: Partial<FakeRuntimeOptions> = {},
  guard: NodeGuardSettings = {},
): Promise<AgentFixture> {
  const clock = createVirtualClock();
  const random = seededRandom(1);
  const logger = silentLogger;
  const store = await openSqliteStore({ path: ':memory:', clock, logger, schedule: queueMicrotask });
  const server = createApiServer({ store, kinds: ALL_KINDS, clock, random, logger, version: VERSION });
  await server.start();
  const asMaster = createClient((request) => server.handle(request, componentUser('system:test')));
  const nodeUser = {
    name: `system:node:${NODE}`,
    uid: '',
    groups: ['system:nodes', 'system:authenticated'],
    extra: {},
  };
  const link = { up: true };
  let asked = 0;
  const away = (): StatusError => new StatusError('ServiceUnavailable', 'the master is away');
  const asNode = createClient(async (request) => {
    asked += 1;
    if (!link.up) throw away();
    const response = await server.handle(request, nodeUser);
    return response.type === 'events' ? { ...response, events: whileUp(response.events, link, away) } : response;
  });
  const disk = new MemoryAssignmentDisk(clock);
  const runtime = new FakeRuntime({ clock, node: NODE, ...options });
  const files = createMemoryHostFiles();
  const sensors = { sampleNow: SAMPLE, inventory: async () => INVENTORY, sample: async () => sensors.sampleNow };
  const answer: { value: ProbeAnswer } = { value: { ok: true } };
  const reply = async (): Promise<ProbeAnswer> => {
    asked += 1;
    return answer.value;
  };
  const dialer: ProbeDialer = { tcp: reply, http: reply, grpc: reply };
  const make = (): Agent =>
    createAgent({
      ...{ node: NODE, client: asNode, runtime, sensors, files, dialer, clock, random, logger },
      paths: { root: PODS_ROOT },
      internalIp: () => NODE_IP,
      guard,
      memory: { disk, sealer: createSealer(Buffer.alloc(32, 1), random) },
    });
  let agent = make();
  await agent.start();
  await clock.advance(1_000);
  const fixture: AgentFixture = {
    ...{ clock, client: asMaster, runtime, files, sensors, answer, disk },
    get agent() {
      return agent;
    },
    setLink(up) {
      link.up = up;
      agent.onLink(up);
    },
    async restartAgent() {
      await finish(clock, agent.stop());
      agent = make();
      agent.onLink(link.up);
      await agent.start();
      await clock.advance(1_000);
    },
    async rebootBoard() {
      disk.fail('there is no power');
      await finish(clock, agent.stop());
      disk.fail(undefined);
      runtime.reboot();
      agent = make();
      agent.onLink(link.up);
      await agent.start();
      await clock.advance(1_000);
    },
    createPod: (name, spec, metadata = {}) =>
      asMaster.create(PodKind, {
        metadata: { name, namespace: 'default', ...metadata },
        spec: { nodeName: NODE, ...spec },
      }),
    getPod: (name) => asMaster.get(PodKind, { namespace: 'default', name }),
    async until(what, check) {
      for (let step = 0; step < MAX_STEPS; step += 1) {
        if (await check()) return;
        await clock.advance(STEP_MS);
      }
      throw new Error(`it never came about: ${what}`);
    },
    async stop(meanwhile = async () => undefined) {
      const stopping = finish(clock, agent.stop());
      await meanwhile();
      await stopping;
      // Ends the watches: whoever still looks after one would ask again.
      await server.stop();
      const before = asked;
      await clock.advance(SILENCE_MS);
      assert.equal(asked, before, 'the agent went on after it was stopped');
      await store.close();
    },
  };
  return fixture;
}

/** A watch that breaks when the link does: at the next event at the latest. */
async function* whileUp<T>(events: AsyncIterable<T>, link: { up: boolean }, away: () => Error): AsyncGenerator<T> {
  for await (const event of events) {
    if (!link.up) throw away();
    yield event;
  }
}

/** Time goes by until the work is done: it may wait for timers. */
async function finish(clock: VirtualClock, work: Promise<void>): Promise<void> {
  const state = { isOver: false };
  const noted = work.finally(() => {
    state.isOver = true;
  });
  for (let step = 0; step < MAX_STEPS && !state.isOver; step += 1) await clock.advance(STEP_MS);
  await noted;
}
