/**
 * Everything that guards the node against its pods and its own hardware: health and pressures, evictions, garbage, devices and
 * admission. Composition only; fed with each reading of the sensors.
 */
import { NodeRef } from '../../shared/api/kind-refs.ts';
import type { Pod } from '../../shared/api/pod.ts';
import { type EventRecorder, type EventSubject, subjectOf } from '../../shared/client/event-recorder.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { ContainerRuntime } from '../container-runtime/runtime.ts';
import type { PodUsage } from '../sensors/dead-band.ts';
import type { Sample, Sensors } from '../sensors/sensors.ts';
import { NodeGate } from './admission/node-gate.ts';
import { PodEndings } from './admission/pod-endings.ts';
import type { DeviceSource } from './devices/device.ts';
import { DeviceManager } from './devices/device-manager.ts';
import type { DeviceFacts } from './devices/render-devices.ts';
import type { PodDiskUsage } from './eviction/consumption.ts';
import { measurePodDisks } from './eviction/disk-usage.ts';
import { EvictionManager } from './eviction/eviction-manager.ts';
import type { PressureType } from './eviction/pressure.ts';
import { type Observation, observeDisks, type Signal } from './eviction/signals.ts';
import { DEFAULT_EVICTION_SETTINGS, type EvictionSettings } from './eviction/thresholds.ts';
import { BootMarker } from './gc/boot-marker.ts';
import { CrashHints } from './gc/crash-hints.ts';
import { DiskKeeper } from './gc/disk-keeper.ts';
import { ImageDoctor } from './gc/image-doctor.ts';
import { ImageLedger } from './gc/image-ledger.ts';
import { createMemoryFile, type SmallFile } from './gc/small-file.ts';
import type { Kubelet } from './kubelet.ts';
import { type Health, HealthTracker } from './node/health-tracker.ts';
import type { NodeReporter } from './node/node-reporter.ts';
import type { PodPaths } from './paths.ts';
import { combineGates } from './pod/combined-gate.ts';
import type { PodGate } from './pod/pod-gate.ts';
import { NodeShutdown } from './shutdown/node-shutdown.ts';
import type { ShutdownSettings } from './shutdown/shutdown-phases.ts';
import type { HostFiles } from './volumes/host-files.ts';

export interface NodeGuardSettings {
  /** Absent: the node has no devices. */
  devices?: DeviceSource;
  eviction?: EvictionSettings;
  /** How long a pressure is shown after its last bad reading. */
  pressureTransitionMs?: number;
  /** Where it is written down which images pods have used, and that an agent runs; absent: in memory. */
  imageLedger?: SmallFile;
  bootMarker?: SmallFile;
  /** What pods get when the board is switched off. */
  shutdown?: ShutdownSettings;
}

export interface NodeGuardOptions extends NodeGuardSettings {
  runtime: ContainerRuntime;
  sensors: Sensors;
  files: HostFiles;
  paths: PodPaths;
  recorder: EventRecorder;
  usage(): Promise<PodUsage[]>;
  kubelet(): Kubelet;
  reporter(): NodeReporter;
  clock: Clock;
  logger: Logger;
}

const PRESSURES: readonly PressureType[] = ['MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** The master's answer to a node that says that it is not ready. */
const NOT_READY_TAINT = 'node.kubernetes.io/not-ready';

const NO_DEVICE_SOURCE: DeviceSource = {
  scan: () => [],
  find: () => undefined,
  names: () => new Map(),
  watch: () => () => undefined,
};

export class NodeGuard implements Component {
  readonly gate: PodGate;
  /** The runtime as the kubelet should use it. */
  readonly runtime: ContainerRuntime;
  readonly shutdown: NodeShutdown;
  readonly #options: NodeGuardOptions;
  readonly #health: HealthTracker;
  readonly #devices: DeviceManager;
  readonly #evictions: EvictionManager;
  readonly #disks: DiskKeeper;
  readonly #marker: BootMarker;
  readonly #hints: CrashHints;
  #hinting: Promise<void> | undefined;

  constructor(options: NodeGuardOptions) {
    this.#options = options;
    const { runtime, recorder, clock, logger } = options;
    const { eviction: settings = DEFAULT_EVICTION_SETTINGS, pressureTransitionMs: transitionMs } = options;
    this.#health = new HealthTracker({ clock, settings, ...(transitionMs === undefined ? {} : { transitionMs }) });
    this.#marker = new BootMarker(options.bootMarker ?? createMemoryFile(), logger);
    const endings = new PodEndings();
    this.#devices = this.#createDevices();
    this.#disks = this.#createDisks();
    const doctor = new ImageDoctor({
      ...{ runtime, recorder, logger, wasUnclean: () => this.#marker.isUnclean },
      onUse: (reference) => this.#disks.noteUse(reference),
      removeUnused: () => this.#disks.removeUnusedImages(),
    });
    this.runtime = doctor.attend();
    this.#evictions = this.#createEvictions(endings);
    this.shutdown = this.#createShutdown();
    this.gate = combineGates([this.shutdown, this.#createGate(endings)]);
    const pageSizeBytes = (): number => options.reporter().inventory?.pageSizeBytes ?? 0;
    this.#hints = new CrashHints({
      ...{ runtime, recorder, pageSizeBytes },
      onNoProgram: (record, log) => doctor.examineRun(record, log),
    });
  }

  /** Before the kubelet: the devices are known when it asks. */
  async start(): Promise<void> {
    const { bootId } = await this.#options.sensors.inventory();
    await this.#marker.begin(bootId);
    await startAll([this.#devices, this.#disks]);
  }

  async stop(): Promise<void> {
    await this.#evictions.stop();
    await this.#hinting;
    await stopAll([this.#devices, this.#disks]);
    await this.#marker.end();
  }

  get health(): Health {
    return this.#health.health;
  }

  get devices(): DeviceFacts {
    return this.#devices.facts;
  }

  setAnnotations(annotations: Readonly<Record<string, string>>): void {
    this.#devices.setAnnotations(annotations);
  }

  /** A reading of the sensors; returns at once. */
  observe(sample: Sample): void {
    const { reporter, kubelet } = this.#options;
    const { inventory } = reporter();
    if (inventory === undefined) return;
    reporter().setSample(sample, this.#health.observe(sample, inventory));
    const { state, pods } = kubelet();
    // Before both are known, everything would look unused.
    if (!state.hasListed || !pods.hasSynced || state.problem !== undefined) return;
    this.#evictions.sync();
    this.#disks.sync(this.#health.observations.get('imagefs.available'));
    this.#hinting ??= this.#hint().finally(() => {
      this.#hinting = undefined;
    });
  }

  async #hint(): Promise<void> {
    for (const observed of this.#options.kubelet().state.all().values()) {
      await this.#hints.look(observed).catch((error) => this.#options.logger.debug('no log to look into', { error }));
    }
  }

  #createDevices(): DeviceManager {
    const { devices: source = NO_DEVICE_SOURCE, reporter, kubelet, clock, logger } = this.#options;
    return new DeviceManager({
      ...{ source, clock, logger },
      onFacts: () => reporter().lookAgain(),
      onLost: (uid) => kubelet().lookAgain(uid),
    });
  }

  #createDisks(): DiskKeeper {
    const { imageLedger = createMemoryFile(), kubelet, logger } = this.#options;
    return new DiskKeeper({
      ...this.#options,
      ledger: new ImageLedger(imageLedger, logger),
      nodeSubject: () => this.#nodeSubject(),
      pods: () => this.#pods(),
      observed: () => kubelet().state.all(),
      onRemoved: (uid) => {
        kubelet().state.markStale(uid);
        kubelet().lookAgain(uid);
      },
      measureDisks: () => this.#measureDisks(),
      threshold: () => this.#health.thresholds.get('imagefs.available'),
    });
  }

  #createEvictions(endings: PodEndings): EvictionManager {
    const { kubelet } = this.#options;
    return new EvictionManager({
      ...this.#options,
      ...{ endings, health: this.#health },
      nodeSubject: () => this.#nodeSubject(),
      pods: () => this.#pods(),
      isRunning: (uid) => this.#isRunning(uid),
      diskUsage: (pods) => this.#measurePodDisks(pods),
      reclaimDisk: (isEnough) => this.#disks.reclaim(isEnough),
      measureDisks: () => this.#measureDisks(),
      onEnding: (uid) => kubelet().lookAgain(uid),
    });
  }

  #createShutdown(): NodeShutdown {
    const { kubelet, reporter, shutdown: settings } = this.#options;
    return new NodeShutdown({
      ...{ ...this.#options, settings },
      pods: () => this.#pods(),
      isRunning: (uid) => this.#isRunning(uid),
      isClosed: () => reporter().node?.spec.taints?.some(({ key }) => key === NOT_READY_TAINT) ?? false,
      onBegin: () => reporter().lookAgain(),
      onEnding: (uid) => kubelet().lookAgain(uid),
      nodeSubject: () => this.#nodeSubject(),
    });
  }

  #isRunning(uid: string): boolean {
    const { containers } = this.#options.kubelet().state.peek(uid);
    return containers.some(({ state }) => state === 'running');
  }

  #createGate(endings: PodEndings): PodGate {
    const { recorder, kubelet, reporter } = this.#options;
    return new NodeGate({
      ...{ endings, recorder, devices: this.#devices },
      pods: () => this.#pods(),
      observed: () => kubelet().state.all(),
      allocatable: () => reporter().allocatable(),
      pressures: () => PRESSURES.filter((type) => this.#health.isUnder(type)),
    });
  }

  #pods(): Pod[] {
    return this.#options.kubelet().pods.list();
  }

  #nodeSubject(): EventSubject | undefined {
    const { node } = this.#options.reporter();
    return node && subjectOf(NodeRef, node);
  }

  async #measureDisks(): Promise<ReadonlyMap<Signal, Observation>> {
    const { sensors } = this.#options;
    return new Map(observeDisks(await (sensors.disks?.() ?? sensors.sample())));
  }

  #measurePodDisks(pods: readonly Pod[]): Promise<ReadonlyMap<string, PodDiskUsage>> {
    const { runtime, files, paths, kubelet } = this.#options;
    return measurePodDisks(pods, { runtime, files, paths, observed: kubelet().state.all() });
  }
}
