/**
 * Keeps a port open for each service that has a health check node port. The server is loaded when there is the first one.
 * Level-triggered: wanted ports are compared with those that are open, and an answer is computed when it is asked for.
 */
import { Controller, type ReconcileResult } from '../../../shared/client/controller.ts';
import type { BackoffPolicy } from '../../../shared/platform/backoff.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import { type HealthAnswer, type HealthCheck, renderHealthAnswer } from './health-check.ts';
import type { HealthServer, openHealthServer } from './health-server.ts';

export interface HealthChecksOptions {
  load(): Promise<{ openHealthServer: typeof openHealthServer }>;
  isHealthy(): boolean;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Services with such a port; further ones are not answered. */
const MAX_PORTS = 500;

const RETRY: BackoffPolicy = { initialMs: 500, maxMs: 30_000, factor: 2, jitter: 0.2 };

export class HealthChecks implements Component {
  readonly #options: HealthChecksOptions;
  readonly #controller: Controller;
  /** By the key of the service. */
  readonly #wanted = new Map<string, HealthCheck>();
  /** By port. */
  readonly #open = new Map<number, HealthServer>();

  constructor(options: HealthChecksOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    const reconcile = (): Promise<ReconcileResult> => this.#reconcile();
    this.#controller = new Controller({ name: 'health-checks', reconcile, backoff: RETRY, clock, random, logger });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  async stop(): Promise<void> {
    await this.#controller.stop();
    for (const server of this.#open.values()) server.close();
    this.#open.clear();
  }

  /** undefined: the service has no such port any more. */
  put(service: string, check: HealthCheck | undefined): void {
    const before = this.#wanted.get(service);
    if (check === undefined) this.#wanted.delete(service);
    else if (before !== undefined || this.#wanted.size < MAX_PORTS) this.#wanted.set(service, check);
    if (before?.port !== check?.port) this.#controller.enqueue('ports');
  }

  async #reconcile(): Promise<ReconcileResult> {
    const ports = new Set([...this.#wanted.values()].map(({ port }) => port));
    for (const [port, server] of [...this.#open]) {
      if (ports.has(port)) continue;
      this.#open.delete(port);
      server.close();
    }
    const missing = [...ports].filter((port) => !this.#open.has(port));
    if (missing.length === 0) return {};
    const { openHealthServer } = await this.#options.load();
    const results = await Promise.allSettled(
      missing.map(async (port) => this.#open.set(port, await openHealthServer(port, () => this.#answer(port)))),
    );
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    return {};
  }

  #answer(port: number): HealthAnswer {
    const check = [...this.#wanted.values()].find((each) => each.port === port);
    const nobody = { namespace: '', name: '', port, localEndpoints: 0 };
    return renderHealthAnswer(check ?? nobody, this.#options.isHealthy());
  }
}
