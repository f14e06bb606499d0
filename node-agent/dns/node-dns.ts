/**
 * The name server of a node: answers its pods from the node's own copy of the API, at addresses that only lead to this node.
 * Invariant: it never waits for the master, and never for another name server when a name is the cluster's.
 */
import type { EndpointSlice } from '../../shared/api/endpoint-slice.ts';
import { SERVICE_NAME_LABEL } from '../../shared/api/endpoint-slice-labels.ts';
import type { Service } from '../../shared/api/service.ts';
import { Controller, type ReconcileResult } from '../../shared/client/controller.ts';
import { type Informer, keyOf } from '../../shared/client/informer.ts';
import { formatIp, type IpRange, parseIp } from '../../shared/machinery/ip-range.ts';
import type { BackoffPolicy } from '../../shared/platform/backoff.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { DnsListener, PacketHandler } from './dns-listener.ts';
import { DnsCache } from './forward/cache.ts';
import type { UpstreamDialer } from './forward/dialer.ts';
import { Forwarder } from './forward/forwarder.ts';
import type { ResolverFilesSource } from './forward/resolver-files.ts';
import { chooseUpstreams } from './forward/upstreams.ts';
import { Resolver } from './resolver.ts';
import { ClusterZone } from './zone/cluster-zone.ts';
import { clusterIpsOf } from './zone/service-records.ts';

/** Starts to answer at an address; rejects when it cannot be had. */
export type OpenListener = (address: string, handler: PacketHandler) => Promise<DnsListener>;

export interface NodeDnsOptions {
  /** `cluster.local` */
  domain: string;
  /** Given before their start: indexes are added. */
  services: Informer<Service>;
  endpointSlices: Informer<EndpointSlice>;
  /** Slices of a Service, by its key. */
  slicesOf(key: string): readonly EndpointSlice[];
  /** Ranges of the cluster's pods and services. */
  ownRanges(): readonly IpRange[];
  open: OpenListener;
  dialer: UpstreamDialer;
  files: ResolverFilesSource;
  /** A problem has come or gone. */
  onChange(): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** resolv.conf is read again without a sign too: the folder that it lies in may not have been there to be watched. */
const LOOK_INTERVAL_MS = 60_000;
/** Files are written in several steps. */
const GATHER_MS = 200;

const RETRY: BackoffPolicy = { initialMs: 1_000, maxMs: 30_000, factor: 2, jitter: 0.2 };

const BY_ADDRESS = 'dns-address';

const LISTENERS = 'listeners';
const UPSTREAMS = 'upstreams';

export class NodeDns implements Component {
  readonly #options: NodeDnsOptions;
  readonly #zone: ClusterZone;
  readonly #forwarder: Forwarder;
  readonly #cache: DnsCache;
  readonly #resolver: Resolver;
  readonly #controller: Controller;
  readonly #listeners = new Map<string, DnsListener>();
  readonly #problems = new Map<string, string>();
  #addresses: readonly string[] = [];
  #watch: { stop(): void } | undefined;

  constructor(options: NodeDnsOptions) {
    this.#options = options;
    const { domain, ownRanges, clock, random, logger, dialer } = options;
    const serverAddresses = (): readonly string[] => this.servers;
    this.#zone = new ClusterZone({ domain, ownRanges, serverAddresses, source: this.#createSource() });
    this.#forwarder = new Forwarder({ dialer, clock, random, logger });
    this.#cache = new DnsCache({ clock, ask: (query) => this.#forwarder.ask(query) });
    this.#resolver = new Resolver({ zone: this.#zone, cache: this.#cache, random, logger });
    const reconcile = (key: string): Promise<ReconcileResult> => this.#reconcile(key);
    this.#controller = new Controller({ name: 'dns', reconcile, backoff: RETRY, clock, random, logger });
  }

  /** Where names are answered, or will be in a moment: what pods are told to ask. */
  get servers(): readonly string[] {
    return this.#addresses.filter((address) => !this.#problems.has(address));
  }

  /** Why names are not answered somewhere; undefined: they are. */
  get problem(): string | undefined {
    return [...this.#problems.values()][0];
  }

  /** Addresses of this node to answer at. */
  setAddresses(addresses: readonly string[]): void {
    if (addresses.join() === this.#addresses.join()) return;
    this.#addresses = addresses;
    this.#zone.forget('');
    this.#problems.clear();
    this.#controller.enqueue(LISTENERS);
    this.#controller.enqueue(UPSTREAMS);
  }

  async start(): Promise<void> {
    await this.#controller.start();
    this.#watch = this.#options.files.watch(() => this.#controller.enqueueAfter(UPSTREAMS, GATHER_MS));
    this.#controller.enqueue(UPSTREAMS);
  }

  async stop(): Promise<void> {
    this.#watch?.stop();
    await this.#controller.stop();
    await Promise.all([...this.#listeners.values()].map((listener) => listener.close()));
    this.#listeners.clear();
  }

  #createSource() {
    const { services, endpointSlices, slicesOf } = this.#options;
    services.addIndex(BY_ADDRESS, (service) => clusterIpsOf(service).flatMap(normalize));
    endpointSlices.addIndex(BY_ADDRESS, ({ addressType, endpoints }) =>
      addressType === 'FQDN' ? [] : endpoints.flatMap(({ addresses }) => addresses.slice(0, 1).flatMap(normalize)),
    );
    services.onChange((key) => this.#zone.forget(key));
    endpointSlices.onChange((_key, current, previous) => {
      for (const key of [current, previous].flatMap(serviceKeyOf)) this.#zone.forget(key);
    });
    return {
      service: (key: string) => services.get(key),
      slices: slicesOf,
      keysAt: (address: string) => [
        ...services.byIndex(BY_ADDRESS, address).map(keyOf),
        ...new Set(endpointSlices.byIndex(BY_ADDRESS, address).flatMap(serviceKeyOf)),
      ],
      hasNamespace: (namespace: string) => services.list(namespace).length > 0,
    };
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    if (key === LISTENERS) {
      await this.#syncListeners();
      return {};
    }
    await this.#syncUpstreams();
    return { requeueAfterMs: LOOK_INTERVAL_MS };
  }

  async #syncUpstreams(): Promise<void> {
    const upstreams = chooseUpstreams(await this.#options.files.read(), this.#addresses);
    const before = JSON.stringify(this.#forwarder.upstreams);
    if (JSON.stringify(upstreams) !== before) {
      this.#options.logger.info('names of others are asked for', { servers: upstreams.map(({ address }) => address) });
      this.#forwarder.setUpstreams(upstreams);
      this.#cache.expireAll();
    }
  }

  async #syncListeners(): Promise<void> {
    for (const [address, listener] of [...this.#listeners]) {
      if (this.#addresses.includes(address)) continue;
      this.#listeners.delete(address);
      await listener.close();
    }
    for (const address of this.#addresses) {
      if (!this.#listeners.has(address)) await this.#open(address);
    }
  }

  async #open(address: string): Promise<void> {
    const { open, logger } = this.#options;
    try {
      const listener = await open(address, (packet, isStream) => this.#resolver.answer(packet, isStream));
      this.#listeners.set(address, listener);
      if (this.#problems.delete(address)) this.#options.onChange();
      logger.info('names are answered', { address, port: listener.port });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!this.#problems.has(address)) logger.warn('names cannot be answered here', { address, why });
      this.#problems.set(address, `names cannot be answered at ${address}: ${why}`);
      this.#options.onChange();
      throw error;
    }
  }
}

function serviceKeyOf(slice: EndpointSlice | undefined): string[] {
  const { namespace = '', labels = {} } = slice?.metadata ?? {};
  const service = labels[SERVICE_NAME_LABEL];
  return service ? [`${namespace}/${service}`] : [];
}

/** Written in one way only. */
function normalize(address: string): string[] {
  const ip = parseIp(address);
  return ip === undefined ? [] : [formatIp(ip)];
}
