/**
 * Images for runs of containers: looks, pulls in the background, and backs off. A pull is shared by all that wait for the
 * same image; few run at a time, because an SD card writes slowly. Verdicts are kept in memory only.
 */
import type { PullCredentials } from '../../../shared/machinery/pull-credentials.ts';
import { formatBytes } from '../../../shared/machinery/quantity.ts';
import { type BackoffPolicy, computeBackoffMs } from '../../../shared/platform/backoff.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import { type ContainerRuntime, RuntimeError } from '../../container-runtime/runtime.ts';
import type { ImageVerdict } from '../pod/pod-view.ts';
import { ImagePuller, type PulledImage } from './image-puller.ts';
import { PullFailure } from './pull-failure.ts';

export interface ImageManagerOptions {
  runtime: ContainerRuntime;
  /** How an image gets here; from its registry unless given. */
  puller?: ImagePuller | undefined;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export type PullPolicy = 'Always' | 'Never' | 'IfNotPresent';

/** One run of a container. */
export interface ImageUse {
  uid: string;
  container: string;
  attempt: number;
}

export interface ImageRequest extends ImageUse {
  reference: string;
  policy: PullPolicy;
  /** Shown to the registry one after the other; none: it is asked without. */
  credentials: readonly PullCredentials[];
  /** Tells the user of each step. */
  report(type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** The verdict may have changed. */
  onVerdict(): void;
}

/** As Kubernetes backs off from pulls. */
const PULL_BACKOFF: BackoffPolicy = { initialMs: 10_000, maxMs: 300_000, factor: 2, jitter: 0 };

/** How long a failure shows as ErrImagePull before it shows as ImagePullBackOff. */
const SHOW_ERROR_MS = 2_000;

const MAX_PARALLEL_PULLS = 2;

/** Between two events about how far a pull is. */
const PROGRESS_INTERVAL_MS = 15_000;

/** What a pull is asked for, whoever asks. */
export type FetchRequest = Pick<ImageRequest, 'reference' | 'credentials'> & { always: boolean; hasRun: boolean };

type ProgressListener = (doneBytes: number, totalBytes: number, from: string) => void;

interface SharedPull {
  image: Promise<PulledImage>;
  listeners: Set<ProgressListener>;
}

type Entry =
  | { type: 'present'; imageUser: string }
  | { type: 'pulling' }
  | { type: 'failed'; reason: string; message: string; atMs: number; retryAtMs: number };

export class ImageManager {
  readonly #options: ImageManagerOptions;
  readonly #entries = new Map<string, Entry>();
  /** Failed pulls in a row by pod and container. */
  readonly #failures = new Map<string, number>();
  readonly #pulls = new Map<string, SharedPull>();
  readonly #puller: ImagePuller;
  readonly #waiting: (() => void)[] = [];
  readonly #abort = new AbortController();
  #running = 0;

  constructor(options: ImageManagerOptions) {
    this.#options = options;
    this.#puller = options.puller ?? new ImagePuller(options);
  }

  verdict(use: ImageUse, reference: string): ImageVerdict | undefined {
    const entry = this.#entries.get(keyOf(use));
    if (entry?.type !== 'failed') return entry;
    const nowMs = this.#options.clock.monotonicMs();
    const retryInMs = entry.retryAtMs - nowMs;
    if (retryInMs <= 0) return { ...entry, retryInMs: 0 };
    // The kubelet looks again when the shown reason changes.
    if (nowMs - entry.atMs < SHOW_ERROR_MS) return { ...entry, retryInMs: entry.atMs + SHOW_ERROR_MS - nowMs };
    const isPull = entry.reason === 'ErrImagePull';
    if (!isPull) return { ...entry, retryInMs };
    const message = `Back-off pulling image "${reference}": ${entry.message}`;
    return { type: 'failed', reason: 'ImagePullBackOff', message, retryInMs };
  }

  /** Resolves when the image is known to be here, or a pull is under way, or it was refused. */
  async ensure(request: ImageRequest): Promise<void> {
    const { reference, policy, report } = request;
    const key = keyOf(request);
    const entry = this.#entries.get(key);
    if (entry?.type === 'failed' && this.#options.clock.monotonicMs() < entry.retryAtMs) return;
    const present = policy === 'Always' ? undefined : await this.#options.runtime.imageStatus(reference);
    if (present !== undefined) {
      this.#entries.set(key, { type: 'present', imageUser: present.user });
      report('Normal', 'Pulled', `Container image "${reference}" already present on machine`);
    } else if (policy === 'Never') {
      const message = `Container image "${reference}" is not present with pull policy of Never`;
      this.#fail(request, 'ErrImageNeverPull', message);
    } else {
      this.#entries.set(key, { type: 'pulling' });
      void this.#pull(request);
    }
  }

  /** The image was found missing after all: look again. */
  invalidate(use: ImageUse): void {
    this.#entries.delete(keyOf(use));
  }

  /** Forgets all of a pod, or all but one run of a container. */
  forget(uid: string): void {
    for (const map of [this.#entries, this.#failures]) {
      for (const key of [...map.keys()]) if (key.startsWith(`${uid}/`)) map.delete(key);
    }
  }

  /** The run has its container now: its verdict is no longer needed. */
  release(use: ImageUse): void {
    this.#entries.delete(keyOf(use));
    this.#failures.delete(failureKeyOf(use));
  }

  stop(): void {
    this.#abort.abort();
  }

  /** An image for no container in particular. Rejects with PullFailure or RuntimeError. */
  fetch(request: FetchRequest): Promise<PulledImage> {
    return this.#sharedPull(request).image;
  }

  async #pull(request: ImageRequest): Promise<void> {
    const { reference, policy, attempt, credentials, report, onVerdict } = request;
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    report('Normal', 'Pulling', `Pulling image "${reference}"`);
    const shared = this.#sharedPull({ reference, credentials, always: policy === 'Always', hasRun: attempt > 0 });
    const onTransfer = this.#progressReporter(request);
    shared.listeners.add(onTransfer);
    try {
      const pulled = await shared.image;
      report('Normal', 'Pulled', describePulled(reference, pulled, clock.monotonicMs() - startedMs));
      if (this.#entries.has(keyOf(request)))
        this.#entries.set(keyOf(request), { type: 'present', imageUser: pulled.image.user });
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const isExpected = error instanceof RuntimeError || error instanceof PullFailure;
      const message = isExpected ? error.message : String(error);
      if (!isExpected) this.#options.logger.error('pull failed', { reference, error });
      report('Warning', 'Failed', `Failed to pull image "${reference}": ${message}`);
      if (this.#entries.has(keyOf(request))) this.#fail(request, 'ErrImagePull', message);
    } finally {
      shared.listeners.delete(onTransfer);
    }
    onVerdict();
  }

  /** A pull that takes long says now and then how far it is. */
  #progressReporter({ reference, report }: ImageRequest): ProgressListener {
    const { clock } = this.#options;
    let toldMs = clock.monotonicMs();
    return (doneBytes, totalBytes, from) => {
      const nowMs = clock.monotonicMs();
      if (nowMs - toldMs < PROGRESS_INTERVAL_MS || totalBytes === 0) return;
      toldMs = nowMs;
      const amount = `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
      report('Normal', 'Pulling', `Pulling image "${reference}": ${amount} from ${describeSource(from)}`);
    };
  }

  #fail(request: ImageRequest, reason: string, message: string): void {
    const failures = this.#failures.get(failureKeyOf(request)) ?? 0;
    this.#failures.set(failureKeyOf(request), failures + 1);
    const atMs = this.#options.clock.monotonicMs();
    const retryAtMs = atMs + computeBackoffMs(PULL_BACKOFF, failures, this.#options.random);
    this.#entries.set(keyOf(request), { type: 'failed', reason, message, atMs, retryAtMs });
    request.report('Warning', 'Failed', `Error: ${reason}`);
  }

  /** Who shows the same waits for the same pull; others may not profit from what they were not given. */
  #sharedPull({ reference, credentials, always, hasRun }: FetchRequest): SharedPull {
    const key = JSON.stringify([reference, always, credentials]);
    const present = this.#pulls.get(key);
    if (present !== undefined) return present;
    const listeners = new Set<ProgressListener>();
    const job = {
      ...{ reference, always, hasRun, credentials, signal: this.#abort.signal },
      limit: <T>(work: () => Promise<T>) => this.#limited(work),
      onTransfer: (...progress: Parameters<ProgressListener>) => {
        for (const listener of listeners) listener(...progress);
      },
    };
    const image = this.#puller.pull(job).finally(() => this.#pulls.delete(key));
    const shared = { image, listeners };
    this.#pulls.set(key, shared);
    return shared;
  }

  async #limited<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= MAX_PARALLEL_PULLS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

/** In Kubernetes' words, with where it came from when that was not the registry. */
function describePulled(reference: string, { image, source }: PulledImage, tookMs: number): string {
  if (source === 'local') return `Container image "${reference}" already present on machine`;
  if (source === 'stale')
    return `Container image "${reference}" already present on machine; its registry does not answer`;
  const from = source === 'registry' ? '' : ` from ${describeSource(source)}`;
  const seconds = (tookMs / 1000).toFixed(3);
  return `Successfully pulled image "${reference}"${from} in ${seconds}s. Image size: ${image.sizeBytes} bytes.`;
}

function describeSource(source: string): string {
  return source === 'registry' ? 'the registry' : `node ${source}`;
}

function keyOf({ uid, container, attempt }: ImageUse): string {
  return `${uid}/${container}/${attempt}`;
}

function failureKeyOf({ uid, container }: ImageUse): string {
  return `${uid}/${container}`;
}
