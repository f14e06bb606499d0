/**
 * The agent's side of planned pulls: asks the master by an ImagePull where to get an image, waits for the answer as long as
 * that is worth it, and tells how it goes. A master that does not answer is never waited for: the node acts alone then.
 */

import type { ImagePeer, ImagePlan, ImagePull } from '../../../shared/api/image-pull.ts';
import { ImagePullRef } from '../../../shared/api/kind-refs.ts';
import type { Client } from '../../../shared/client/client.ts';
import { Informer } from '../../../shared/client/informer.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { imagePullName } from '../../../shared/machinery/image-pull-name.ts';
import { type Clock, formatTime, sleep } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';

export interface PullPlansOptions {
  node: string;
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** How long the master may take to answer a request, and to make its plan: it may have to ask a registry. */
const ANSWER_PATIENCE_MS = 3_000;
const PLAN_PATIENCE_MS = 6_000;

/** While another node fetches: whether the master is still there to say when it is over. */
const WAIT_CHECK_MS = 15_000;

/** Nobody waits for another node longer than this. */
const MAX_WAIT_MS = 60 * 60_000;

/** Between two reports of progress. */
const PROGRESS_INTERVAL_MS = 10_000;

/** Nodes that were named in plans, to be asked when the master cannot be. */
const MAX_KNOWN_PEERS = 8;

export type PullReport = Partial<
  Pick<ImagePull['status'], 'phase' | 'source' | 'imageID' | 'message' | 'transferredBytes' | 'totalBytes'>
>;

export class PullPlans implements Component {
  readonly #options: PullPlansOptions;
  readonly #informer: Informer<ImagePull>;
  readonly #peers = new Map<string, ImagePeer>();
  readonly #listeners = new Map<string, () => void>();
  readonly #abort = new AbortController();

  constructor(options: PullPlansOptions) {
    this.#options = options;
    const { node, client, clock, random, logger } = options;
    const scope = { fieldSelector: `spec.nodeName=${node}` };
    this.#informer = new Informer<ImagePull>({ client, kind: ImagePullRef, clock, random, logger, scope });
    this.#informer.onChange((key) => this.#listeners.get(key)?.());
  }

  start(): Promise<void> {
    return this.#informer.start();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#informer.stop();
  }

  retryNow(): void {
    this.#informer.retryNow();
  }

  /** Hears of pulls of this node, whoever asked for them. Call before `start`. */
  onChange(listener: (pull: ImagePull | undefined) => void): void {
    this.#informer.onChange((_key, current) => listener(current));
  }

  /** Those seen last in plans; they may have an image that the registry cannot be asked for now. */
  get knownPeers(): readonly ImagePeer[] {
    return [...this.#peers.values()];
  }

  /** Begins to ask; undefined: that is under way for somebody else already. */
  ask(image: string, always: boolean): AskedPull | undefined {
    const { node, client, clock, logger } = this.#options;
    const name = imagePullName(node, image, always);
    if (this.#listeners.has(name)) return undefined;
    return new AskedPull({
      ...{ name, image, always, node, client, clock, logger, signal: this.#abort.signal },
      read: () => this.#informer.get(name),
      listen: (listener) => this.#listeners.set(name, listener),
      unlisten: () => this.#listeners.delete(name),
      onPlan: (plan) => this.#rememberPeers(plan),
    });
  }

  #rememberPeers({ peers = [] }: ImagePlan): void {
    for (const peer of peers) {
      this.#peers.delete(peer.nodeName);
      this.#peers.set(peer.nodeName, peer);
    }
    for (const name of [...this.#peers.keys()].slice(0, -MAX_KNOWN_PEERS)) this.#peers.delete(name);
  }
}

interface AskedPullOptions {
  name: string;
  image: string;
  always: boolean;
  node: string;
  client: Client;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
  read(): ImagePull | undefined;
  listen(listener: () => void): void;
  unlisten(): void;
  onPlan(plan: ImagePlan): void;
}

export class AskedPull {
  readonly #options: AskedPullOptions;
  #attempt: number | undefined;
  #changed = Promise.withResolvers<void>();
  #failedPeers: string[] = [];
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #isOver = false;
  /** Reports go out one after the other, the latest of those that wait. */
  #report: PullReport | undefined;
  #reporting = false;

  constructor(options: AskedPullOptions) {
    this.#options = options;
    options.listen(() => this.#onChange());
  }

  /** What to do; undefined: the master does not say, or not any more. Resolves only when there is something to do. */
  async plan(): Promise<ImagePlan | undefined> {
    const { clock, onPlan, signal } = this.#options;
    if (this.#attempt === undefined && !(await this.#begin(this.#failedPeers))) return undefined;
    const untilMs = clock.monotonicMs() + MAX_WAIT_MS;
    let waiting: ImagePlan | undefined;
    while (!signal.aborted && clock.monotonicMs() < untilMs) {
      const plan = this.#current();
      if (plan !== undefined) onPlan(plan);
      if (plan !== undefined && plan.source !== 'Wait') return plan;
      const isFirst = waiting === undefined && plan === undefined;
      const patienceMs = isFirst ? PLAN_PATIENCE_MS : WAIT_CHECK_MS;
      waiting = plan ?? waiting;
      const isNews = await this.#whenChanged(patienceMs);
      if (isNews) continue;
      if (isFirst || !(await this.#isStillAsked())) return undefined;
    }
    return undefined;
  }

  /** These did not work: the master shall plan anew. */
  async again(failedPeers: readonly string[]): Promise<void> {
    this.#failedPeers = [...new Set([...this.#failedPeers, ...failedPeers])];
    await this.#begin(this.#failedPeers);
  }

  /** Returns at once; what cannot be told is not told. */
  tell(report: PullReport): void {
    if (this.#attempt === undefined) return;
    const isProgress = report.phase === undefined;
    const nowMs = this.#options.clock.monotonicMs();
    if (isProgress && nowMs - this.#toldAtMs < PROGRESS_INTERVAL_MS) return;
    this.#toldAtMs = nowMs;
    this.#report = { ...this.#report, ...report };
    void this.#sendReports();
  }

  /** The last word. */
  over(report: PullReport): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.tell(report);
    this.#options.unlisten();
  }

  #onChange(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** The answer to the present question. */
  #current(): ImagePlan | undefined {
    const { status } = this.#options.read() ?? {};
    return status?.plannedAttempt === this.#attempt ? status?.plan : undefined;
  }

  async #whenChanged(patienceMs: number): Promise<boolean> {
    const changed = this.#changed.promise.then(() => true);
    return (await this.#within(patienceMs, changed)) ?? false;
  }

  /** Asks, or asks again. false: the master does not answer. */
  async #begin(failedPeers: readonly string[]): Promise<boolean> {
    const attempt = await this.#within(ANSWER_PATIENCE_MS, this.#send(failedPeers)).catch((error) => {
      this.#options.logger.debug('the master does not plan this pull', { image: this.#options.image, error });
      return undefined;
    });
    this.#attempt = attempt;
    return attempt !== undefined;
  }

  /** The number of the question. */
  async #send(failedPeers: readonly string[]): Promise<number> {
    const { client, name, image, always, node } = this.#options;
    const spec = { nodeName: node, image, purpose: 'Pod' as const, ...(always ? { always } : {}) };
    try {
      await client.create(ImagePullRef, { metadata: { name }, spec });
      return 0;
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
    const { spec: asked, status } = await client.get(ImagePullRef, { name });
    // What the master wants to be fetched ahead is a question already.
    if (asked.purpose === 'Prepull' && isWaiting(status) && failedPeers.length === 0) return status.attempt ?? 0;
    const attempt = Math.max(status.attempt ?? 0, status.plannedAttempt ?? 0) + 1;
    const fresh = { ...NOTHING_DONE, phase: 'Pending', attempt, failedPeers: [...failedPeers] };
    await client.patch(ImagePullRef, { name }, { type: 'merge', subresource: 'status', body: { status: fresh } });
    return attempt;
  }

  /** false: the master is away, or has forgotten the question and does not take it again. */
  async #isStillAsked(): Promise<boolean> {
    const { client, name } = this.#options;
    try {
      return (await this.#within(ANSWER_PATIENCE_MS, client.get(ImagePullRef, { name }))) !== undefined;
    } catch (error) {
      return isStatusError(error, 'NotFound') && (await this.#begin(this.#failedPeers));
    }
  }

  async #sendReports(): Promise<void> {
    if (this.#reporting) return;
    this.#reporting = true;
    const { client, name, clock, logger } = this.#options;
    for (let report = this.#report; report !== undefined; report = this.#report) {
      this.#report = undefined;
      const now = formatTime(clock.nowMs());
      const times =
        report.phase === 'Pulling' ? { startedAt: now } : report.phase === undefined ? {} : { finishedAt: now };
      const body = { status: { ...report, ...times } };
      await client
        .patch(ImagePullRef, { name }, { type: 'merge', subresource: 'status', body })
        .catch((error) => logger.debug('the pull could not be told of', { name, error }));
    }
    this.#reporting = false;
  }

  /** undefined: it took too long. */
  async #within<T>(patienceMs: number, work: Promise<T>): Promise<T | undefined> {
    const { clock, signal } = this.#options;
    const done = new AbortController();
    const late = sleep(clock, patienceMs, AbortSignal.any([done.signal, signal])).then(
      () => undefined,
      () => undefined,
    );
    work.catch(() => undefined);
    try {
      return await Promise.race([work, late]);
    } finally {
      done.abort();
    }
  }
}

/** Nobody works on it. */
export function isWaiting({ phase = 'Pending' }: ImagePull['status']): boolean {
  return phase === 'Pending';
}

/** A merge patch keeps what it does not name. */
const NOTHING_DONE = {
  source: null,
  imageID: null,
  message: null,
  transferredBytes: null,
  totalBytes: null,
  startedAt: null,
  finishedAt: null,
} as const;
