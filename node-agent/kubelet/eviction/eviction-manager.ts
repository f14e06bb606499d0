/**
 * Keeps the node from running out of memory, disk and processes: frees what nobody needs, then ends one pod at a time, and looks
 * what that has brought before it ends the next. Fed with each reading of the sensors; one round at a time.
 */
import { PodRef } from '../../../shared/api/kind-refs.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { type EventRecorder, type EventSubject, subjectOf } from '../../../shared/client/event-recorder.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { PodUsage } from '../../sensors/dead-band.ts';
import type { PodEndings } from '../admission/pod-endings.ts';
import type { HealthTracker } from '../node/health-tracker.ts';
import { isTerminalPhase } from '../pod/pod-view.ts';
import { computeConsumption, type PodDiskUsage, type Usages } from './consumption.ts';
import { RESOURCE_OF, renderEvictionMessage } from './messages.ts';
import { readSignal } from './pressure.ts';
import { type PodConsumption, rankForEviction } from './ranking.ts';
import { isOneDisk, type Observation, type Signal } from './signals.ts';

export interface EvictionManagerOptions {
  health: HealthTracker;
  endings: PodEndings;
  recorder: EventRecorder;
  /** The Node, for events about it. */
  nodeSubject(): EventSubject | undefined;
  /** All pods that are assigned here. */
  pods(): readonly Pod[];
  isRunning(uid: string): boolean;
  /** Rejects or is empty while the engine does not answer. */
  usage(): Promise<PodUsage[]>;
  diskUsage(pods: readonly Pod[]): Promise<ReadonlyMap<string, PodDiskUsage>>;
  /** Frees disk that nobody needs, until `isEnough`. */
  reclaimDisk(isEnough: () => Promise<boolean>): Promise<void>;
  /** The file systems as they are now. */
  measureDisks(): Promise<ReadonlyMap<Signal, Observation>>;
  /** The pod has been given an ending. */
  onEnding(uid: string): void;
  clock: Clock;
  logger: Logger;
}

/** As Kubernetes does when a hard threshold is crossed: there is no time for a long farewell. */
const EVICTION_GRACE_SECONDS = 1;

/** An evicted pod that takes longer to end is not waited for. */
const MAX_FAREWELL_MS = 30_000;

export class EvictionManager {
  readonly #options: EvictionManagerOptions;
  #round: Promise<void> | undefined;
  #leaving: { uid: string; sinceMs: number } | undefined;

  constructor(options: EvictionManagerOptions) {
    this.#options = options;
  }

  /** Returns at once; a round under way is let finish. Call after the tracker has seen the reading. */
  sync(): void {
    if (this.#round !== undefined || this.#isWaitingForFarewell()) return;
    const [signal] = this.#options.health.met;
    if (signal === undefined) return;
    this.#round = this.#relieve(signal)
      .catch((error) => this.#options.logger.warn('the node could not be relieved', { signal, error }))
      .finally(() => {
        this.#round = undefined;
      });
  }

  async stop(): Promise<void> {
    await this.#round;
  }

  /** What the last eviction brings shows only when its pod has ended. */
  #isWaitingForFarewell(): boolean {
    const { clock, isRunning } = this.#options;
    if (this.#leaving === undefined) return false;
    const { uid, sinceMs } = this.#leaving;
    const isOver = !isRunning(uid) || clock.monotonicMs() - sinceMs > MAX_FAREWELL_MS;
    if (isOver) this.#leaving = undefined;
    return !isOver;
  }

  async #relieve(signal: Signal): Promise<void> {
    const { logger, health, recorder, nodeSubject } = this.#options;
    const resource = RESOURCE_OF[signal];
    logger.warn('the node runs out of something', { signal, available: health.observations.get(signal)?.available });
    const subject = nodeSubject();
    if (subject) recorder.event(subject, 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (resource === 'ephemeral-storage' && (await this.#reclaimDisk(signal))) return;
    const candidates = this.#candidates();
    if (candidates.length === 0) {
      logger.warn('there is no pod that could be evicted', { signal });
      return;
    }
    const usages = await this.#measure(signal, candidates);
    const [first] = rankForEviction(candidates.map((pod) => computeConsumption(pod, signal, usages)));
    if (first !== undefined && first.used > 0) this.#evict(signal, first);
  }

  /** Whether that was enough. */
  async #reclaimDisk(signal: Signal): Promise<boolean> {
    const { reclaimDisk, measureDisks, health } = this.#options;
    const isEnough = async (): Promise<boolean> => {
      const [seen, threshold] = [(await measureDisks()).get(signal), health.thresholds.get(signal)];
      return seen !== undefined && threshold !== undefined && readSignal(seen.available, threshold) === 'good';
    };
    await reclaimDisk(isEnough);
    return isEnough();
  }

  /** Pods that would run on. */
  #candidates(): Pod[] {
    const { pods, endings, isRunning } = this.#options;
    return pods().filter(
      ({ metadata: { uid, deletionTimestamp }, status }) =>
        deletionTimestamp === undefined && !isTerminalPhase(status.phase) && !endings.has(uid) && isRunning(uid),
    );
  }

  async #measure(signal: Signal, pods: readonly Pod[]): Promise<Usages> {
    const { usage, diskUsage, health } = this.#options;
    const isDisk = RESOURCE_OF[signal] === 'ephemeral-storage';
    const used = isDisk ? [] : await usage();
    return {
      pods: new Map(used.map((item) => [item.uid, item])),
      disks: isDisk ? await diskUsage(pods) : new Map(),
      isOneDisk: isOneDisk(health.observations),
    };
  }

  #evict(signal: Signal, consumption: PodConsumption): void {
    const { endings, recorder, health, clock, onEnding, logger } = this.#options;
    const { pod } = consumption;
    const { uid } = pod.metadata;
    const available = health.observations.get(signal)?.available ?? 0;
    const minimum = health.thresholds.get(signal)?.minimum ?? 0;
    const message = renderEvictionMessage({ signal, available, minimum }, consumption);
    logger.warn('a pod is evicted', { pod: pod.metadata.name, signal });
    recorder.event(subjectOf(PodRef, pod), 'Warning', 'Evicted', message);
    endings.set(uid, { reason: 'Evicted', message, graceSeconds: EVICTION_GRACE_SECONDS, isDisruption: true });
    this.#leaving = { uid, sinceMs: clock.monotonicMs() };
    onEnding(uid);
  }
}
