/**
 * Tells an address of alerts: one POST each, in order, tried again for a while. What cannot be told is dropped and logged: the
 * address may be gone for good, and alerts go on.
 */

import { type BackoffPolicy, computeBackoffMs } from '../../../shared/platform/backoff.ts';
import { type Clock, formatTime, sleep } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { AddressPoster } from './address-poster.ts';
import type { AlertChange } from './alert.ts';

export interface WebhookOptions {
  url: string;
  post: AddressPoster;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Alerts that wait to be told. */
const MAX_WAITING = 100;

const MAX_ATTEMPTS = 6;

const RETRY: BackoffPolicy = { initialMs: 1_000, maxMs: 60_000, factor: 3, jitter: 0.2 };

export class AlertWebhook {
  readonly #options: WebhookOptions;
  readonly #abort = new AbortController();
  readonly #waiting: AlertChange[] = [];
  #run: Promise<void> | undefined;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /** Returns at once. */
  tell(change: AlertChange): void {
    if (this.#abort.signal.aborted) return;
    if (this.#waiting.length >= MAX_WAITING) this.#drop(this.#waiting.shift());
    this.#waiting.push(change);
    this.#run ??= this.#tellAll().finally(() => {
      this.#run = undefined;
    });
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#run;
  }

  async #tellAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (!(await this.#tellOne(next))) this.#drop(next);
      if (this.#abort.signal.aborted) return;
    }
  }

  async #tellOne(change: AlertChange): Promise<boolean> {
    const { url, post, clock, random, logger } = this.#options;
    const body = JSON.stringify(renderAlert(change));
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      try {
        await post(url, body, this.#abort.signal);
        return true;
      } catch (error) {
        if (this.#abort.signal.aborted) return false;
        logger.debug('the webhook of alerts did not take one', { error });
      }
      const pause = sleep(clock, computeBackoffMs(RETRY, attempt, random), this.#abort.signal);
      if (
        !(await pause.then(
          () => true,
          () => false,
        ))
      )
        return false;
    }
    return false;
  }

  #drop(change: AlertChange | undefined): void {
    if (change === undefined || this.#abort.signal.aborted) return;
    const { name, subject } = change.alert;
    this.#options.logger.warn('the webhook of alerts was not told of one', {
      alert: name,
      object: subject.metadata.name,
    });
  }
}

/** What a webhook gets. */
export function renderAlert({ type, alert }: AlertChange) {
  const { name, subject, message, sinceMs } = alert;
  const { namespace, name: object } = subject.metadata;
  return {
    status: type,
    alert: name,
    object: { kind: subject.kind, ...(namespace ? { namespace } : {}), name: object },
    message,
    since: formatTime(sinceMs),
  };
}
