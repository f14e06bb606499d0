/**
 * How images get onto this node: planned by the master, copied from other nodes, from the registry, and ahead of pods.
 * Composition only. Without other nodes to speak to, each image comes from its registry when a pod needs it.
 */
import type { Client } from '../../../shared/client/client.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { ContainerRuntime } from '../../container-runtime/runtime.ts';
import { ImageCopier } from './image-copier.ts';
import { ImageManager } from './image-manager.ts';
import { ImagePuller } from './image-puller.ts';
import type { PeerDialer } from './peers/peer-dialer.ts';
import { PrepullRunner } from './prepull-runner.ts';
import type { RegistryReach } from './pull-failure.ts';
import { PullPlans } from './pull-plans.ts';

export interface ImageSupplySettings {
  /** Connections to other nodes. */
  dialer: PeerDialer;
  /** Where this node hands out its own images; 0: nowhere. */
  peerPort(): number;
  /** Whether this node reaches a registry. */
  probeRegistry?(host: string): Promise<RegistryReach>;
}

export interface ImageSupplyOptions {
  node: string;
  client: Client;
  runtime: ContainerRuntime;
  /** Free room where the engine keeps its images; undefined: unknown. */
  freeBytes(): Promise<number | undefined>;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** undefined: nobody plans, and nothing is copied. */
  images?: ImageSupplySettings | undefined;
}

export class ImageSupply implements Component {
  readonly manager: ImageManager;
  readonly #plans: PullPlans | undefined;

  constructor(options: ImageSupplyOptions) {
    const { images, runtime, clock, logger, freeBytes } = options;
    const plans = images && new PullPlans(options);
    const copier = images && new ImageCopier({ runtime, clock, logger, dialer: images.dialer });
    const probe = images?.probeRegistry && { probeRegistry: images.probeRegistry };
    const puller = new ImagePuller({ runtime, logger, plans, copier, freeBytes, ...probe });
    this.manager = new ImageManager({ ...options, puller });
    this.#plans = plans;
    if (plans !== undefined) new PrepullRunner({ ...options, plans, images: this.manager });
  }

  async start(): Promise<void> {
    await this.#plans?.start();
  }

  async stop(): Promise<void> {
    await this.#plans?.stop();
  }

  /** The master can be reached again. */
  retryNow(): void {
    this.#plans?.retryNow();
  }
}
