/**
 * What pods have on the node's disk is measured now and then while they run and have a limit, and a pod is ended when it has
 * more. Memory needs no watch, the kernel keeps its size.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { ContainerRuntime } from '../../container-runtime/runtime.ts';
import { type PodPaths, podDirectory, volumeDirectory } from '../paths.ts';
import { isEmpty, type ObservedPod } from '../pod/observed-pod.ts';
import { type ContainerGrant, NOTHING_GRANTED, type PodEnding, type PodGate } from '../pod/pod-gate.ts';
import { isTerminalPhase } from '../pod/pod-view.ts';
import type { PodEvents } from '../pod-events.ts';
import type { HostFiles } from './host-files.ts';
import { emptyDirsOf, findExcess, type LocalLimits, type LocalUsage, localLimitsOf } from './local-limits.ts';

export interface SizeLimitsOptions {
  /** Where it knows what containers wrote, their limits are looked after. */
  runtime: Pick<ContainerRuntime, 'writtenBytes'>;
  files: HostFiles;
  paths: PodPaths;
  clock: Clock;
  logger: Logger;
  events: PodEvents;
  /** What the runtime has of a pod. */
  observed(uid: string): ObservedPod;
  /** The pod is to be ended: look at it again. */
  onExceeded(uid: string): void;
}

/** How often a volume is measured, unless this takes long. */
const PERIOD_MS = 15_000;
/** A card that is slow to walk over is walked over more rarely: at most this share of the time. */
const MAX_TIME_SHARE = 0.01;

const GRACE_SECONDS = 1;

interface Watched {
  pod: Pod;
  timer: Timer;
}

export class SizeLimits implements PodGate {
  readonly #options: SizeLimitsOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #endings = new Map<string, PodEnding>();
  #measured: { atMs: number; layers: ReadonlyMap<string, number> } | undefined;

  constructor(options: SizeLimitsOptions) {
    this.#options = options;
  }

  ending(pod: Pod, observed: ObservedPod): PodEnding | undefined {
    const { uid, deletionTimestamp } = pod.metadata;
    const isOver = deletionTimestamp !== undefined || isTerminalPhase(pod.status.phase) || isEmpty(observed);
    if (isOver) this.#leave(uid);
    else if (hasLimits(localLimitsOf(pod))) this.#watch(pod);
    return this.#endings.get(uid);
  }

  grant(): ContainerGrant {
    return NOTHING_GRANTED;
  }

  forget(uid: string): void {
    this.#leave(uid);
    this.#endings.delete(uid);
  }

  stop(): void {
    for (const uid of [...this.#watched.keys()]) this.#leave(uid);
  }

  #leave(uid: string): void {
    this.#watched.get(uid)?.timer.cancel();
    this.#watched.delete(uid);
  }

  #watch(pod: Pod): void {
    if (!this.#watched.has(pod.metadata.uid)) this.#schedule(pod, PERIOD_MS);
  }

  #schedule(pod: Pod, delayMs: number): void {
    const timer = this.#options.clock.after(delayMs, () => void this.#measure(pod));
    this.#watched.set(pod.metadata.uid, { pod, timer });
  }

  async #measure(pod: Pod): Promise<void> {
    const { clock, logger } = this.#options;
    const { uid } = pod.metadata;
    const startMs = clock.monotonicMs();
    try {
      await this.#compare(pod);
    } catch (error) {
      logger.warn('a volume could not be measured', { pod: pod.metadata.name, error });
    }
    const tookMs = clock.monotonicMs() - startMs;
    const isWatched = this.#watched.has(uid) && !this.#endings.has(uid);
    if (isWatched) this.#schedule(pod, Math.max(PERIOD_MS, tookMs / MAX_TIME_SHARE));
  }

  async #compare(pod: Pod): Promise<void> {
    const { events, onExceeded } = this.#options;
    const { uid } = pod.metadata;
    const limits = localLimitsOf(pod);
    const message = findExcess(limits, await this.#usage(pod, limits));
    if (message === undefined || this.#endings.has(uid)) return;
    events.pod(pod, 'Warning', 'Evicted', message);
    this.#endings.set(uid, { reason: 'Evicted', message, graceSeconds: GRACE_SECONDS, isDisruption: false });
    onExceeded(uid);
  }

  /** Only what a limit is about is looked at: each look walks over files. */
  async #usage({ metadata, spec }: Pod, limits: LocalLimits): Promise<LocalUsage> {
    const { files, paths } = this.#options;
    const boundsAll = limits.containers.size > 0;
    const volumes = new Map<string, number>();
    for (const { name } of emptyDirsOf(spec.volumes)) {
      if (!boundsAll && !limits.volumes.has(name)) continue;
      const bytes = await files.usedBytes(volumeDirectory(podDirectory(paths, metadata.uid), 'empty-dir', name));
      if (bytes !== undefined) volumes.set(name, bytes);
    }
    return { volumes, containers: boundsAll ? await this.#written(metadata.uid) : new Map() };
  }

  async #written(uid: string): Promise<ReadonlyMap<string, number>> {
    const layers = await this.#layers();
    const runs = Map.groupBy(this.#options.observed(uid).containers, ({ name }) => name);
    return new Map(
      [...runs].map(([name, records]) => [name, records.reduce((sum, { id }) => sum + (layers.get(id) ?? 0), 0)]),
    );
  }

  /** One answer for all pods of a round: the engine walks over all containers for it. */
  async #layers(): Promise<ReadonlyMap<string, number>> {
    const { clock, runtime } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#measured === undefined || nowMs - this.#measured.atMs >= PERIOD_MS) {
      this.#measured = { atMs: nowMs, layers: (await runtime.writtenBytes?.()) ?? new Map() };
    }
    return this.#measured.layers;
  }
}

function hasLimits({ volumes, containers }: LocalLimits): boolean {
  return volumes.size + containers.size > 0;
}
