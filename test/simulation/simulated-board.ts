/** One board: an engine, a disk and sensors that outlive its agent, and an agent that can be killed and started again. */
import { type Agent, createAgent } from '../../node-agent/agent.ts';
import type { ContainerConfig, ContainerRecord } from '../../node-agent/container-runtime/runtime.ts';
import { createSealer } from '../../node-agent/kubelet/assignment/sealer.ts';
import type { Inventory, Sample, Sensors } from '../../node-agent/sensors/sensors.ts';
import { createClient } from '../../shared/client/create-client.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { nextFloat, type Random, randomUuid, seededRandom } from '../../shared/platform/random.ts';
import { createRpcClient } from '../../shared/protocol/rpc-client.ts';
import { createRpcServer } from '../../shared/protocol/rpc-server.ts';
import { nodeClientId, topics } from '../../shared/protocol/topics.ts';
import { type ContainerPlan, FakeRuntime } from '../support/fake-runtime.ts';
import { MemoryAssignmentDisk } from '../support/memory-assignment-disk.ts';
import type { MemoryBroker, MemorySession } from '../support/memory-broker.ts';
import { createMemoryHostFiles } from '../support/memory-host-files.ts';
import type { PodOnBoard } from './journal.ts';
import { SimulatedProcess } from './simulated-process.ts';

export interface BoardOptions {
  name: string;
  index: number;
  clock: Clock;
  random: Random;
  logger: Logger;
  broker: MemoryBroker;
  planOf(config: ContainerConfig): ContainerPlan;
  /** Told of each start of a container, whatever the master knows of it. */
  onStart(record: ContainerRecord): void;
}

/** Small enough that the workloads fill a board, so that the scheduler has to refuse. */
const BOARD = { cpus: 1, memoryBytes: 512 * 1024 * 1024 } as const;

/** A card that is slow enough for the power to fail between two files. */
const FILE_WRITE_MS = 5;

const STORAGE_KEY = Buffer.alloc(32, 7);

export class SimulatedBoard {
  readonly name: string;
  readonly runtime: FakeRuntime;
  readonly files = createMemoryHostFiles();
  /** By how much the weather makes it warmer. */
  heatCelsius = 0;
  readonly #options: BoardOptions;
  #process: SimulatedProcess | undefined;
  #agent: Agent | undefined;
  #session: MemorySession | undefined;
  /** What lies on the card outlives agents; each process has its own way there. */
  readonly #card = new Map<string, Uint8Array>();
  #disk: MemoryAssignmentDisk | undefined;
  #diskFailure: string | undefined;
  /** Its agent ends pods, and will not begin anything any more. */
  #isGoingOff = false;

  constructor(options: BoardOptions) {
    this.#options = options;
    this.name = options.name;
    const { clock, planOf, onStart } = options;
    this.runtime = new FakeRuntime({ clock, node: options.name, pullMs: 200, planOf, onStart });
  }

  get agentRuns(): boolean {
    return this.#agent !== undefined;
  }

  get session(): MemorySession | undefined {
    return this.#session;
  }

  async startAgent(): Promise<void> {
    if (this.#agent !== undefined) return;
    const process = new SimulatedProcess(this.#options.clock);
    const random = seededRandom(this.#options.random.nextUint32());
    const logger = this.#options.logger.with({ node: this.name });
    const session = this.#connect(random);
    const environment = { clock: process.clock, random, logger };
    const rpc = createRpcClient({
      ...environment,
      transport: session,
      requestTopic: topics.apiRequest(nodeClientId(this.name)),
      responseTopic: topics.apiResponse(nodeClientId(this.name)),
    });
    // A process that is killed has not written the rest: its clock stands still.
    const disk = new MemoryAssignmentDisk(process.clock, FILE_WRITE_MS, this.#card);
    disk.fail(this.#diskFailure);
    this.#disk = disk;
    const agent = createAgent({
      ...environment,
      node: this.name,
      client: createClient(rpc.call),
      runtime: process.guard(this.runtime),
      files: process.guard(this.files),
      sensors: process.guard(this.#sensors()),
      paths: { root: '/pods' },
      memory: { disk: process.guard(disk), sealer: createSealer(STORAGE_KEY, random) },
      dialer: { tcp: async () => ({ ok: true }), http: async () => ({ ok: true }), grpc: async () => ({ ok: true }) },
      internalIp: () => `10.77.0.${this.#options.index}`,
    });
    const server = createRpcServer({
      ...environment,
      transport: session,
      requestFilter: topics.nodeRequest(this.name),
      handler: (request) => agent.handler(request),
    });
    this.#process = process;
    this.#agent = agent;
    this.#session = session;
    session.onLink((up) => agent.onLink(up));
    // As on a board, which has work to do while nobody listens at the other end.
    void server.start().catch(() => undefined);
    await agent.start();
  }

  /** kill -9: the engine's containers run on. */
  killAgent(): void {
    this.#isGoingOff = false;
    this.#process?.kill();
    this.#session?.kill();
    this.#process = undefined;
    this.#agent = undefined;
    this.#session = undefined;
  }

  /** The power goes: agent and containers end at once; the disk keeps what it has. */
  cutPower(): void {
    this.killAgent();
    this.runtime.reboot();
  }

  /** Its pods end in their order, and then it is off; nothing of it happens when its agent dies meanwhile. */
  switchOff(): void {
    const agent = this.#agent;
    const goOff = async (): Promise<void> => {
      await agent?.shutDown();
      // Writes down what it knows, as it does when it is asked to end.
      await agent?.stop();
      if (this.#agent === agent) this.cutPower();
    };
    if (agent !== undefined) void goOff();
    this.#isGoingOff = agent !== undefined;
  }

  /** The engine is restarted: its containers end. */
  restartEngine(): void {
    this.runtime.setAvailable(false);
    this.runtime.reboot();
    this.runtime.setAvailable(true);
  }

  /** A bad spot on the card: one file of the assignment holds something else. */
  damageCard(choose: (count: number) => number): void {
    const names = [...this.#card.keys()];
    const name = names[choose(names.length)];
    if (name !== undefined) this.#card.set(name, Buffer.from('BRK1, and then nothing that anybody has sealed'));
  }

  get hasBadCard(): boolean {
    return this.#diskFailure !== undefined;
  }

  /** undefined: the card can be written and read again. */
  failCard(message: string | undefined): void {
    this.#diskFailure = message;
    this.#disk?.fail(message);
  }

  /** Whatever is broken works again; agents that were killed are not started. */
  endFaults(): void {
    // A cold night: boards that got hot again and again are trusted only when they are cold.
    this.heatCelsius = -15;
    if (this.#isGoingOff) this.cutPower();
    this.session?.heal();
    this.runtime.setAvailable(true);
    this.failCard(undefined);
  }

  /** Pod uid → names of the containers that run. */
  running(): ReadonlyMap<string, readonly string[]> {
    const running = new Map<string, string[]>();
    for (const { pod, name } of this.runtime.running()) running.set(pod.uid, [...(running.get(pod.uid) ?? []), name]);
    return running;
  }

  /** Each container that runs, with the pod that it belongs to. */
  runningPods(): (PodOnBoard & { containerId: string })[] {
    return this.runtime.running().map(({ id, pod }) => ({ ...pod, board: this.name, containerId: id }));
  }

  #connect(random: Random): MemorySession {
    const topic = topics.nodeStatus(this.name);
    const encode = (online: boolean, session: string): Uint8Array =>
      new TextEncoder().encode(JSON.stringify({ online, session }));
    let current = '';
    const session = this.#options.broker.connect({
      clientId: nodeClientId(this.name),
      identity: {
        name: `system:node:${this.name}`,
        uid: '',
        groups: ['system:nodes', 'system:authenticated'],
        extra: {},
      },
      will: () => {
        current = randomUuid(random);
        return { topic, payload: encode(false, current), retain: true };
      },
    });
    session.onLink((up) => {
      if (up) session.publish(topic, encode(true, current), { qos: 1, retain: true }).catch(() => undefined);
    });
    return session;
  }

  #sensors(): Sensors {
    const { clock, random, index } = this.#options;
    const inventory: Inventory = {
      model: 'Raspberry Pi 4 Model B Rev 1.4',
      serial: `1000000000${index}`,
      cpus: BOARD.cpus,
      memoryBytes: BOARD.memoryBytes,
      pageSizeBytes: 4096,
      machineId: `machine-${index}`,
      systemUuid: `system-${index}`,
      bootId: `boot-${index}`,
      kernelVersion: '6.12.0',
      osImage: 'Simulated',
      throttleCelsius: 80,
    };
    const sample = async (): Promise<Sample> => {
      const containers = this.runtime.running().length;
      return {
        atMs: clock.nowMs(),
        cpuMillis: Math.round(Math.min(BOARD.cpus * 1000, 50 + containers * 60 + 20 * nextFloat(random))),
        memoryTotalBytes: BOARD.memoryBytes,
        memoryAvailableBytes: BOARD.memoryBytes - (100 + containers * 20) * 1024 * 1024,
        loadAverage1: containers * 0.1,
        temperatureCelsius: 45 + this.heatCelsius + containers * 2 + 3 * nextFloat(random),
        throttled: false,
        underVoltage: false,
        diskTotalBytes: 16e9,
        diskAvailableBytes: 10e9,
      };
    };
    return { inventory: async () => inventory, sample };
  }
}
