/**
 * Ingresses served by this node. Nothing is opened, and the proxy is not even loaded, before there is one; every node serves
 * all of them, so that any node's address leads to them. Invariant: it never waits for the master.
 */
import type { Ingress } from '../../shared/api/ingress.ts';
import type { IngressClass } from '../../shared/api/ingress-class.ts';
import { INGRESS_CONDITION, INGRESS_PORTS_ANNOTATION } from '../../shared/api/ingress-names.ts';
import { isOurs } from '../../shared/api/ingress-owner.ts';
import type { NodeCondition } from '../../shared/api/node-status.ts';
import { Controller, type ReconcileResult } from '../../shared/client/controller.ts';
import type { Informer } from '../../shared/client/informer.ts';
import type { BackoffPolicy } from '../../shared/platform/backoff.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import { Balancer } from './balancer.ts';
import { Certificates, type SecretHandle } from './certificates.ts';
import type { Door, openDoor } from './doors.ts';
import { type BackendSource, findTargets } from './endpoints.ts';
import type { IngressProxy } from './proxy.ts';
import { computeRoutes, findRoute, NO_ROUTES, type RouteTable } from './route-table.ts';

/** Loaded when there is something to serve. */
export interface IngressParts {
  IngressProxy: typeof IngressProxy;
  openDoor: typeof openDoor;
}

export interface IngressPorts {
  address: string;
  /** 0: not served. */
  http: number;
  https: number;
}

export interface NodeIngressOptions {
  node: string;
  ports: IngressPorts;
  /** Started and stopped by their owner. */
  ingresses: Informer<Ingress>;
  classes: Informer<IngressClass>;
  source: BackendSource;
  openSecret(key: string): SecretHandle;
  load(): Promise<IngressParts>;
  /** What the Node tells of it, or which hosts are served, has changed. */
  onChange(): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

const GATHER_MS = 50;

/** Somebody else may have let the port go. */
const LOOK_INTERVAL_MS = 30_000;

const RETRY: BackoffPolicy = { initialMs: 1_000, maxMs: 30_000, factor: 2, jitter: 0.2 };

const KEY = 'ingress';

type DoorName = 'http' | 'https';

export class NodeIngress implements Component {
  readonly #options: NodeIngressOptions;
  readonly #controller: Controller;
  readonly #certificates: Certificates;
  readonly #doors = new Map<DoorName, Door>();
  readonly #problems = new Map<DoorName, string>();
  #routes: RouteTable = NO_ROUTES;
  #proxy: IngressProxy | undefined;
  /** What has been told of the ports must be taken back, not left out. */
  #hasServed = false;

  constructor(options: NodeIngressOptions) {
    this.#options = options;
    const { ingresses, classes, openSecret, clock, random, logger } = options;
    this.#certificates = new Certificates({ open: openSecret, logger });
    const reconcile = (): Promise<ReconcileResult> => this.#reconcile();
    this.#controller = new Controller({ name: KEY, reconcile, backoff: RETRY, clock, random, logger });
    for (const informer of [ingresses, classes]) {
      informer.onChange(() => this.#controller.enqueueAfter(KEY, GATHER_MS));
    }
  }

  /** Hosts that are served here, wildcards left out. */
  get hosts(): readonly string[] {
    if (this.#doors.size === 0) return [];
    return [...this.#routes.hosts.keys()].filter((host) => host !== '' && !host.startsWith('*'));
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    await this.#closeAll();
    await this.#certificates.stop();
  }

  retryNow(): void {
    this.#certificates.retryNow();
  }

  /** What the Node tells. */
  facts(): { annotations: Readonly<Record<string, string>>; conditions: NodeCondition[] } {
    const ports = [...this.#doors.values()].map(({ port }) => port).join();
    const [problem] = this.#problems.values();
    const condition: NodeCondition =
      problem === undefined
        ? {
            type: INGRESS_CONDITION,
            status: 'False',
            reason: 'AsWanted',
            message: 'Ingresses are served if there are any',
          }
        : { type: INGRESS_CONDITION, status: 'True', reason: 'PortNotFree', message: problem };
    return { annotations: this.#hasServed ? { [INGRESS_PORTS_ANNOTATION]: ports } : {}, conditions: [condition] };
  }

  async #reconcile(): Promise<ReconcileResult> {
    const { ingresses, classes, onChange } = this.#options;
    const known = classes.list();
    const ours = ingresses.list().filter((one) => isOurs(one, known));
    const before = JSON.stringify([this.facts(), this.hosts]);
    this.#routes = computeRoutes(ours);
    this.#hasServed ||= ours.length > 0;
    await this.#certificates.setIngresses(ours);
    if (ours.length > 0) await this.#openAll();
    else await this.#closeAll();
    if (JSON.stringify([this.facts(), this.hosts]) !== before) onChange();
    return this.#problems.size > 0 ? { requeueAfterMs: LOOK_INTERVAL_MS } : {};
  }

  async #openAll(): Promise<void> {
    const { ports } = this.#options;
    const { openDoor } = await this.#options.load();
    const proxy = await this.#ensureProxy();
    const certificateFor = (name: string) => this.#certificates.find(name);
    const needsTls = this.#certificates.hosts.length > 0;
    for (const name of ['http', 'https'] as const) {
      const isNeeded = ports[name] !== 0 && (name === 'http' || needsTls);
      if (!isNeeded) await this.#close(name);
      else if (!this.#doors.has(name)) {
        const base = { proxy, address: ports.address, port: ports[name] };
        await this.#open(name, () => openDoor(name === 'http' ? base : { ...base, certificateFor }));
      }
    }
  }

  async #open(name: DoorName, open: () => Promise<Door>): Promise<void> {
    const { logger, ports } = this.#options;
    try {
      const door = await open();
      this.#doors.set(name, door);
      this.#problems.delete(name);
      logger.info('Ingresses are served', { port: door.port });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!this.#problems.has(name)) logger.warn('Ingresses cannot be served', { port: ports[name], why });
      this.#problems.set(name, `port ${ports[name]} cannot be had: ${why}`);
    }
  }

  async #ensureProxy(): Promise<IngressProxy> {
    if (this.#proxy !== undefined) return this.#proxy;
    const { load, source, node, clock, logger } = this.#options;
    const parts = await load();
    this.#proxy = new parts.IngressProxy({
      findRoute: (host, path) => findRoute(this.#routes, host, path),
      findTargets: (route) => findTargets(source, route, node),
      balancer: new Balancer(clock),
      httpsPort: () => this.#doors.get('https')?.port ?? 0,
      clock,
      logger,
    });
    return this.#proxy;
  }

  async #close(name: DoorName): Promise<void> {
    const door = this.#doors.get(name);
    this.#doors.delete(name);
    this.#problems.delete(name);
    await door?.close();
  }

  async #closeAll(): Promise<void> {
    await this.#close('http');
    await this.#close('https');
    this.#proxy?.stop();
    this.#proxy = undefined;
  }
}
