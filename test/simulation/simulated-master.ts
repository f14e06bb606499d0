/** The master as one process that can be killed and started again; what its disk held is what it starts from. */
import { createApiServer } from '../../master/apiserver/api-server.ts';
import { componentUser } from '../../master/apiserver/user-info.ts';
import { createControllers } from '../../master/controllers/create-controllers.ts';
import { createMqttDoor } from '../../master/gateway/mqtt-door.ts';
import { createNodeLinks } from '../../master/gateway/node-links.ts';
import { createNodeProxies } from '../../master/gateway/node-proxy.ts';
import { Scheduler } from '../../master/scheduler/scheduler.ts';
import { Compactor } from '../../master/store/compactor.ts';
import { openSqliteStore, type SqliteStore } from '../../master/store/sqlite-store.ts';
import type { Store, Write } from '../../master/store/store.ts';
import { ALL_KINDS } from '../../shared/api/registry.ts';
import type { Client } from '../../shared/client/client.ts';
import { createClient } from '../../shared/client/create-client.ts';
import { type Clock, sleep } from '../../shared/platform/clock.ts';
import { type Component, startAll } from '../../shared/platform/lifecycle.ts';
import { type Logger, silentLogger } from '../../shared/platform/logger.ts';
import { nextInt, type Random, seededRandom } from '../../shared/platform/random.ts';
import type { Handler } from '../../shared/protocol/exchange.ts';
import type { MemoryBroker } from '../support/memory-broker.ts';
import { SimulatedProcess } from './simulated-process.ts';

export interface MasterOptions {
  clock: Clock;
  random: Random;
  logger: Logger;
  broker: MemoryBroker;
  /** Told of each write that the store has answered, in order. */
  onWrite(write: Write): void;
}

const VERSION = {
  major: '1',
  minor: '35',
  gitVersion: 'v1.35.0+simulated',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'linux/arm64',
} as const;

/** Informers of controllers and scheduler are behind by up to this: whoever trusts its copy too much is found out. */
const MAX_WATCH_LAG_MS = 300;

/** The same answers; events of watches come late, in order. */
function lagging(handler: Handler, { clock, random }: { clock: Clock; random: Random }): Handler {
  async function* late(events: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    for await (const event of events) {
      await sleep(clock, nextInt(random, MAX_WATCH_LAG_MS));
      yield event;
    }
  }
  return async (request) => {
    const response = await handler(request);
    return response.type === 'events' ? { ...response, events: late(response.events) } : response;
  };
}

/** The same store; whoever watches from outside hears of each write. */
function told(store: Store, onWrite: (write: Write) => void): Store {
  return {
    revision: () => store.revision(),
    get: (key) => store.get(key),
    list: (request) => store.list(request),
    watch: (request) => store.watch(request),
    compact: (revision) => store.compact(revision),
    snapshot: (path) => store.snapshot(path),
    close: () => store.close(),
    async write(write) {
      const result = await store.write(write);
      if (result.ok) onWrite(write);
      return result;
    },
  };
}

export class SimulatedMaster {
  readonly #options: MasterOptions;
  #disk: Uint8Array | undefined;
  #process: SimulatedProcess | undefined;
  #store: SqliteStore | undefined;
  #client: Client | undefined;
  #writesToLive: number | undefined;
  #isFatal: (write: Write) => boolean = () => true;
  #onFatalWrite: (() => void) | undefined;

  constructor(options: MasterOptions) {
    this.#options = options;
  }

  get runs(): boolean {
    return this.#client !== undefined;
  }

  /** With an administrator's rights; undefined while the master is dead. */
  get client(): Client | undefined {
    return this.#client;
  }

  /** Latest revision, for the trace. */
  get revision(): number {
    return this.#store?.revision() ?? 0;
  }

  async start(): Promise<void> {
    if (this.#client !== undefined) return;
    const process = new SimulatedProcess(this.#options.clock);
    const store = await openSqliteStore({
      path: ':memory:',
      clock: process.clock,
      logger: silentLogger,
      schedule: (task) => queueMicrotask(task),
      ...(this.#disk === undefined ? {} : { image: this.#disk }),
    });
    this.#process = process;
    this.#store = store;
    const { components, client } = this.#compose(process, store);
    await startAll(components);
    // It has been killed while it started.
    if (this.#store !== store) return;
    this.#options.broker.accept();
    this.#client = client;
  }

  /**
   * It dies right after so many further writes, between one and the next of whoever makes them; undefined: not any more.
   * Only writes that `counts` says so of count. `onFatalWrite`: what else happens in that moment.
   */
  killAfter(
    writes: number | undefined,
    counts: (write: Write) => boolean = () => true,
    onFatalWrite?: () => void,
  ): void {
    this.#onFatalWrite = onFatalWrite;
    this.#writesToLive = writes;
    this.#isFatal = counts;
  }

  /** kill -9, or the plug: what was acknowledged is on the disk, nothing else is. */
  kill(): void {
    if (this.#store === undefined) return;
    this.#writesToLive = undefined;
    this.#disk = this.#store.image();
    this.#process?.kill();
    this.#options.broker.die();
    this.#store.crash();
    this.#process = undefined;
    this.#store = undefined;
    this.#client = undefined;
  }

  #onWrite(write: Write): void {
    this.#options.onWrite(write);
    if (this.#writesToLive === undefined || !this.#isFatal(write)) return;
    this.#writesToLive -= 1;
    if (this.#writesToLive > 0) return;
    this.kill();
    this.#onFatalWrite?.();
  }

  #compose(process: SimulatedProcess, store: SqliteStore): { components: Component[]; client: Client } {
    const { broker, logger } = this.#options;
    const environment = { clock: process.clock, random: seededRandom(this.#options.random.nextUint32()), logger };
    const late: { call?: ReturnType<typeof createNodeProxies>['call'] } = {};
    const apiServer = createApiServer({
      ...environment,
      store: told(store, (write) => this.#onWrite(write)),
      kinds: ALL_KINDS,
      version: VERSION,
      nodeProxy: (node, request) => late.call?.(node, request) ?? Promise.reject(new Error('no links yet')),
    });
    const clientOf = (component: string): Client => {
      const user = componentUser(component);
      return createClient(lagging((request) => apiServer.handle(request, user), environment));
    };
    const links = createNodeLinks({ ...environment, sessions: broker, client: clientOf('system:node-links') });
    const proxies = createNodeProxies({ ...environment, sessions: broker, links });
    late.call = (node, request) => proxies.call(node, request);
    const components = [
      apiServer,
      new Compactor({ store, clock: environment.clock, logger }),
      links,
      proxies,
      createMqttDoor({ ...environment, sessions: broker, apiServer }),
      ...createControllers({
        ...environment,
        client: clientOf('system:kube-controller-manager'),
        kinds: ALL_KINDS,
        sign: async () => {
          throw new Error('nobody joins in the simulation');
        },
      }),
      new Scheduler({ ...environment, client: clientOf('system:kube-scheduler') }),
    ];
    return { components, client: clientOf('user') };
  }
}
