/**
 * The network of a node, put together: the network of its pods, and, where this agent keeps the machine's network, what it
 * does for the machine. Says what the Node object tells of it.
 */
import { NETWORK_ANNOTATIONS } from '../shared/api/cluster-network.ts';
import type { Node } from '../shared/api/node.ts';
import type { NodeCondition } from '../shared/api/node-status.ts';
import type { Client } from '../shared/client/client.ts';
import type { Informer } from '../shared/client/informer.ts';
import { addressIn, parseRange } from '../shared/machinery/ip-range.ts';
import type { Clock } from '../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../shared/platform/lifecycle.ts';
import type { Logger } from '../shared/platform/logger.ts';
import type { Random } from '../shared/platform/random.ts';
import type { Shell } from '../shared/platform/shell.ts';
import { RuntimeError } from './container-runtime/runtime.ts';
import { MachineNetwork } from './machine-network.ts';
import { HostDuty } from './network/host-duty.ts';
import type { KernelSettings } from './network/kernel-settings.ts';
import { podRangesOf } from './network/machine-nodes.ts';
import { computeNames, type NetworkNames } from './network/names.ts';
import { findOtherAddress } from './network/other-address.ts';
import type { OwnAddresses } from './network/own-addresses.ts';
import { PodNetwork } from './network/pod-network.ts';
import type { PodNetworkEngine } from './network/pod-network-engine.ts';
import { findKernelProblem } from './proxy/kernel/kernel-table.ts';
import type { Skeleton } from './proxy/ruleset/ruleset.ts';
import { renderSkeleton } from './proxy/ruleset/skeleton.ts';
import type { ServiceInformers } from './service-informers.ts';

/** What the network is made of on this machine. */
export interface NetworkTools {
  /** Tells several clusters of one machine apart. */
  tag: string;
  /** Services go through the agent, whatever the kernel can do. */
  isUserspace: boolean;
  engine: PodNetworkEngine;
  shell: Shell;
  settings: KernelSettings;
  addresses: OwnAddresses;
}

export interface NodeNetworkOptions extends NetworkTools {
  node: string;
  /** The node's copies of what the API says; started and stopped by their owner. */
  nodes: Informer<Node>;
  services: ServiceInformers;
  client: Client;
  /** Where this node is on the LAN. */
  internalIp(): string;
  /** What the Node tells of the network has changed, or pods may start now. */
  onChange(): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export interface NodeNetworkFacts {
  annotations: Readonly<Record<string, string>>;
  conditions: NodeCondition[];
  /** On the LAN, beside the first one. */
  addresses: string[];
}

export const USERSPACE_PROXY_CONDITION = 'bramble.dev/UserspaceProxy';

export class NodeNetwork implements Component {
  readonly #options: NodeNetworkOptions;
  readonly #names: NetworkNames;
  readonly #skeleton: Skeleton;
  readonly #pods: PodNetwork;
  readonly #machine: MachineNetwork;
  readonly #duty: HostDuty;
  #kernelProblem: Promise<string | undefined> | undefined;
  #starting: Promise<void> = Promise.resolve();
  #isOnDuty = false;
  /** It is known who forwards services. */
  #hasDecided = false;

  constructor(options: NodeNetworkOptions) {
    this.#options = options;
    const { node, tag, engine, shell, settings, nodes, clock, random, logger } = options;
    this.#names = computeNames(node, tag);
    this.#skeleton = renderSkeleton({ table: this.#names.table, tunnel: this.#names.tunnel });
    this.#pods = new PodNetwork({
      ...{ node, names: this.#names, engine, shell, settings, clock, random, logger },
      canFilter: async () => (await this.#findKernelProblem()) === undefined,
      onChange: () => this.#onPodNetwork(),
    });
    this.#machine = new MachineNetwork({
      ...options,
      ...{ names: this.#names, skeleton: this.#skeleton },
      findKernelProblem: () => this.#findKernelProblem(),
      bridge: () => (this.#pods.subnets.length > 0 ? this.#pods.bridge : ''),
      subnets: () => this.#pods.subnets,
    });
    this.#duty = new HostDuty({ meeting: this.#names.meeting, onDuty: () => this.#onDuty(), clock, logger });
    nodes.onChange((key, current) => {
      if (key === node && current !== undefined) this.#pods.setWanted(podRangesOf(current));
    });
  }

  async start(): Promise<void> {
    this.#options.addresses.onChange(() => {
      this.#machine.lookAgain();
      this.#options.onChange();
    });
    await startAll([this.#options.addresses, this.#pods, this.#duty]);
  }

  async stop(): Promise<void> {
    await stopAll([this.#options.addresses, this.#pods, this.#duty]);
    await this.#starting;
    if (this.#isOnDuty) await this.#machine.stop();
  }

  /** Docker network of the pods; throws while there is none. */
  name(): string {
    const { problem } = this.#pods;
    if (problem !== undefined) throw new RuntimeError('failed', problem);
    return this.#names.network;
  }

  get bridge(): string {
    return this.#pods.bridge;
  }

  /** Where ports of pods are made; throws while there is none. */
  place(): { bridge: string; subnets: readonly string[] } {
    this.name();
    return this.#pods;
  }

  onSandbox(): Promise<void> {
    return this.#pods.onSandbox();
  }

  /** The link to the master is up again, perhaps from another address. */
  onLinkUp(): void {
    this.#options.addresses.lookAgain();
  }

  /** This node's own addresses on the network of its pods, which every pod of it reaches; empty while there is none. */
  gateways(): string[] {
    return this.#pods.subnets.flatMap((subnet) => {
      const range = parseRange(subnet);
      return range === undefined ? [] : [addressIn(range, 1)];
    });
  }

  /** Addresses of load balancers that this machine holds. */
  heldAddresses(): string[] {
    return this.#isOnDuty ? this.#machine.heldAddresses() : [];
  }

  /** This node's address on the LAN of the family that the first one has not, where its pods have both. */
  otherAddress(): string | undefined {
    const { addresses, internalIp } = this.#options;
    const families = new Set(this.#pods.subnets.map((subnet) => parseRange(subnet)?.family));
    return families.size < 2 ? undefined : findOtherAddress(addresses.list(), internalIp());
  }

  /** What the Node tells of it. */
  facts(): NodeNetworkFacts {
    const { subnets } = this.#pods;
    const other = this.otherAddress();
    const problem = this.#pods.problem ?? (this.#isOnDuty ? this.#machine.problem : undefined) ?? this.#pods.lack;
    return {
      annotations: subnets.length === 0 ? {} : { [NETWORK_ANNOTATIONS.presentCidrs]: subnets.join(',') },
      conditions: [
        renderNetworkCondition(problem),
        ...(this.#hasDecided ? [renderProxyCondition(this.#machine.kernelProblem)] : []),
      ],
      addresses: other === undefined ? [] : [other],
    };
  }

  #findKernelProblem(): Promise<string | undefined> {
    const { isUserspace, shell } = this.#options;
    if (isUserspace) return Promise.resolve('asked for with --proxy userspace');
    this.#kernelProblem ??= findKernelProblem(shell, this.#skeleton);
    return this.#kernelProblem;
  }

  #onPodNetwork(): void {
    this.#machine.lookAgain();
    this.#options.onChange();
  }

  #onDuty(): void {
    this.#isOnDuty = true;
    this.#starting = this.#machine.start().then(() => {
      this.#hasDecided = true;
      this.#options.onChange();
    });
  }
}

function renderNetworkCondition(problem: string | undefined): NodeCondition {
  const type = 'NetworkUnavailable';
  if (problem !== undefined) return { type, status: 'True', reason: 'NetworkNotReady', message: problem };
  return { type, status: 'False', reason: 'NetworkReady', message: 'pods and services are reached' };
}

function renderProxyCondition(kernelProblem: string | undefined): NodeCondition {
  const type = USERSPACE_PROXY_CONDITION;
  if (kernelProblem === undefined) {
    return { type, status: 'False', reason: 'KernelForwards', message: 'services are forwarded by the kernel' };
  }
  const message = `services go through the agent, slower, and network policies are not enforced: ${kernelProblem}`;
  return { type, status: 'True', reason: 'NoNftables', message };
}
