/**
 * Tells the API server that nothing is left of deleted pods, again and again until it has heard. In the background: while
 * the master is away the kubelet has other pods to look after.
 */
import { PodRef } from '../../shared/api/kind-refs.ts';
import type { Pod } from '../../shared/api/pod.ts';
import type { Client, ObjectKey } from '../../shared/client/client.ts';
import { Controller } from '../../shared/client/controller.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import type { BackoffPolicy } from '../../shared/platform/backoff.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';

export interface DeletionWriterOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Resolves when the node would not start the pod again, whatever happens to it: then another may have its name. */
  onFarewell(uid: string): Promise<void>;
}

const RETRY: BackoffPolicy = { initialMs: 200, maxMs: 30_000, factor: 2, jitter: 0.2 };
const MAX_PARALLEL_WRITES = 4;

export class DeletionWriter implements Component {
  readonly #client: Client;
  readonly #onFarewell: (uid: string) => Promise<void>;
  readonly #controller: Controller;
  readonly #pods = new Map<string, ObjectKey>();

  constructor({ client, onFarewell, ...environment }: DeletionWriterOptions) {
    this.#client = client;
    this.#onFarewell = onFarewell;
    const reconcile = (uid: string): Promise<void> => this.#write(uid);
    const settings = { name: 'pod-deletion', concurrency: MAX_PARALLEL_WRITES, backoff: RETRY };
    this.#controller = new Controller({ ...environment, ...settings, reconcile });
  }

  start(): Promise<void> {
    return this.#controller.start();
  }

  stop(): Promise<void> {
    return this.#controller.stop();
  }

  /** Returns at once. */
  finish({ metadata: { uid, namespace, name } }: Pod): void {
    this.#pods.set(uid, { namespace, name });
    this.#controller.enqueue(uid);
  }

  /** Nothing is left of the pod, and the API server shows it still. */
  has(uid: string): boolean {
    return this.#pods.has(uid);
  }

  /** The API server does not know the pod any more. */
  forget(uid: string): void {
    this.#pods.delete(uid);
  }

  async #write(uid: string): Promise<void> {
    const key = this.#pods.get(uid);
    if (key === undefined) return;
    await this.#onFarewell(uid);
    try {
      await this.#client.delete(PodRef, key, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      // Gone already, or another pod has the name by now.
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
    }
    this.#pods.delete(uid);
  }
}
