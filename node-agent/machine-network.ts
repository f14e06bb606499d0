/**
 * What one agent of a machine does for all nodes on it: routes to other machines, services and policies. Composition; which of
 * the two proxies serves is decided once, when the agent takes the machine over.
 */
import { NamespaceRef, NetworkPolicyRef, PodRef } from '../shared/api/kind-refs.ts';
import type { Node } from '../shared/api/node.ts';
import type { Client } from '../shared/client/client.ts';
import { Informer } from '../shared/client/informer.ts';
import { type Clock, sleep } from '../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../shared/platform/lifecycle.ts';
import type { Logger } from '../shared/platform/logger.ts';
import type { Random } from '../shared/platform/random.ts';
import type { Shell } from '../shared/platform/shell.ts';
import { HostRoutes } from './network/host-routes.ts';
import type { KernelSettings } from './network/kernel-settings.ts';
import { clusterRangesOf, nodesOfMachine, podRangesOf } from './network/machine-nodes.ts';
import type { NetworkNames } from './network/names.ts';
import type { OwnAddresses } from './network/own-addresses.ts';
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
  #kernelProblem: string | undefined;
  readonly #stopped = new AbortController();
  #tableProblem: string | undefined;
  #isOn = false;

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
      ownAddresses: () => options.addresses.list().map(({ cidr }) => cidr.split('/')[0] ?? ''),
      onTakenOver: (address, port) => this.#conntrack.clear([{ type: 'service', address, port }]),
    });
    this.#conntrack = new Conntrack({ shell, logger });
    this.#table = new KernelTable({ ...base, skeleton, onProblem: (problem) => this.#setTableProblem(problem) });
    this.#watch = new ServiceWatch({
      services: services.services,
      endpointSlices: services.endpointSlices,
      slicesOf: (service) => services.endpointSlices.byIndex(BY_SERVICE, service),
      locality: () => this.#locality(),
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
    return [...served, this.#routes];
  }

  /** A node, an address of this machine or the slice has changed. */
  lookAgain(): void {
    if (!this.#isOn) return;
    this.#table.put('network', renderNetwork(this.#networkFacts()));
    this.#routes.lookAgain();
    this.#watch.onLocality();
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
