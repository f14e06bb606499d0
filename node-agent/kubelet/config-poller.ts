/**
 * One object, asked for now and then: stands in for a watch when a node's pods name more objects than a client may have
 * streams open. Changes arrive within a minute instead of at once, as with Kubernetes' own kubelet.
 */
import type { Client, KindRef, ObjectKey } from '../../shared/client/client.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import { type BackoffPolicy, computeBackoffMs } from '../../shared/platform/backoff.ts';
import { type Clock, sleep } from '../../shared/platform/clock.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { KubernetesObject } from '../../shared/schema/object-meta.ts';

export interface ConfigPollerOptions<T extends KubernetesObject> {
  client: Client;
  kind: KindRef<T>;
  key: ObjectKey;
  /** From before this process; undefined: nothing. */
  known: { object: T | undefined } | undefined;
  clock: Clock;
  random: Random;
  onChange(): void;
}

const POLL_MS = 60_000;

const RETRY: BackoffPolicy = { initialMs: 500, maxMs: 30_000, factor: 2, jitter: 0.5 };

export class ConfigPoller<T extends KubernetesObject> {
  readonly #options: ConfigPollerOptions<T>;
  readonly #abort = new AbortController();
  #object: T | undefined;
  #hasLooked = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ConfigPollerOptions<T>) {
    this.#options = options;
    this.#object = options.known?.object;
  }

  get object(): T | undefined {
    return this.#object;
  }

  /** Whether `object` says something: also that there is none. */
  get isKnown(): boolean {
    return this.#hasLooked || this.#options.known !== undefined;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#abort;
    for (let failures = 0; !signal.aborted; ) {
      failures = (await this.#look()) ? 0 : failures + 1;
      const delayMs = failures === 0 ? POLL_MS : computeBackoffMs(RETRY, failures - 1, random);
      await sleep(clock, delayMs, signal).catch(() => undefined);
    }
  }

  /** Whether the API server answered; that there is no such object is an answer too. */
  async #look(): Promise<boolean> {
    const { client, kind, key, onChange } = this.#options;
    try {
      const found = await client.get(kind, key).catch((error) => {
        if (isStatusError(error, 'NotFound')) return undefined;
        throw error;
      });
      const isNews = !this.#hasLooked || found?.metadata.resourceVersion !== this.#object?.metadata.resourceVersion;
      this.#object = found;
      this.#hasLooked = true;
      if (isNews && !this.#abort.signal.aborted) onChange();
      return true;
    } catch {
      return false;
    }
  }
}
