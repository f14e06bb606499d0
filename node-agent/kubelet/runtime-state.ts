/**
 * What the runtime has, by pod: listed when something happened, and now and then in any case. Events are only hints; a
 * listing is the truth. Knows whether the engine answers.
 */
import { type BackoffPolicy, computeBackoffMs } from '../../shared/platform/backoff.ts';
import { type Clock, sleep } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import { type ContainerRecord, type ContainerRuntime, RuntimeError } from '../container-runtime/runtime.ts';
import { groupByPod, isEmpty, NOTHING_OBSERVED, type ObservedPod, sortObserved } from './pod/observed-pod.ts';

export interface RuntimeStateOptions {
  runtime: ContainerRuntime;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Events may be lost; no pod stays unseen for longer than this. */
const RELIST_MS = 60_000;

const RETRY: BackoffPolicy = { initialMs: 500, maxMs: 10_000, factor: 2, jitter: 0.2 };

/** The problem before the first answer: not worth telling, as an agent that starts again would show its node as not ready. */
export const RUNTIME_NOT_ASKED = 'the container runtime has not been asked yet';

export class RuntimeState implements Component {
  readonly #options: RuntimeStateOptions;
  readonly #abort = new AbortController();
  readonly #stale = new Set<string>();
  /** Looked at while a listing of everything is on its way, which may be older. */
  readonly #refreshed = new Set<string>();
  /** Monotonic time at which the end of a container was first seen. */
  readonly #endSeenMs = new Map<string, number>();
  readonly #podListeners: ((uid: string) => void)[] = [];
  readonly #healthListeners: ((problem: string | undefined) => void)[] = [];
  #pods = new Map<string, ObservedPod>();
  #problem: string | undefined = RUNTIME_NOT_ASKED;
  #hasListed = false;
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: RuntimeStateOptions) {
    this.#options = options;
  }

  /** Hears which pod may have changed. Add before `start`. */
  onPod(listener: (uid: string) => void): void {
    this.#podListeners.push(listener);
  }

  /** Hears when the engine goes (with the reason) and when it is back (undefined). Add before `start`. */
  onHealth(listener: (problem: string | undefined) => void): void {
    this.#healthListeners.push(listener);
  }

  /** undefined: the engine answers. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Whether everything was listed at least once: before that, nothing may be called missing. */
  get hasListed(): boolean {
    return this.#hasListed;
  }

  /** UIDs of which the runtime has anything. */
  uids(): string[] {
    return [...this.#pods.keys()];
  }

  /** As last listed, without asking. */
  peek(uid: string): ObservedPod {
    return this.#pods.get(uid) ?? NOTHING_OBSERVED;
  }

  all(): ReadonlyMap<string, ObservedPod> {
    return this.#pods;
  }

  /** The pod may have changed in the runtime: the next `current` asks. */
  markStale(uid: string): void {
    this.#stale.add(uid);
  }

  /** Asks the runtime if anything may have changed. */
  async current(uid: string): Promise<ObservedPod> {
    return this.#stale.has(uid) ? this.refresh(uid) : this.peek(uid);
  }

  async refresh(uid: string): Promise<ObservedPod> {
    // Before asking: what happens while the answer is on its way makes it stale again.
    this.#stale.delete(uid);
    try {
      const observed = sortObserved(await this.#options.runtime.list({ podUid: uid }));
      this.#store(uid, observed);
      this.#refreshed.add(uid);
      return observed;
    } catch (error) {
      this.#stale.add(uid);
      this.#noteFailure(error);
      throw error;
    }
  }

  /** For how long a container has been over. A wall clock that was set back does not make it longer to wait. */
  endedForMs({ id, exit }: ContainerRecord): number {
    const { clock } = this.#options;
    const sinceSeenMs = clock.monotonicMs() - (this.#endSeenMs.get(id) ?? clock.monotonicMs());
    return Math.max(sinceSeenMs, clock.nowMs() - (exit?.finishedAtMs ?? clock.nowMs()));
  }

  async start(): Promise<void> {
    this.#loops = Promise.all([this.#followEvents(), this.#relistForever()]);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loops;
  }

  async #followEvents(): Promise<void> {
    const { runtime, clock, random } = this.#options;
    const { signal } = this.#abort;
    for (let failures = 0; !signal.aborted; ) {
      const round = new AbortController();
      let prepared: Promise<void> | undefined;
      try {
        const events = runtime.events(AbortSignal.any([signal, round.signal]))[Symbol.asyncIterator]();
        const first = events.next();
        first.catch(() => undefined);
        // Only now: what happened before the engine listened to us is in the list.
        await this.#relist();
        failures = 0;
        prepared = this.#prepare();
        for (let result = await first; !result.done; result = await events.next()) this.#hint(result.value.podUid);
      } catch (error) {
        this.#noteFailure(error);
      } finally {
        round.abort();
        await prepared;
      }
      failures += 1;
      await sleep(clock, computeBackoffMs(RETRY, failures - 1, random), signal).catch(() => undefined);
    }
  }

  async #prepare(): Promise<void> {
    const { runtime, logger } = this.#options;
    await runtime.prepare?.().catch((error: unknown) => logger.debug('the first pod may take longer', { error }));
  }

  async #relistForever(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await sleep(this.#options.clock, RELIST_MS, signal).catch(() => undefined);
      if (!signal.aborted && this.#problem === undefined)
        await this.#relist().catch((error) => this.#noteFailure(error));
    }
  }

  async #relist(): Promise<void> {
    this.#refreshed.clear();
    const fresh = groupByPod(await this.#options.runtime.list());
    const uids = new Set([...this.#pods.keys(), ...fresh.keys()].filter((uid) => !this.#refreshed.has(uid)));
    const changed = [...uids].filter((uid) => !isSame(this.#pods.get(uid), fresh.get(uid)));
    for (const uid of uids) this.#store(uid, fresh.get(uid) ?? NOTHING_OBSERVED);
    this.#forgetEnds();
    const isFirst = !this.#hasListed;
    this.#hasListed = true;
    this.#setProblem(undefined);
    for (const uid of isFirst ? uids : changed) this.#tell(uid);
  }

  #store(uid: string, observed: ObservedPod): void {
    if (isEmpty(observed)) this.#pods.delete(uid);
    else this.#pods.set(uid, observed);
    const now = this.#options.clock.monotonicMs();
    for (const { id, state } of observed.containers) {
      if (state === 'exited' && !this.#endSeenMs.has(id)) this.#endSeenMs.set(id, now);
    }
  }

  #forgetEnds(): void {
    const present = new Set([...this.#pods.values()].flatMap(({ containers }) => containers.map(({ id }) => id)));
    for (const id of [...this.#endSeenMs.keys()]) if (!present.has(id)) this.#endSeenMs.delete(id);
  }

  #hint(uid: string): void {
    if (uid === '') return;
    this.#stale.add(uid);
    this.#tell(uid);
  }

  #tell(uid: string): void {
    for (const listener of this.#podListeners) listener(uid);
  }

  #noteFailure(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    const isAway = error instanceof RuntimeError && error.reason === 'unavailable';
    if (isAway) this.#setProblem(error.message);
    else this.#options.logger.warn('the container runtime failed', { error });
  }

  #setProblem(problem: string | undefined): void {
    if (this.#problem === problem) return;
    this.#problem = problem;
    if (problem === undefined) this.#options.logger.info('the container runtime answers');
    else this.#options.logger.warn('the container runtime does not answer', { problem });
    for (const listener of this.#healthListeners) listener(problem);
  }
}

/** Whether a decision about the pod could come out differently. */
function isSame(a: ObservedPod | undefined, b: ObservedPod | undefined): boolean {
  return fingerprint(a) === fingerprint(b);
}

function fingerprint(observed: ObservedPod | undefined): string {
  const { sandboxes, containers } = observed ?? NOTHING_OBSERVED;
  const parts = [
    ...sandboxes.map(({ id, state, ip }) => `${id} ${state} ${ip}`),
    ...containers.map(({ id, state, startedAtMs }) => `${id} ${state} ${startedAtMs}`),
  ];
  return parts.join('\n');
}
