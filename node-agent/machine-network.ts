/**
 * What one agent of a machine does for all nodes on it: routes to other machines, services and policies. Composition; which of
 * the two proxies serves is decided once, when the agent takes the machine over.
 */
import { NamespaceRef, NetworkPolicyRef, PodRef } from '../shared/api/kind-refs.ts';
import type { Node } from '../shared/api/node.ts';
import type { Service } from '../shared/api/service.ts';
import type { Client } from '../shared/client/client.ts';
import { Informer } from '../shared/client/informer.ts';
import { parseAddressPool } from '../shared/machinery/address-pool.ts';
import { type Clock, sleep } from '../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../shared/platform/lifecycle.ts';
import type { Logger } from '../shared/platform/logger.ts';
import type { Random } from '../shared/platform/random.ts';
import type { Shell } from '../shared/platform/shell.ts';
import { BalancerAddresses } from './network/balancer-addresses/balancer-addresses.ts';
import { computeHeldAddresses, type HeldAddress } from './network/balancer-addresses/compute-held.ts';
import { HostRoutes } from './network/host-routes.ts';
import type { KernelSettings } from './network/kernel-settings.ts';
import { clusterRangesOf, nodesOfMachine, podRangesOf } from './network/machine-nodes.ts';
import type { NetworkNames } from './network/names.ts';
import type { OwnAddresses } from './network/own-addresses.ts';
import { computeHealthCheck } from './proxy/health-checks/health-check.ts';
import { HealthChecks } from './proxy/health-checks/health-checks.ts';
import { Conntrack } from './proxy/kernel/conntrack.ts';
import { KernelProxy } from './proxy/kernel/kernel-proxy.ts';
import { KernelTable, removeKernelTable } from './proxy/kernel/kernel-table.ts';
import { PolicyWatch } from './proxy/policies/policy-watch.ts';
import { renderNetwork } from './proxy/ruleset/network-fragment.ts';
import type { Skeleton } from './proxy/ruleset/ruleset.ts';
import type { Locality } from './proxy/services/portal.ts';
import { ServiceWatch } from './proxy/services/service-watch.ts';
import { ServiceAddresses } from './proxy/userspace/service-addresses.ts';
import { UserspaceProxy } from './proxy/userspace/userspace-proxy.ts';
import { BY_SERVICE, type ServiceInformers } from './service-informers.ts';

export interface MachineNetworkOptions {
  node: string;
  names: NetworkNames;
  skeleton: Skeleton;
  shell: Shell;
  settings: KernelSettings;
  addresses: OwnAddresses;
  nodes: Informer<Node>;
  services: ServiceInformers;
  client: Client;
  /** Bridge of this node's pods; empty while there is none. */
  bridge(): string;
  /** Its slice. */
  subnets(): readonly string[];
  /** Why the kernel cannot forward services here; undefined: it can. */
  findKernelProblem(): Promise<string | undefined>;
  /** What its Node tells of it has changed. */
  onChange(): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** How long an agent that has just started waits to hear the API before it serves what it remembers. */
const PATIENCE_MS = 5_000;

const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** Where the LAN's usual size is not known: Ethernet's. */
const DEFAULT_MTU = 1500;

export class MachineNetwork implements Component {
  readonly #options: MachineNetworkOptions;
  readonly #routes: HostRoutes;
  readonly #watch: ServiceWatch;
  readonly #policies: PolicyWatch;
  readonly #table: KernelTable;
  readonly #conntrack: Conntrack;
  readonly #userspace: UserspaceProxy;
  readonly #healthChecks: HealthChecks;
  readonly #balancers: BalancerAddresses;
  #kernelProblem: string | undefined;
  readonly #stopped = new AbortController();
  #tableProblem: string | undefined;
  #isOn = false;
  /** All copies are complete. */
  #hasBegun = false;

  constructor(options: MachineNetworkOptions) {
    this.#options = options;
    const { names, shell, clock, random, logger, services, skeleton } = options;
    const base = { shell, clock, random, logger };
    this.#routes = new HostRoutes({
      ...{ ...base, names },
      facts: () => this.#routeFacts(),
      clusterRanges: () => this.#ranges().cluster,
      ownAddresses: () => options.addresses.list(),
      mtuOf: (address) => this.#mtuOf(address),
      onChange: options.onChange,
    });
    this.#userspace = new UserspaceProxy({
      ...{ clock, random, logger },
      addresses: new ServiceAddresses(shell, names.services),
      ownAddresses: () => [
        ...options.addresses.list().map(({ cidr }) => cidr.split('/')[0] ?? ''),
        ...this.#balancers.list(),
      ],
      onTakenOver: (address, port) => this.#conntrack.clear([{ type: 'service', address, port }]),
    });
    this.#conntrack = new Conntrack({ shell, logger });
    this.#table = new KernelTable({ ...base, skeleton, onProblem: (problem) => this.#setTableProblem(problem) });
    this.#healthChecks = new HealthChecks({
      ...{ clock, random, logger },
      load: () => import('./proxy/health-checks/health-server.ts'),
      isHealthy: () => this.#tableProblem === undefined,
    });
    this.#balancers = new BalancerAddresses({
      ...{ ...base, device: names.balancers },
      wanted: () => this.#heldAddresses(),
      onChange: () => {
        if (this.#kernelProblem !== undefined) this.#userspace.lookAgain();
        options.onChange();
      },
    });
    this.#watch = new ServiceWatch({
      services: services.services,
      endpointSlices: services.endpointSlices,
      slicesOf: (service) => services.endpointSlices.byIndex(BY_SERVICE, service),
      locality: () => this.#locality(),
      onService: (...told) => this.#onService(...told),
    });
    this.#policies = new PolicyWatch({
      ...{ ...base, ...createPolicyInformers(options) },
      ownNodes: () => this.#ownNodes(),
      put: (owner, fragment) => this.#table.put(owner, fragment),
    });
    options.nodes.onChange(() => this.lookAgain());
  }

  /** Why pods, services or policies do not work between machines; undefined: they do. */
  get problem(): string | undefined {
    return this.#tableProblem ?? this.#routes.problem;
  }

  /** Why services go through the agent itself; undefined: the kernel forwards them. */
  get kernelProblem(): string | undefined {
    return this.#kernelProblem;
  }

  async start(): Promise<void> {
    this.#kernelProblem = await this.#options.findKernelProblem();
    this.#isOn = true;
    // What an agent of another life left would serve services that nobody keeps any more.
    if (this.#kernelProblem !== undefined) await removeKernelTable(this.#options.shell, this.#options.names.table);
    await startAll(this.#parts());
    this.#options.onChange();
    this.lookAgain();
    void this.#begin();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    if (this.#isOn) await stopAll(this.#parts());
    await this.#conntrack.idle();
  }

  #parts(): Component[] {
    const served = this.#kernelProblem === undefined ? [this.#table, this.#policies] : [this.#userspace];
    return [...served, this.#routes, this.#healthChecks, this.#balancers];
  }

  /** Addresses of load balancers that this machine holds. */
  heldAddresses(): string[] {
    return this.#balancers.list();
  }

  #onService(key: string, service: Service | undefined, locality: Locality): void {
    const slices = this.#options.services.endpointSlices.byIndex(BY_SERVICE, key);
    this.#healthChecks.put(key, service && computeHealthCheck(service, slices, locality));
    // One that is gone may have had an address.
    if (service === undefined || service.spec.type === 'LoadBalancer') this.#balancers.lookAgain();
  }

  /** A node, an address of this machine or the slice has changed. */
  lookAgain(): void {
    if (!this.#isOn) return;
    this.#table.put('network', renderNetwork(this.#networkFacts()));
    this.#routes.lookAgain();
    this.#watch.onLocality();
    this.#balancers.lookAgain();
    if (this.#kernelProblem === undefined) this.#policies.lookAgain();
    else this.#userspace.lookAgain();
  }

  async #begin(): Promise<void> {
    const { services, nodes, clock } = this.#options;
    const copies = [services.services, services.endpointSlices, nodes];
    const patience = sleep(clock, PATIENCE_MS, this.#stopped.signal).catch(() => undefined);
    await Promise.race([Promise.all(copies.map((each) => each.whenListed())), patience]);
    // What the disk remembers is better than nothing; nothing at all is no reason to take the rules of the last life away.
    await Promise.all(copies.map((each) => each.whenSynced()));
    if (this.#stopped.signal.aborted) return;
    this.lookAgain();
    const kernel = new KernelProxy(this.#table, this.#conntrack);
    this.#watch.begin(this.#kernelProblem === undefined ? kernel : this.#userspace);
    this.#hasBegun = true;
    this.#balancers.lookAgain();
  }

  #setTableProblem(problem: string | undefined): void {
    if (problem === this.#tableProblem) return;
    this.#tableProblem = problem;
    this.#options.onChange();
  }

  #ownNodes(): Set<string> {
    const { nodes, node, addresses } = this.#options;
    return nodesOfMachine(nodes.list(), { node, hasAddress: (address) => addresses.has(address) });
  }

  #ranges(): ReturnType<typeof clusterRangesOf> {
    return clusterRangesOf(this.#options.nodes.get(this.#options.node));
  }

  #locality(): Locality {
    const { nodes, node } = this.#options;
    return { nodes: this.#ownNodes(), zone: nodes.get(node)?.metadata.labels?.[ZONE_LABEL] ?? '' };
  }

  #networkFacts(): Parameters<typeof renderNetwork>[0] {
    const { nodes, subnets } = this.#options;
    const { cluster, services } = this.#ranges();
    const neighbours = [...this.#ownNodes()].flatMap((name) => {
      const node = nodes.get(name);
      return node === undefined ? [] : podRangesOf(node);
    });
    const ownRanges = [...new Set([...subnets(), ...neighbours])];
    return { clusterRanges: cluster, serviceRanges: services, ownRanges };
  }

  #routeFacts(): ReturnType<ConstructorParameters<typeof HostRoutes>[0]['facts']> {
    const { nodes, bridge } = this.#options;
    if (!nodes.hasSynced || bridge() === '') return undefined;
    const serviceRanges = this.#ranges().services;
    return { nodes: nodes.list(), ownNodes: this.#ownNodes(), serviceRanges, bridge: bridge() };
  }

  /** undefined: what is there is not known yet. */
  #heldAddresses(): HeldAddress[] | undefined {
    const { nodes, services, addresses } = this.#options;
    if (!this.#hasBegun) return undefined;
    const pool = parseAddressPool(this.#ranges().balancerPool) ?? [];
    return computeHeldAddresses({
      ...{ services: services.services.list(), nodes: nodes.list(), ownNodes: this.#ownNodes(), pool },
      ...{ ownAddresses: addresses.list() },
      slicesOf: (service) => services.endpointSlices.byIndex(BY_SERVICE, service),
    });
  }

  async #mtuOf(address: string): Promise<number> {
    const { addresses, settings } = this.#options;
    const device = addresses.list().find(({ cidr }) => cidr.split('/')[0] === address)?.device;
    const text = device === undefined ? undefined : await settings.read(`/sys/class/net/${device}/mtu`);
    return Number(text) || DEFAULT_MTU;
  }
}

function createPolicyInformers({ client, clock, random, logger }: MachineNetworkOptions) {
  const base = { client, clock, random, logger };
  return {
    policies: new Informer({ ...base, kind: NetworkPolicyRef }),
    pods: new Informer({ ...base, kind: PodRef }),
    namespaces: new Informer({ ...base, kind: NamespaceRef }),
  };
}
