/**
 * What registries say of images, asked for at most once at a time and kept while it is good enough. A registry that does not
 * answer costs one wait, not one for each image: until its pause is over everything of it is unknown at once. Nobody waits
 * longer than a moment; an answer that comes later is told.
 */
import { choosePlatform, type ImagePlatform } from '../../../shared/machinery/image-platform.ts';
import { type ImageReference, parseImageReference } from '../../../shared/machinery/image-reference.ts';
import type { PullCredentials } from '../../../shared/machinery/pull-credentials.ts';
import { type BackoffPolicy, computeBackoffMs } from '../../../shared/platform/backoff.ts';
import { type Clock, sleep } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import { BoundedMap } from './bounded-map.ts';
import type { ImageDescription, ImageVariant, RegistryClient } from './registry/registry-client.ts';
import { REASON_WORDS, RegistryError } from './registry/registry-error.ts';

export type ImageFacts =
  | { type: 'known'; description: ImageDescription; askedAtMs: number }
  /** `reason` in one CamelCase word. */
  | { type: 'unknown'; reason: string; message: string; askedAtMs: number };

export interface ImageLookupsOptions {
  /** undefined: nobody is asked, everything is unknown. */
  registry: RegistryClient | undefined;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** An answer came after nobody waited for it any more. */
  onLateAnswer(image: string): void;
}

/** Longest wait for an answer. */
const PATIENCE_MS = 2_500;

/** A registry that says no is not asked again at once, however fresh an answer is wanted. */
const UNKNOWN_GOOD_FOR_MS = 10_000;

/** Images remembered, by name and by digest. */
const MAX_IMAGES = 1_000;

const MAX_PARALLEL = 4;

/** Between two questions to a registry that does not answer. */
const HOST_PAUSE: BackoffPolicy = { initialMs: 10_000, maxMs: 600_000, factor: 2, jitter: 0.2 };

interface HostTrouble {
  failures: number;
  untilMs: number;
  error: RegistryError;
}

export class ImageLookups {
  readonly #options: ImageLookupsOptions;
  readonly #facts = new BoundedMap<ImageFacts>(MAX_IMAGES);
  /** By repository and digest: these never change. */
  readonly #descriptions = new BoundedMap<ImageDescription>(MAX_IMAGES);
  readonly #underWay = new Map<string, Promise<ImageFacts>>();
  readonly #troubles = new Map<string, HostTrouble>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: ImageLookupsOptions) {
    this.#options = options;
  }

  /** Never rejects. `image` in canonical form. `maxAgeMs`: how old an answer may be; while the registry is away, an older one is all there is. */
  async look(image: string, credentials: readonly PullCredentials[], maxAgeMs: number): Promise<ImageFacts> {
    const known = this.#facts.get(image);
    const nowMs = this.#options.clock.monotonicMs();
    const goodForMs = known?.type === 'known' ? maxAgeMs : Math.min(maxAgeMs, UNKNOWN_GOOD_FOR_MS);
    if (known !== undefined && nowMs - known.askedAtMs < goodForMs) return known;
    const { registry } = this.#options;
    if (registry === undefined) return this.#unknown('LookupsOff', 'the master does not ask registries');
    const reference = parseImageReference(image);
    if (reference === undefined) return this.#unknown('InvalidImageName', `"${image}" is no name of an image`);
    const trouble = this.#troubles.get(reference.domain);
    if (trouble !== undefined && nowMs < trouble.untilMs) return known ?? this.#unknownBecause(trouble.error);
    const asked =
      this.#underWay.get(image) ?? this.#ask(image, reference, () => this.#describe(registry, reference, credentials));
    return this.#soon(image, reference.domain, asked);
  }

  /** The variant for a platform, with its configuration's digest; undefined: there is none, or it cannot be found out. */
  async variant(
    image: string,
    platform: ImagePlatform,
    credentials: readonly PullCredentials[],
  ): Promise<ImageVariant | undefined> {
    const { registry } = this.#options;
    const facts = this.#facts.get(image);
    const reference = parseImageReference(image);
    if (facts?.type !== 'known' || reference === undefined || registry === undefined) return undefined;
    const variant = choosePlatform(platform, facts.description.variants);
    if (variant === undefined || variant.imageId !== undefined) return variant;
    try {
      const complete = await this.#limited(() => registry.completeVariant(reference, variant, credentials));
      this.#remember(image, reference, replaceVariant(facts.description, complete), facts.askedAtMs);
      return complete;
    } catch (error) {
      this.#options.logger.debug('a variant could not be looked up', { image, error });
      return variant;
    }
  }

  /** Waits a moment; while the answer is due, other images of that registry do not wait too. */
  async #soon(image: string, host: string, asked: Promise<ImageFacts>): Promise<ImageFacts> {
    const answered = new AbortController();
    const late = sleep(this.#options.clock, PATIENCE_MS, answered.signal).then(
      () => 'late' as const,
      () => 'late' as const,
    );
    const first = await Promise.race([asked, late]);
    answered.abort();
    if (first !== 'late') return first;
    const error = new RegistryError('unreachable', `registry ${host} has not answered yet`);
    this.#noteTrouble(host, error);
    void asked.then(() => this.#options.onLateAnswer(image));
    return this.#unknownBecause(error);
  }

  #ask(image: string, reference: ImageReference, describe: () => Promise<ImageDescription>): Promise<ImageFacts> {
    const asked = this.#limited(describe).then(
      (description) => {
        this.#troubles.delete(reference.domain);
        return this.#remember(image, reference, description, this.#options.clock.monotonicMs());
      },
      (error: unknown) => this.#noteFailure(image, reference, error),
    );
    this.#underWay.set(image, asked);
    void asked.then(() => this.#underWay.delete(image));
    return asked;
  }

  async #describe(
    registry: RegistryClient,
    reference: ImageReference,
    credentials: readonly PullCredentials[],
  ): Promise<ImageDescription> {
    const digest = await registry.digestOf(reference, credentials);
    return this.#descriptions.get(digestKey(reference, digest)) ?? registry.describe(reference, digest, credentials);
  }

  #remember(image: string, reference: ImageReference, description: ImageDescription, askedAtMs: number): ImageFacts {
    const facts = { type: 'known', description, askedAtMs } as const;
    this.#descriptions.set(digestKey(reference, description.digest), description);
    this.#facts.set(image, facts);
    return facts;
  }

  #noteFailure(image: string, reference: ImageReference, error: unknown): ImageFacts {
    const { logger } = this.#options;
    if (!(error instanceof RegistryError)) {
      logger.error('an image could not be looked up', { image, error });
      return this.#unknown('InternalError', "the master's log says more");
    }
    logger.debug('an image could not be looked up', { image, reason: error.reason, why: error.message });
    if (error.isAboutHost) this.#noteTrouble(reference.domain, error);
    const facts = this.#unknownBecause(error);
    // What was known before is better than nothing while the registry is away, but not when it says no.
    const known = this.#facts.get(image);
    if (error.isAboutHost && known?.type === 'known') return known;
    this.#facts.set(image, facts);
    return facts;
  }

  #noteTrouble(host: string, error: RegistryError): void {
    const { clock, random } = this.#options;
    const nowMs = clock.monotonicMs();
    const before = this.#troubles.get(host);
    if (before !== undefined && nowMs < before.untilMs) return;
    const failures = before?.failures ?? 0;
    if (this.#troubles.size >= MAX_IMAGES) this.#troubles.clear();
    const untilMs = nowMs + computeBackoffMs(HOST_PAUSE, failures, random);
    this.#troubles.set(host, { failures: failures + 1, untilMs, error });
  }

  #unknownBecause({ reason, message }: RegistryError): ImageFacts {
    return this.#unknown(REASON_WORDS[reason], message);
  }

  #unknown(reason: string, message: string): ImageFacts {
    return { type: 'unknown', reason, message, askedAtMs: this.#options.clock.monotonicMs() };
  }

  async #limited<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= MAX_PARALLEL) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

function digestKey({ domain, path }: ImageReference, digest: string): string {
  return `${domain}/${path}@${digest}`;
}

function replaceVariant(description: ImageDescription, complete: ImageVariant): ImageDescription {
  const variants = description.variants.map((variant) =>
    variant.manifestDigest === complete.manifestDigest ? complete : variant,
  );
  return { ...description, variants };
}
