/**
 * emptyDir volumes on the disk that must not grow beyond a size: measured now and then while their pod runs, and the pod is
 * ended when one does. Memory needs no watch, the kernel keeps its size. Source: Kubernetes, pkg/kubelet/eviction,
 * emptyDirLimitEviction.
 */
import type { Pod } from '../../../shared/api/pod.ts';
import { quantityToBytes } from '../../../shared/machinery/quantity.ts';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import { type PodPaths, podDirectory, volumeDirectory } from '../paths.ts';
import { isEmpty, type ObservedPod } from '../pod/observed-pod.ts';
import { type ContainerGrant, NOTHING_GRANTED, type PodEnding, type PodGate } from '../pod/pod-gate.ts';
import { isTerminalPhase } from '../pod/pod-view.ts';
import type { PodEvents } from '../pod-events.ts';
import type { HostFiles } from './host-files.ts';

export interface SizeLimitsOptions {
  files: HostFiles;
  paths: PodPaths;
  clock: Clock;
  logger: Logger;
  events: PodEvents;
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

  constructor(options: SizeLimitsOptions) {
    this.#options = options;
  }

  ending(pod: Pod, observed: ObservedPod): PodEnding | undefined {
    const { uid, deletionTimestamp } = pod.metadata;
    const isOver = deletionTimestamp !== undefined || isTerminalPhase(pod.status.phase) || isEmpty(observed);
    if (isOver) this.#leave(uid);
    else if (limitsOf(pod).size > 0) this.#watch(pod);
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
      for (const [name, limit] of limitsOf(pod)) await this.#compare(pod, name, limit);
    } catch (error) {
      logger.warn('a volume could not be measured', { pod: pod.metadata.name, error });
    }
    const tookMs = clock.monotonicMs() - startMs;
    const isWatched = this.#watched.has(uid) && !this.#endings.has(uid);
    if (isWatched) this.#schedule(pod, Math.max(PERIOD_MS, tookMs / MAX_TIME_SHARE));
  }

  async #compare(pod: Pod, name: string, limit: string): Promise<void> {
    const { files, paths, events, onExceeded } = this.#options;
    const { uid } = pod.metadata;
    const bytes = await files.usedBytes(volumeDirectory(podDirectory(paths, uid), 'empty-dir', name));
    if (bytes === undefined || bytes <= quantityToBytes(limit) || this.#endings.has(uid)) return;
    const message = `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
    events.pod(pod, 'Warning', 'Evicted', message);
    this.#endings.set(uid, { reason: 'Evicted', message, graceSeconds: GRACE_SECONDS, isDisruption: false });
    onExceeded(uid);
  }
}

/** Limits by volume name. */
function limitsOf({ spec }: Pod): ReadonlyMap<string, string> {
  const limited = (spec.volumes ?? []).filter(({ emptyDir }) => emptyDir?.sizeLimit && emptyDir.medium !== 'Memory');
  return new Map(limited.map(({ name, emptyDir }) => [name, emptyDir?.sizeLimit ?? '']));
}
