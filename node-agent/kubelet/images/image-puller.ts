/**
 * Gets one image onto this node, by the master's plan: from a node that has it, from the registry, or by waiting for the node
 * that fetches it. Without a master, or with a plan that does not work out, the registry is asked, and what other nodes
 * have is the last resort.
 */
import type { ImagePlan } from '../../../shared/api/image-pull.ts';
import { canonicalImage, parseImageReference } from '../../../shared/machinery/image-reference.ts';
import type { PullCredentials } from '../../../shared/machinery/pull-credentials.ts';
import { formatBytes } from '../../../shared/machinery/quantity.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import { type ContainerRuntime, type ImageRecord, RuntimeError } from '../../container-runtime/runtime.ts';
import type { ImageCopier } from './image-copier.ts';
import { explainPullFailure, PullFailure, type RegistryReach } from './pull-failure.ts';
import type { AskedPull, PullPlans } from './pull-plans.ts';

export interface ImagePullerOptions {
  runtime: ContainerRuntime;
  logger: Logger;
  /** undefined: nobody plans. */
  plans?: PullPlans | undefined;
  /** undefined: nothing is copied from other nodes. */
  copier?: ImageCopier | undefined;
  /** Free room where the engine keeps its images; undefined: unknown. */
  freeBytes?(): Promise<number | undefined>;
  /** Whether this node reaches a registry. */
  probeRegistry?(host: string): Promise<RegistryReach>;
}

export interface PullJob {
  reference: string;
  /** What the name means now is wanted, not what it meant once. */
  always: boolean;
  /** The pod has run with this image before: without its registry it runs on with what is here. */
  hasRun: boolean;
  credentials: readonly PullCredentials[];
  /** Lets through as many transfers as the node can bear at a time. */
  limit<T>(work: () => Promise<T>): Promise<T>;
  onTransfer(doneBytes: number, totalBytes: number, from: string): void;
  signal: AbortSignal;
}

export interface PulledImage {
  image: ImageRecord;
  /** `registry`, the name of a node, `local`: it was here; `stale`: it was here, and its registry does not answer. */
  source: string;
}

/** Plans that did not work out, before the registry is asked without one. */
const MAX_PLANS = 6;

/** Packed and unpacked layers, and what the engine needs meanwhile, beside the compressed size. */
const ROOM_FACTOR = 3;

export class ImagePuller {
  readonly #options: ImagePullerOptions;

  constructor(options: ImagePullerOptions) {
    this.#options = options;
  }

  /** Rejects with PullFailure, or with RuntimeError `unavailable`. */
  async pull(job: PullJob): Promise<PulledImage> {
    const asked = this.#options.plans?.ask(job.reference, job.always);
    try {
      const pulled = await this.#follow(job, asked);
      const source = pulled.source === 'stale' ? 'local' : pulled.source;
      asked?.over({ phase: 'Succeeded', source, imageID: pulled.image.id });
      return pulled;
    } catch (error) {
      asked?.over({ phase: 'Failed', message: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  async #follow(job: PullJob, asked: AskedPull | undefined): Promise<PulledImage> {
    for (let turn = 0; turn < MAX_PLANS && asked !== undefined; turn += 1) {
      const plan = await asked.plan();
      job.signal.throwIfAborted();
      const here = await this.#findHere(job, plan);
      if (here !== undefined) return { image: here, source: 'local' };
      if (plan === undefined) return this.#pullAlone(job);
      checkPlatform(plan);
      if (plan.source === 'Registry') return this.#pullAsPlanned(job, plan, asked);
      const copied = await this.#copy(job, plan, asked);
      if (copied !== undefined) return copied;
    }
    return this.#pullAlone(job);
  }

  /** It may be here by now: somebody else brought it, or it is still what the name means. */
  async #findHere({ reference, always }: PullJob, plan: ImagePlan | undefined): Promise<ImageRecord | undefined> {
    const here = await this.#options.runtime.imageStatus(reference);
    if (here === undefined || !always) return here;
    const { digest, imageID } = plan ?? {};
    const isSame = digest !== undefined && here.digests.some((name) => name.endsWith(`@${digest}`));
    return isSame || (imageID !== undefined && here.id === imageID) ? here : undefined;
  }

  async #copy(job: PullJob, plan: ImagePlan, asked: AskedPull): Promise<PulledImage | undefined> {
    const { copier } = this.#options;
    const peers = plan.peers ?? [];
    const names = peers.map(({ nodeName }) => nodeName);
    if (copier === undefined) {
      await asked.again(names);
      return undefined;
    }
    const result = await job.limit(async () => {
      asked.tell({ phase: 'Pulling', ...(names[0] === undefined ? {} : { source: names[0] }) });
      return copier.copy({
        ...{ reference: job.reference, digest: plan.digest, imageId: plan.imageID, peers, signal: job.signal },
        onTransfer: (done, total, from) => reportTransfer(job, asked, { done, total, from }),
      });
    });
    if (result.type === 'copied') return { image: result.image, source: result.from };
    this.#options.logger.info('an image could not be copied from other nodes', {
      image: job.reference,
      why: result.why,
    });
    await asked.again(names);
    return undefined;
  }

  async #pullAsPlanned(job: PullJob, plan: ImagePlan, asked: AskedPull): Promise<PulledImage> {
    await this.#checkRoom(job, plan);
    try {
      return await this.#pullFromRegistry(job, asked);
    } catch (error) {
      return this.#makeDo(job, plan, error);
    }
  }

  async #pullAlone(job: PullJob): Promise<PulledImage> {
    try {
      return await this.#pullFromRegistry(job, undefined);
    } catch (error) {
      const copied = await this.#copyFromKnown(job);
      return copied ?? this.#makeDo(job, undefined, error);
    }
  }

  /** The registry is away and nobody plans: perhaps one of the nodes that were named before has it. */
  async #copyFromKnown(job: PullJob): Promise<PulledImage | undefined> {
    const { copier, plans } = this.#options;
    const peers = plans?.knownPeers ?? [];
    if (copier === undefined || peers.length === 0 || job.always || job.signal.aborted) return undefined;
    const digest = parseImageReference(job.reference)?.digest;
    const result = await job.limit(() =>
      copier.copy({
        ...{ reference: job.reference, digest, imageId: undefined, peers, signal: job.signal },
        onTransfer: job.onTransfer,
      }),
    );
    return result.type === 'copied' ? { image: result.image, source: result.from } : undefined;
  }

  async #pullFromRegistry(job: PullJob, asked: AskedPull | undefined): Promise<PulledImage> {
    const image = await job.limit(() => {
      asked?.tell({ phase: 'Pulling', source: 'registry' });
      return this.#pullAs(job, asked, job.credentials);
    });
    return { image, source: 'registry' };
  }

  /** The last refusal is the one that is told. */
  async #pullAs(
    job: PullJob,
    asked: AskedPull | undefined,
    [first, ...rest]: readonly PullCredentials[],
  ): Promise<ImageRecord> {
    const { runtime, logger } = this.#options;
    const { reference, signal } = job;
    const auth = first && { ...first, serverAddress: parseImageReference(reference)?.domain ?? '' };
    try {
      return await runtime.pullImage(reference, {
        ...{ auth, signal },
        onProgress: (message) => logger.debug('pull', { reference, message }),
        onTransfer: (done, total) => reportTransfer(job, asked, { done, total, from: 'registry' }),
      });
    } catch (error) {
      const isRefused = error instanceof RuntimeError && error.reason === 'pull-failed';
      if (!isRefused || rest.length === 0 || signal.aborted) throw error;
      return this.#pullAs(job, asked, rest);
    }
  }

  /** A pod that has run goes on with what is here when its registry cannot be asked. Otherwise the failure is explained. */
  async #makeDo(job: PullJob, plan: ImagePlan | undefined, error: unknown): Promise<PulledImage> {
    const { runtime, freeBytes, probeRegistry } = this.#options;
    const isEngineAway = !(error instanceof RuntimeError) || error.reason === 'unavailable';
    if (isEngineAway || job.signal.aborted) throw error;
    const host = parseImageReference(job.reference)?.domain ?? '';
    const reach = await probeRegistry?.(host).catch(() => undefined);
    const here = job.always && job.hasRun && reach !== 'reached' ? await runtime.imageStatus(job.reference) : undefined;
    if (here !== undefined && reach !== undefined) return { image: here, source: 'stale' };
    const free = await freeBytes?.();
    const circumstances = { host, engineMessage: error.message, plan, reach, freeBytes: free };
    throw new PullFailure(explainPullFailure(circumstances));
  }

  /** A card that is too small is not filled first. */
  async #checkRoom({ reference }: PullJob, { sizeBytes }: ImagePlan): Promise<void> {
    const free = sizeBytes === undefined ? undefined : await this.#options.freeBytes?.();
    if (sizeBytes === undefined || free === undefined || free >= sizeBytes * ROOM_FACTOR) return;
    const needed = formatBytes(sizeBytes * ROOM_FACTOR);
    throw new PullFailure(
      `the disk of this node is full: ${canonicalImage(reference)} needs some ${needed}, ${formatBytes(free)} are free`,
    );
  }
}

function checkPlatform({ reason, message = '' }: ImagePlan): void {
  if (reason === 'PlatformMissing') throw new PullFailure(message);
}

function reportTransfer(
  job: PullJob,
  asked: AskedPull | undefined,
  { done, total, from }: { done: number; total: number; from: string },
): void {
  asked?.tell({ transferredBytes: done, totalBytes: total });
  job.onTransfer(done, total, from);
}
