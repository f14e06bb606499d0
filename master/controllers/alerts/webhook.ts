/**
 * Tells an address of alerts: one POST a change, asked again until it is taken. What waits is the latest of each alert, so that
 * an address that was away hears how things are, not what has been meanwhile. Invariants: at most one POST at a time; an
 * address never keeps an alert that it was told of and that is over, as long as it comes back; what it did not hear of at all
 * is not told to be over. A change may come twice when its answer was lost: its id is the same then.
 */
import { type BackoffPolicy, computeBackoffMs } from '../../../shared/platform/backoff.ts';
import { type Clock, formatTime, sleep } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import type { AddressPoster, Message } from './address-poster.ts';
import { type AlertChange, keyOf } from './alert.ts';

export interface WebhookOptions {
  url: string;
  post: AddressPoster;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Alerts of which something waits to be told. */
export const MAX_WAITING = 1_000;

/** An address that is silent for so long has not taken it. */
export const POST_TIMEOUT_MS = 10_000;

const RETRY: BackoffPolicy = { initialMs: 1_000, maxMs: 60_000, factor: 3, jitter: 0.2 };

export class AlertWebhook {
  readonly #options: WebhookOptions;
  readonly #abort = new AbortController();
  /** By alert; in the order of its turn. */
  readonly #waiting = new Map<string, AlertChange>();
  /** Alerts that the address may think are firing. */
  readonly #heard = new Set<string>();
  #run: Promise<void> | undefined;
  /** In a row. */
  #failures = 0;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /** Returns at once. */
  tell(change: AlertChange): void {
    if (this.#abort.signal.aborted) return;
    const key = keyOf(change.alert);
    this.#waiting.delete(key);
    if (change.type === 'resolved' && !this.#heard.has(key)) return;
    if (this.#waiting.size >= MAX_WAITING) this.#dropOldest();
    this.#waiting.set(key, change);
    this.#run ??= this.#tellAll().finally(() => {
      this.#run = undefined;
    });
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#run;
  }

  async #tellAll(): Promise<void> {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const [key, change] = next;
      if (await this.#tellOne(key, change)) continue;
      if (this.#abort.signal.aborted) return;
      // The address may refuse this one only: the others have their turn first.
      if (this.#waiting.get(key) === change) {
        this.#waiting.delete(key);
        this.#waiting.set(key, change);
      }
      await this.#pause();
    }
  }

  #next(): [string, AlertChange] | undefined {
    if (this.#abort.signal.aborted) return undefined;
    return this.#waiting.entries().next().value;
  }

  /** Whether the address has taken it. */
  async #tellOne(key: string, change: AlertChange): Promise<boolean> {
    if (change.type === 'firing') this.#heard.add(key);
    try {
      await this.#post({ id: idOf(change), body: JSON.stringify(renderAlert(change)) });
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#noteFailure(error);
      return false;
    }
    if (this.#failures > 0) this.#options.logger.info('the webhook of alerts takes them again');
    this.#failures = 0;
    if (change.type === 'resolved') this.#heard.delete(key);
    if (this.#waiting.get(key) === change) this.#waiting.delete(key);
    return true;
  }

  async #post(message: Message): Promise<void> {
    const { url, post, clock } = this.#options;
    const late = new AbortController();
    const timer = clock.after(POST_TIMEOUT_MS, () =>
      late.abort(new Error(`no answer within ${POST_TIMEOUT_MS / 1_000} s`)),
    );
    try {
      await post(url, message, AbortSignal.any([late.signal, this.#abort.signal]));
    } finally {
      timer.cancel();
    }
  }

  /** Once for each time that it is away; the address itself may be a secret. */
  #noteFailure(error: unknown): void {
    const isFirst = this.#failures === 0;
    this.#failures += 1;
    this.#options.logger[isFirst ? 'warn' : 'debug']('the webhook of alerts did not take one; it is asked again', {
      error: reasonOf(error),
    });
  }

  async #pause(): Promise<void> {
    const { clock, random } = this.#options;
    const pauseMs = computeBackoffMs(RETRY, this.#failures - 1, random);
    await sleep(clock, pauseMs, this.#abort.signal).catch(() => undefined);
  }

  #dropOldest(): void {
    const [key, change] = this.#waiting.entries().next().value ?? [];
    if (key === undefined || change === undefined) return;
    this.#waiting.delete(key);
    const { name, subject } = change.alert;
    const fields = { alert: name, object: subject.metadata.name };
    this.#options.logger.warn('the webhook of alerts will not be told of one: too many wait', fields);
  }
}

/** fetch says the reason in the cause, such as `connect ECONNREFUSED 192.168.1.5:8123`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** Of one change: the same when it is told again. */
function idOf({ type, alert }: AlertChange): string {
  return `${keyOf(alert)}/${alert.sinceMs}/${type}`;
}

/** What a webhook gets. */
export function renderAlert(change: AlertChange) {
  const { type, alert } = change;
  const { name, subject, message, sinceMs } = alert;
  const { namespace, name: object } = subject.metadata;
  return {
    id: idOf(change),
    status: type,
    alert: name,
    object: { kind: subject.kind, ...(namespace ? { namespace } : {}), name: object },
    message,
    since: formatTime(sinceMs),
  };
}
