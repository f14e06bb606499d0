/**
 * The one shape of every controller: keys come in, `reconcile` looks at the present state of that key, takes one step and
 * says when to look again. Lost, doubled or reordered notifications are harmless.
 */

import { isStatusError } from '../machinery/errors.ts';
import type { BackoffPolicy } from '../platform/backoff.ts';
import type { Clock } from '../platform/clock.ts';
import type { Component } from '../platform/lifecycle.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { WorkQueue } from './work-queue.ts';
import type { QueueObserver, WorkQueueMetrics } from './work-queue-metrics.ts';

export interface ReconcileResult {
  requeueAfterMs?: number;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a reconcile that has nothing to say just returns
export type Reconcile = (key: string) => Promise<ReconcileResult | void>;

export interface ControllerOptions {
  name: string;
  reconcile: Reconcile;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Keys handled at the same time; 1 unless said. */
  concurrency?: number;
  backoff?: BackoffPolicy;
  /** Counts under the controller's name. */
  queueMetrics?: WorkQueueMetrics | undefined;
}

export class Controller implements Component {
  readonly #options: ControllerOptions;
  readonly #queue: WorkQueue;
  readonly #observer: QueueObserver | undefined;
  #workers: Promise<void>[] = [];

  constructor(options: ControllerOptions) {
    this.#options = options;
    const { clock, random, backoff, name } = options;
    this.#observer = options.queueMetrics?.observe(name, () => this.#queue.size);
    const observer = this.#observer && { observer: this.#observer };
    this.#queue = new WorkQueue({ clock, random, ...(backoff ? { backoff } : {}), ...observer });
  }

  enqueue(key: string): void {
    this.#queue.add(key);
  }

  enqueueAfter(key: string, delayMs: number): void {
    this.#queue.addAfter(key, delayMs);
  }

  async start(): Promise<void> {
    const { concurrency = 1 } = this.#options;
    this.#workers = Array.from({ length: concurrency }, () => this.#work());
  }

  async stop(): Promise<void> {
    this.#queue.close();
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      const { clock } = this.#options;
      const startMs = this.#observer && clock.monotonicMs();
      await this.#handle(key);
      if (startMs !== undefined) this.#observer?.worked((clock.monotonicMs() - startMs) / 1000);
      this.#queue.done(key);
    }
  }

  async #handle(key: string): Promise<void> {
    const { name, reconcile, logger } = this.#options;
    try {
      const result = await reconcile(key);
      this.#queue.forget(key);
      if (result?.requeueAfterMs !== undefined) this.#queue.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      // A lost race is everyday life, the next look at the state settles it.
      const level = isStatusError(error, 'Conflict') || isStatusError(error, 'AlreadyExists') ? 'debug' : 'warn';
      logger[level]('reconcile failed, will retry', { controller: name, key, error });
      this.#queue.addRateLimited(key);
    }
  }
}
