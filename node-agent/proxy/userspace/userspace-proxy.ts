/**
 * Serves portals without nftables: the addresses of services are on a device of this machine, and a listener on each hands
 * connections to targets. The same contract as the kernel's table, but that targets see the node's address as the client's,
 * and that SCTP is not served. Level-triggered: wanted listeners are compared with those that are open.
 */
import { Controller, type ReconcileResult } from '../../../shared/client/controller.ts';
import type { BackoffPolicy } from '../../../shared/platform/backoff.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { Portal } from '../services/portal.ts';
import type { ServiceSink } from '../services/service-sink.ts';
import { TargetChooser } from './choose-target.ts';
import { computeListeners, type Listener } from './listeners.ts';
import type { ServiceAddresses } from './service-addresses.ts';
import { openTcpRelay, type Relay, type RelayTarget } from './tcp-relay.ts';
import { openUdpRelay } from './udp-relay.ts';

export interface UserspaceProxyOptions {
  addresses: ServiceAddresses;
  /** This machine's addresses on the LAN, now. */
  ownAddresses(): readonly string[];
  /** UDP flows to this address must not go on where the kernel led them; empty: to the port of any address. */
  onTakenOver(address: string, port: number): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Open listeners; each is a socket. */
const MAX_LISTENERS = 2_000;

const RETRY: BackoffPolicy = { initialMs: 500, maxMs: 30_000, factor: 2, jitter: 0.2 };

interface OpenListener {
  /** As it is wanted now: connections that come go there. */
  listener: Listener;
  relay: Relay;
}

export class UserspaceProxy implements ServiceSink, Component {
  readonly #options: UserspaceProxyOptions;
  readonly #controller: Controller;
  readonly #wanted = new Map<string, readonly Portal[]>();
  readonly #open = new Map<string, OpenListener>();
  #present = new Set<string>();
  #hasBegun = false;

  constructor(options: UserspaceProxyOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    const reconcile = (): Promise<ReconcileResult> => this.#reconcile();
    this.#controller = new Controller({ name: 'userspace-proxy', reconcile, backoff: RETRY, clock, random, logger });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    for (const { relay } of this.#open.values()) relay.close();
    this.#open.clear();
  }

  put(service: string, portals: readonly Portal[]): void {
    if (portals.length === 0) this.#wanted.delete(service);
    else this.#wanted.set(service, portals);
    this.lookAgain();
  }

  /** The machine's addresses may have changed. */
  lookAgain(): void {
    if (this.#hasBegun) this.#controller.enqueue('listeners');
  }

  begin(): void {
    this.#hasBegun = true;
    this.#controller.enqueue('listeners');
  }

  async #reconcile(): Promise<ReconcileResult> {
    // Of two services that want the same listener the one that was there first has it.
    const wanted = new Map<string, Listener>();
    const own = this.#options.ownAddresses();
    for (const portals of this.#wanted.values()) {
      for (const each of computeListeners(portals, own))
        if (!wanted.has(each.id) && wanted.size < MAX_LISTENERS) wanted.set(each.id, each);
    }
    for (const [id, { relay }] of [...this.#open]) {
      if (wanted.has(id)) continue;
      this.#open.delete(id);
      relay.close();
    }
    await this.#syncAddresses([...wanted.values()]);
    const failures = await Promise.all([...wanted.values()].map((listener) => this.#ensure(listener)));
    const failure = failures.find((error) => error !== undefined);
    if (failure !== undefined) throw failure;
    return {};
  }

  async #syncAddresses(listeners: readonly Listener[]): Promise<void> {
    const wanted = new Set(listeners.filter(({ isTaken }) => isTaken).map(({ address }) => address));
    const add = [...wanted].filter((address) => !this.#present.has(address));
    const remove = [...this.#present].filter((address) => !wanted.has(address));
    const problem = await this.#options.addresses.change(add, remove);
    if (problem !== undefined) this.#options.logger.warn('addresses of services are not reached', { why: problem });
    else this.#present = wanted;
  }

  async #ensure(listener: Listener): Promise<unknown> {
    const { clock, random } = this.#options;
    const open = this.#open.get(listener.id);
    if (open !== undefined) {
      open.listener = listener;
      return undefined;
    }
    const chooser = new TargetChooser(clock, random);
    const now = (): Listener => this.#open.get(listener.id)?.listener ?? listener;
    const choose = (client: string): RelayTarget | undefined =>
      chooser.choose(now().targets, client, now().affinitySeconds);
    const isTarget = (target: RelayTarget): boolean =>
      now().targets.some(({ address, port }) => address === target.address && port === target.port);
    const { address, port, protocol } = listener;
    try {
      const options = { address, port, choose };
      const relay = await (protocol === 'TCP' ? openTcpRelay(options) : openUdpRelay({ ...options, isTarget, clock }));
      this.#open.set(listener.id, { listener, relay });
      if (protocol === 'UDP') this.#options.onTakenOver(address, port);
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
