/**
 * Keeps the disk from filling with what nobody needs: volumes of pods that have ended at once, unused images when room grows
 * short, and under pressure the containers of ended pods with their logs as well.
 */
import { join } from 'node:path';
import type { Pod } from '../../../shared/api/pod.ts';
import type { EventRecorder, EventSubject } from '../../../shared/client/event-recorder.ts';
import { formatBytes } from '../../../shared/machinery/quantity.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { ContainerRecord, ContainerRuntime } from '../../container-runtime/runtime.ts';
import type { Observation, Signal } from '../eviction/signals.ts';
import type { Threshold } from '../eviction/thresholds.ts';
import { type PodPaths, podDirectory, podMemoryDirectory } from '../paths.ts';
import type { ObservedPod } from '../pod/observed-pod.ts';
import { containersOf } from '../pod/pod-containers.ts';
import { isTerminalPhase } from '../pod/pod-view.ts';
import type { HostFiles } from '../volumes/host-files.ts';
import { ImageCollector } from './image-collector.ts';
import type { ImageLedger } from './image-ledger.ts';

export interface DiskKeeperOptions {
  runtime: ContainerRuntime;
  files: HostFiles;
  paths: PodPaths;
  ledger: ImageLedger;
  recorder: EventRecorder;
  nodeSubject(): EventSubject | undefined;
  /** All pods that are assigned here. */
  pods(): readonly Pod[];
  observed(): ReadonlyMap<string, ObservedPod>;
  /** The runtime's records of the pod have changed. */
  onRemoved(uid: string): void;
  measureDisks(): Promise<ReadonlyMap<Signal, Observation>>;
  threshold(): Threshold | undefined;
  clock: Clock;
  logger: Logger;
}

/** Images go when there is less room than so many times what would be pressure, until there is so many times. */
const IMAGE_COLLECTION_BEGINS = 2;
const IMAGE_COLLECTION_ENDS = 3;

/** Far more than containers are made between two looks. */
const MAX_NOTED = 256;

/** Where nothing can be removed, nothing is gained by looking more often. */
const COLLECTION_PAUSE_MS = 5 * 60_000;

export class DiskKeeper implements Component {
  readonly #options: DiskKeeperOptions;
  readonly #images: ImageCollector;
  /** Ended pods whose volumes are gone. */
  readonly #emptied = new Set<string>();
  /** References that containers were made of since the last look: the pod may be gone by then. */
  readonly #used = new Set<string>();
  #collectedMs: number | undefined;
  #work: Promise<void> | undefined;

  constructor(options: DiskKeeperOptions) {
    this.#options = options;
    this.#images = new ImageCollector({
      ...options,
      assigned: () =>
        this.#alive().flatMap(({ spec }) => containersOf(spec).map(({ container }) => container.image ?? '')),
      inUse: () => this.#imagesInUse(),
    });
  }

  async start(): Promise<void> {
    await this.#options.ledger.load();
  }

  async stop(): Promise<void> {
    await this.#work;
    await this.#options.ledger.settled();
  }

  /** Looks whether there is something to do; returns at once. Call with each reading. */
  sync(imageDisk: Observation | undefined): void {
    this.#options.ledger.use(this.#imagesInUse());
    if (this.#work !== undefined) return;
    this.#work = this.#keep(imageDisk)
      .catch((error) => this.#options.logger.warn('the disk could not be tidied', { error }))
      .finally(() => {
        this.#work = undefined;
      });
  }

  /** A container is made of the image. */
  noteUse(reference: string): void {
    if (this.#used.size < MAX_NOTED) this.#used.add(reference);
  }

  /** Everything that nobody needs, step by step until it is enough. */
  async reclaim(isEnough: () => Promise<boolean>): Promise<void> {
    await this.#emptyEndedPods();
    for (const { record } of this.#endedContainers()) {
      if (await isEnough()) return;
      await this.#options.runtime.removeContainer(record.id);
      this.#options.onRemoved(record.pod.uid);
    }
    await this.#images.collect(isEnough);
  }

  /** All images that pods have used and that none has now. */
  async removeUnusedImages(): Promise<void> {
    await this.#learnUsed();
    await this.#images.collect(async () => false);
  }

  async #keep(imageDisk: Observation | undefined): Promise<void> {
    await this.#learnUsed();
    await this.#emptyEndedPods();
    if (imageDisk !== undefined && this.#isCollectionDue(imageDisk)) await this.#collectImages(imageDisk);
  }

  async #learnUsed(): Promise<void> {
    const { runtime, ledger } = this.#options;
    for (const reference of [...this.#used]) {
      const image = await runtime.imageStatus(reference);
      this.#used.delete(reference);
      if (image !== undefined) ledger.use([image.id]);
    }
  }

  #isCollectionDue({ available }: Observation): boolean {
    const { threshold, clock } = this.#options;
    if (available >= (threshold()?.minimum ?? 0) * IMAGE_COLLECTION_BEGINS) return false;
    return this.#collectedMs === undefined || clock.monotonicMs() - this.#collectedMs >= COLLECTION_PAUSE_MS;
  }

  async #collectImages({ available }: Observation): Promise<void> {
    const { clock, measureDisks, threshold, recorder, nodeSubject } = this.#options;
    this.#collectedMs = clock.monotonicMs();
    const wanted = (threshold()?.minimum ?? 0) * IMAGE_COLLECTION_ENDS;
    const roomNow = async (): Promise<number> => (await measureDisks()).get('imagefs.available')?.available ?? wanted;
    const removed = await this.#images.collect(async () => (await roomNow()) >= wanted);
    const room = await roomNow();
    const subject = nodeSubject();
    if (subject === undefined) return;
    if (room >= wanted) {
      const message = `Removed ${removed.length} unused images; ${formatBytes(room)} are free`;
      recorder.event(subject, 'Normal', 'ImageGarbageCollected', message);
      return;
    }
    const freed = Math.max(0, room - available);
    const message = `Failed to garbage collect required amount of images. Attempted to free ${wanted - available} bytes, but only found ${freed} bytes eligible to free.`;
    recorder.event(subject, 'Warning', 'FreeDiskSpaceFailed', message);
  }

  /** An ended pod keeps its logs, as Kubernetes has it, not its volumes. */
  async #emptyEndedPods(): Promise<void> {
    const { files, paths } = this.#options;
    const ended = this.#ended();
    const uids = new Set(ended.map(({ metadata }) => metadata.uid));
    for (const uid of [...this.#emptied]) if (!uids.has(uid)) this.#emptied.delete(uid);
    for (const uid of uids) {
      if (this.#emptied.has(uid) || this.#isRunning(uid)) continue;
      // Parts of volumes are mounted from the volumes themselves.
      for (const part of ['volume-subpaths', 'volumes']) await files.removeTree(join(podDirectory(paths, uid), part));
      if (paths.memory !== undefined) await files.removeTree(podMemoryDirectory(paths, uid));
      this.#emptied.add(uid);
    }
  }

  /** Of pods that have ended, the longest over first. */
  #endedContainers(): { record: ContainerRecord; endedMs: number }[] {
    const observed = this.#options.observed();
    const records = this.#ended().flatMap(({ metadata }) => observed.get(metadata.uid)?.containers ?? []);
    const over = records.filter(({ state }) => state === 'exited');
    return over
      .map((record) => ({ record, endedMs: record.exit?.finishedAtMs ?? 0 }))
      .sort((a, b) => a.endedMs - b.endedMs || (a.record.id < b.record.id ? -1 : 1));
  }

  #imagesInUse(): Set<string> {
    const all = [...this.#options.observed().values()];
    return new Set(all.flatMap(({ containers }) => containers.map(({ imageId }) => imageId)));
  }

  #isRunning(uid: string): boolean {
    return (
      this.#options
        .observed()
        .get(uid)
        ?.containers.some(({ state }) => state === 'running') ?? false
    );
  }

  #ended(): Pod[] {
    return this.#options.pods().filter(({ status }) => isTerminalPhase(status.phase));
  }

  #alive(): Pod[] {
    return this.#options.pods().filter(({ status }) => !isTerminalPhase(status.phase));
  }
}
