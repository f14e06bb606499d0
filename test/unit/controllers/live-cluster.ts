/**
 * The real API server on a real store in memory, the real scheduler and controllers, in virtual time; boards are played by a
 * few lines that answer as kubelets do. One client each, as in the master.
 */
import { type ApiServer, createApiServer } from '../../../master/apiserver/api-server.ts';
import { componentUser } from '../../../master/apiserver/user-info.ts';
import type { CertificateSigner } from '../../../master/controllers/certificates/controller.ts';
import { createControllers } from '../../../master/controllers/create-controllers.ts';
import type { RegistryClient } from '../../../master/controllers/images/registry/registry-client.ts';
import type { NetworkRanges } from '../../../master/controllers/node-ipam/plan.ts';
import { IMAGE_PATIENCE_MS } from '../../../master/scheduler/images/image-wait.ts';
import { Scheduler } from '../../../master/scheduler/scheduler.ts';
import { openSqliteStore, type SqliteStore } from '../../../master/store/sqlite-store.ts';
import { type Lease, LeaseKind } from '../../../shared/api/lease.ts';
import { NamespaceKind } from '../../../shared/api/namespace.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { ALL_KINDS } from '../../../shared/api/registry.ts';
import type { Client, KindRef } from '../../../shared/client/client.ts';
import { createClient } from '../../../shared/client/create-client.ts';
import { Informer } from '../../../shared/client/informer.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { formatTime } from '../../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../../shared/platform/lifecycle.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import type { KubernetesObject } from '../../../shared/schema/object-meta.ts';
import { VERSION } from '../../conformance/api-fixture.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';
import { makeNode, type NodeOptions } from '../scheduler/cluster.ts';

export interface LiveCluster {
  clock: VirtualClock;
  client: Client;
  scheduler: Scheduler;
  as(user: string, groups?: string[]): Client;
  /** Registers a board whose link is up and that runs what is bound to it. */
  addNode(options: NodeOptions & { name: string }): Promise<void>;
  setLink(name: string, link: 'up' | 'down'): Promise<void>;
  /** Virtual time goes on until `condition` gives something; fails after two virtual minutes unless told otherwise. */
  until<T>(what: string, condition: () => Promise<T | undefined | false>, limitMs?: number): Promise<T>;
  pods(): Promise<Pod[]>;
  exists<T extends KubernetesObject>(kind: KindRef<T>, name: string, namespace?: string): Promise<boolean>;
  stop(): Promise<void>;
}

const STEP_MS = 50;

/** How a pod ends by itself, a while after it became ready. */
export interface PodEnd {
  afterMs: number;
  phase: 'Succeeded' | 'Failed';
  exitCode?: number;
}

export interface LiveClusterOptions {
  /** Asked once for each pod that runs; absent: all run until they are deleted. */
  ends?(pod: Pod): PodEnd | undefined;
  sign?: CertificateSigner;
  seed?: number;
  /** Answers for registries; with it pods wait for what it says of their images. */
  registry?: RegistryClient;
  /** Addresses of pods, services and load balancers; the defaults unless given. */
  network?: NetworkRanges;
  /** Put between a component and the API server: faults and delays. */
  disturb?: { scheduler?: (client: Client) => Client; controllers?: (client: Client, clock: VirtualClock) => Client };
}

export async function startLiveCluster(options: LiveClusterOptions = {}): Promise<LiveCluster> {
  const clock = createVirtualClock();
  const random = seededRandom(options.seed ?? 7);
  const logger = silentLogger;
  const store: SqliteStore = await openSqliteStore({ path: ':memory:', clock, logger, schedule: queueMicrotask });
  const server: ApiServer = createApiServer({ store, kinds: ALL_KINDS, clock, random, logger, version: VERSION });
  const clientOf = (user: string) => createClient((request) => server.handle(request, componentUser(user)));
  const client = clientOf('admin');
  const { controllers: disturbControllers = same, scheduler: disturbScheduler = same } = options.disturb ?? {};
  const sign = options.sign ?? (() => Promise.reject(new Error('nobody signs here')));
  const boards = new Boards(client, clock, options.ends);
  const scheduler = new Scheduler({
    client: disturbScheduler(clientOf('system:kube-scheduler')),
    clock,
    random,
    logger,
    imagePatienceMs: options.registry === undefined ? 0 : IMAGE_PATIENCE_MS,
  });
  const components: Component[] = [
    server,
    ...createControllers({
      client: disturbControllers(clientOf('system:kube-controller-manager'), clock),
      clock,
      random,
      logger,
      sign,
      kinds: ALL_KINDS,
      ...(options.registry === undefined ? {} : { registry: options.registry }),
      ...(options.network === undefined ? {} : { network: options.network }),
    }),
    scheduler,
    boards,
  ];
  await startAll(components);
  return {
    clock,
    client,
    scheduler,
    as: (name, groups = []) =>
      createClient((request) =>
        server.handle(request, { name, uid: '', groups: [...groups, 'system:authenticated'], extra: {} }),
      ),
    async addNode(node) {
      await client.create(NodeKind, makeNode(node));
      await boards.setLink(node.name, 'up');
    },
    setLink: (name, link) => boards.setLink(name, link),
    async until(what, condition, limitMs = 120_000) {
      for (let waitedMs = 0; waitedMs <= limitMs; waitedMs += STEP_MS) {
        const found = await condition();
        if (found !== undefined && found !== false) return found;
        await clock.advance(STEP_MS);
      }
      throw new Error(`still waiting for ${what}`);
    },
    pods: async () => (await client.list(PodKind)).items,
    async exists(kind, name, namespace = 'default') {
      try {
        await client.get(kind, kind.namespaced ? { namespace, name } : { name });
        return true;
      } catch (error) {
        if (isStatusError(error, 'NotFound')) return false;
        throw error;
      }
    },
    async stop() {
      await stopAll(components);
      await store.close();
    },
  };
}

function same(client: Client): Client {
  return client;
}

/** Boards: bound pods run and are ready a moment later; deleted ones end; a board without link does and says nothing. */
class Boards implements Component {
  readonly #client: Client;
  readonly #clock: VirtualClock;
  readonly #pods: Informer<Pod>;
  readonly #down = new Set<string>();
  readonly #ends: LiveClusterOptions['ends'];
  #addresses = 0;

  constructor(client: Client, clock: VirtualClock, ends: LiveClusterOptions['ends']) {
    this.#ends = ends;
    this.#client = client;
    this.#clock = clock;
    this.#pods = new Informer({ client, clock, random: seededRandom(3), logger: silentLogger, kind: PodKind });
    this.#pods.onChange((_key, current) => {
      if (current?.spec.nodeName) clock.after(100, () => void this.#sync(current));
    });
  }

  start(): Promise<void> {
    return this.#pods.start();
  }

  stop(): Promise<void> {
    return this.#pods.stop();
  }

  async setLink(name: string, link: 'up' | 'down'): Promise<void> {
    if (link === 'down') this.#down.add(name);
    else this.#down.delete(name);
    await this.#writeLease(name, link);
    if (link === 'up') await this.#comeBack(name);
  }

  async #writeLease(name: string, link: string): Promise<void> {
    const key = { namespace: 'kube-node-lease', name };
    const metadata = { ...key, annotations: { 'bramble.dev/link': link } };
    const renewTime = `${formatTime(this.#clock.nowMs()).slice(0, -1)}.000000Z`;
    const draft = { metadata, spec: { holderIdentity: name, renewTime } };
    await ignore('AlreadyExists', this.#client.create(NamespaceKind, { metadata: { name: key.namespace } }));
    await ignore('AlreadyExists', this.#client.create<Lease>(LeaseKind, draft));
    await this.#client.patch(LeaseKind, key, { type: 'merge', body: draft });
  }

  async #comeBack(name: string): Promise<void> {
    const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }];
    await this.#client.patch(
      NodeKind,
      { name },
      { type: 'strategic', subresource: 'status', body: { status: { conditions } } },
    );
    for (const pod of this.#pods.list()) if (pod.spec.nodeName === name) await this.#sync(pod);
  }

  async #sync(pod: Pod): Promise<void> {
    const { namespace, name, uid, deletionTimestamp } = pod.metadata;
    if (this.#down.has(pod.spec.nodeName ?? '')) return;
    const key = { namespace, name };
    if (deletionTimestamp !== undefined) {
      const options = { gracePeriodSeconds: 0, preconditions: { uid } };
      await ignore('Conflict', ignore('NotFound', this.#client.delete(PodKind, key, options)));
      return;
    }
    const isReady = pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    if (isReady || pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') return;
    const lastTransitionTime = formatTime(this.#clock.nowMs());
    this.#addresses += 1;
    const podIP = `10.42.${this.#addresses >> 8}.${this.#addresses & 255}`;
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime }];
    const status = { phase: 'Running', startTime: lastTransitionTime, podIP, podIPs: [{ ip: podIP }], conditions };
    const patch = { type: 'strategic' as const, subresource: 'status', body: { metadata: { uid }, status } };
    await ignore('Conflict', ignore('NotFound', this.#client.patch(PodKind, key, patch)));
    const end = this.#ends?.(pod);
    if (end !== undefined) this.#clock.after(end.afterMs, () => void this.#end(pod, end));
  }

  async #end({ metadata, spec }: Pod, { phase, exitCode = phase === 'Failed' ? 1 : 0 }: PodEnd): Promise<void> {
    const { uid, namespace, name } = metadata;
    const finishedAt = formatTime(this.#clock.nowMs());
    const containerStatuses = spec.containers.map((container) => {
      const { name: containerName, image } = container;
      const state = { terminated: { exitCode, finishedAt } };
      return { name: containerName, image, imageID: '', ready: false, restartCount: 0, state };
    });
    const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime: finishedAt }];
    const body = { metadata: { uid }, status: { phase, conditions, containerStatuses } };
    const patch = { type: 'strategic' as const, subresource: 'status', body };
    await ignore('Conflict', ignore('NotFound', this.#client.patch(PodKind, { namespace, name }, patch)));
  }
}

async function ignore(reason: 'NotFound' | 'AlreadyExists' | 'Conflict', request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isStatusError(error, reason)) throw error;
  }
}
