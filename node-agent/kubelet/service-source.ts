/** All Services, as the node last saw them: every container finds those of its namespace in its environment. */
import { ServiceRef } from '../../shared/api/kind-refs.ts';
import type { Service } from '../../shared/api/service.ts';
import type { Client } from '../../shared/client/client.ts';
import { Informer } from '../../shared/client/informer.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { KeptObjects } from './assignment/kept-objects.ts';
import type { ServiceReader } from './spec/service-env.ts';

export interface ServiceSourceOptions {
  /** The node's copy, where others need it too: started, stopped and remembered by its owner. Otherwise one is made. */
  informer?: Informer<Service> | undefined;
  client: Client;
  /** What was known before this process, and is told what is known now. */
  kept: KeptObjects;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Nobody waits for the master any longer: what was known before counts. */
  isPatienceOver(): boolean;
  /** The master has told them for the first time. */
  onKnown(): void;
}

export class ServiceSource implements ServiceReader, Component {
  readonly #informer: Informer<Service>;
  readonly #options: ServiceSourceOptions;

  constructor(options: ServiceSourceOptions) {
    this.#options = options;
    const { client, clock, random, logger, kept } = options;
    if (options.informer !== undefined) {
      this.#informer = options.informer;
      return;
    }
    const seed = () => kept.list(ServiceRef);
    this.#informer = new Informer<Service>({ client, kind: ServiceRef, clock, random, logger, seed });
    this.#informer.onChange((key, current) => {
      if (current === undefined) kept.forget(ServiceRef, key);
      else kept.keep(ServiceRef, key, current);
    });
  }

  services(): readonly Service[] | undefined {
    const { hasListed, hasSynced } = this.#informer;
    const isKnown = hasListed || (hasSynced && this.#options.isPatienceOver());
    return isKnown ? this.#informer.list() : undefined;
  }

  retryNow(): void {
    this.#informer.retryNow();
  }

  async start(): Promise<void> {
    if (this.#options.informer === undefined) await this.#informer.start();
    void this.#informer.whenListed().then(() => this.#options.onKnown());
  }

  async stop(): Promise<void> {
    if (this.#options.informer === undefined) await this.#informer.stop();
  }
}
