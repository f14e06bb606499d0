/**
 * The network of this node's pods: a Docker network with the node's slice, on a bridge of its own. Invariant: a pod starts
 * only when the network is there with the right slice; without a master, with the slice of the last life.
 */
import { Controller, type ReconcileResult } from '../../shared/client/controller.ts';
import { familyOf } from '../../shared/machinery/ip-range.ts';
import type { BackoffPolicy } from '../../shared/platform/backoff.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { Shell } from '../../shared/platform/shell.ts';
import { openHairpins, prepareBridge } from './bridge.ts';
import type { KernelSettings } from './kernel-settings.ts';
import type { NetworkNames } from './names.ts';
import { type PodNetworkAction, planPodNetwork } from './plan-pod-network.ts';
import type { PodNetworkEngine, PodNetworkRecord } from './pod-network-engine.ts';

export interface PodNetworkOptions {
  node: string;
  names: NetworkNames;
  engine: PodNetworkEngine;
  shell: Shell;
  settings: KernelSettings;
  /** Whether we may write rules; otherwise the engine has to care for packets that leave. Asked when the network is made. */
  canFilter(): Promise<boolean>;
  /** It has become ready, or not ready, or its slice is known now. */
  onChange(): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Somebody else may have removed the network, or the engine may have been restarted without our hearing of it. */
const LOOK_INTERVAL_MS = 60_000;

const RETRY: BackoffPolicy = { initialMs: 250, maxMs: 30_000, factor: 2, jitter: 0.2 };

export class PodNetwork implements Component {
  readonly #options: PodNetworkOptions;
  readonly #controller: Controller;
  #wanted: readonly string[] | undefined;
  #subnets: readonly string[] = [];
  #problem: string | undefined = 'the network of the pods has not been looked at yet';
  #lack: string | undefined;

  constructor(options: PodNetworkOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    const reconcile = (): Promise<ReconcileResult> => this.#reconcile();
    this.#controller = new Controller({ name: 'pod-network', reconcile, backoff: RETRY, clock, random, logger });
  }

  /** Why pods cannot start; undefined: they can. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** What does not hold between pods of this node, for people; undefined: all does. */
  get lack(): string | undefined {
    return this.#lack;
  }

  /** The slice that pods have addresses of; empty while it is not known. */
  get subnets(): readonly string[] {
    return this.#subnets;
  }

  get bridge(): string {
    return this.#options.names.bridge;
  }

  async start(): Promise<void> {
    await this.#controller.start();
    this.lookAgain();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  /** What the Node says; empty: nothing yet. */
  setWanted(podCidrs: readonly string[]): void {
    if (podCidrs.length === 0 || podCidrs.join() === this.#wanted?.join()) return;
    this.#wanted = podCidrs;
    this.lookAgain();
  }

  lookAgain(): void {
    this.#controller.enqueue(this.#options.names.network);
  }

  /** A sandbox has been made: its port must be as the others are, before anything runs in it. */
  async onSandbox(): Promise<void> {
    await openHairpins(this.#options.settings, this.bridge);
  }

  async #reconcile(): Promise<ReconcileResult> {
    const { engine, names } = this.#options;
    try {
      const present = await engine.findNetwork(names.network);
      const { actions, problem } = planPodNetwork(present, this.#wanted);
      for (const action of actions) await this.#execute(action);
      const record = actions.length > 0 ? await engine.findNetwork(names.network) : present;
      await this.#settle(record, problem);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#setState(this.#subnets, `the network of the pods cannot be made: ${why}`);
      throw error;
    }
    return { requeueAfterMs: LOOK_INTERVAL_MS };
  }

  async #settle(record: PodNetworkRecord | undefined, problem: string | undefined): Promise<void> {
    const { shell, settings, logger } = this.#options;
    if (record === undefined) {
      this.#setState([], problem);
      return;
    }
    const hasIpv6 = record.subnets.some((subnet) => familyOf(subnet.split('/')[0] ?? '') === 6);
    const lack = await prepareBridge({ shell, settings }, { bridge: record.bridge, hasIpv6 });
    if (lack !== undefined && lack !== this.#lack) {
      logger.warn('services and policies do not hold between pods of this node', { why: lack });
    }
    this.#lack = lack;
    this.#setState(record.subnets, problem);
  }

  #setState(subnets: readonly string[], problem: string | undefined): void {
    const isSame = subnets.join() === this.#subnets.join() && problem === this.#problem;
    this.#subnets = subnets;
    this.#problem = problem;
    if (!isSame) this.#options.onChange();
  }

  async #execute(action: PodNetworkAction): Promise<void> {
    const { engine, names, node, logger } = this.#options;
    const { network: name, bridge } = names;
    switch (action.type) {
      case 'create': {
        const masquerade = !(await this.#options.canFilter());
        await engine.createNetwork({ name, bridge, subnets: action.subnets, node, masquerade });
        logger.info('made the network of the pods', { name, subnets: action.subnets });
        return;
      }
      case 'remove-container':
        logger.warn('the node has another slice: a pod is made anew', { container: action.id });
        return engine.removeContainer(action.id);
      case 'remove':
        return engine.removeNetwork(name);
    }
  }
}
