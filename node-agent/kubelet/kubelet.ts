/**
 * The kubelet: what the API server assigns to this node runs here, and the API shows how it goes. Composition only; see
 * README.md for the picture.
 */
import { PodRef } from '../../shared/api/kind-refs.ts';
import type { Pod } from '../../shared/api/pod.ts';
import type { Client } from '../../shared/client/client.ts';
import { Controller } from '../../shared/client/controller.ts';
import type { EventRecorder } from '../../shared/client/event-recorder.ts';
import { Informer, keyOf } from '../../shared/client/informer.ts';
import type { BackoffPolicy } from '../../shared/platform/backoff.ts';
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { ContainerRuntime } from '../container-runtime/runtime.ts';
import { type KeptObjects, NOTHING_KEPT } from './assignment/kept-objects.ts';
import { ConfigSources } from './config-sources.ts';
import { ContainerStops } from './container-stops.ts';
import { DeletionWriter } from './deletion-writer.ts';
import { ImageManager } from './images/image-manager.ts';
import type { PodPaths } from './paths.ts';
import { OPEN_GATE, type PodGate } from './pod/pod-gate.ts';
import { PodEvents } from './pod-events.ts';
import { PodExecutor } from './pod-executor.ts';
import { PodReconciler } from './pod-reconciler.ts';
import type { ProbeDialer } from './probes/probe-dialer.ts';
import { ProbeManager } from './probes/probe-manager.ts';
import { RuntimeState } from './runtime-state.ts';
import { StartProblems } from './start-problems.ts';
import { StatusWriter } from './status-writer.ts';
import { TerminationMessages } from './termination-messages.ts';
import type { HostFiles } from './volumes/host-files.ts';
import { VolumeManager } from './volumes/volume-manager.ts';

export interface KubeletOptions {
  /** Name of the node. */
  node: string;
  client: Client;
  runtime: ContainerRuntime;
  files: HostFiles;
  paths: PodPaths;
  recorder: EventRecorder;
  dialer: ProbeDialer;
  /** Address and amounts of the node, as its Node object shows them. */
  hostIp(): string;
  allocatable(): Readonly<Record<string, string>>;
  memoryBytes(): number;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Pods worked on at the same time; few on a small board. */
  parallelPods?: number;
  /** What the node says about its pods; everybody may come in unless given. */
  gate?: PodGate;
  /** What the node remembers of the API; nothing unless given. */
  kept?: KeptObjects;
}

export interface Kubelet extends Component {
  readonly pods: Informer<Pod>;
  readonly state: RuntimeState;
  /** Look at the pod again: something that its plan depends on has changed. */
  lookAgain(uid: string): void;
  /** The master can be reached again: nothing waits out its pause. */
  retryNow(): void;
}

const DEFAULT_PARALLEL_PODS = 4;

/** How long an agent that has just started waits to hear the API before it acts on what it remembers. */
const PATIENCE_MS = 5_000;

/** A sandbox that fails for a lasting reason (a taken port) is not tried more often than this. */
const RETRY: BackoffPolicy = { initialMs: 500, maxMs: 60_000, factor: 2, jitter: 0.2 };

export function createKubelet(options: KubeletOptions): Kubelet {
  return new NodeKubelet(options);
}

class NodeKubelet implements Kubelet {
  readonly pods: Informer<Pod>;
  readonly state: RuntimeState;
  readonly #controller: Controller;
  readonly #sources: ConfigSources;
  readonly #images: ImageManager;
  readonly #problems: StartProblems;
  readonly #probes: ProbeManager;
  readonly #volumes: VolumeManager;
  readonly #status: StatusWriter;
  readonly #deletions: DeletionWriter;
  readonly #kept: KeptObjects;
  readonly #clock: Clock;
  #patience: Timer | undefined;
  #isPatienceOver = false;

  constructor(options: KubeletOptions) {
    const { node, client, runtime, files, paths, clock, random, logger, dialer, hostIp, kept = NOTHING_KEPT } = options;
    this.#clock = clock;
    this.#kept = kept;
    const base = { clock, random, logger };
    const enqueue = (uid: string): void => this.#controller.enqueue(uid);
    const podOf = (uid: string): Pod | undefined => this.#podOf(uid);
    const events = new PodEvents(options.recorder);
    this.pods = new Informer<Pod>({
      ...base,
      client,
      kind: PodRef,
      scope: { fieldSelector: `spec.nodeName=${node}` },
      seed: () => kept.list(PodRef),
    });
    this.pods.addIndex('uid', ({ metadata }) => [metadata.uid]);
    this.pods.onChange((_key, current, previous) => this.#onPodChange(current, previous));
    this.state = new RuntimeState({ ...base, runtime });
    this.state.onPod(enqueue);
    this.state.onHealth((problem) => {
      if (problem === undefined) void this.#enqueueAll();
    });
    this.#problems = new StartProblems(clock);
    this.#sources = new ConfigSources({ ...base, client, kept, onChange: (uid) => this.#onSourceChange(uid) });
    this.#images = new ImageManager({ ...base, runtime });
    this.#volumes = new VolumeManager({ files, paths, reader: this.#sources });
    this.#probes = new ProbeManager({
      ...{ runtime, dialer, clock, logger, hostIp, onVerdict: enqueue },
      onFailure: (pod, container, message) =>
        events.container(pod, container, { type: 'Warning', reason: 'Unhealthy', message }),
    });
    this.#deletions = new DeletionWriter({ ...base, client });
    // A status that was computed from what the node remembers is not told: the API may know better.
    const listedPodOf = (uid: string): Pod | undefined => (this.pods.hasListed ? podOf(uid) : undefined);
    this.#status = new StatusWriter({ ...base, client, podOf: listedPodOf, onWritten: enqueue });
    const reconciler = this.#createReconciler(options, { events, enqueue, podOf });
    this.#controller = new Controller({
      ...base,
      name: 'pods',
      reconcile: (uid) => reconciler.reconcile(uid),
      concurrency: options.parallelPods ?? DEFAULT_PARALLEL_PODS,
      backoff: RETRY,
    });
  }

  lookAgain(uid: string): void {
    this.#controller.enqueue(uid);
  }

  retryNow(): void {
    this.pods.retryNow();
    this.#sources.retryNow();
    void this.#enqueueAll();
  }

  async start(): Promise<void> {
    await startAll(this.#parts());
    this.#patience = this.#clock.after(PATIENCE_MS, () => {
      this.#isPatienceOver = true;
      void this.#enqueueAll();
    });
    void this.pods.whenListed().then(() => this.#onListed());
  }

  async stop(): Promise<void> {
    this.#patience?.cancel();
    this.#images.stop();
    this.#probes.stop();
    await this.#sources.stop();
    await stopAll(this.#parts());
  }

  #parts(): Component[] {
    return [this.#controller, this.#status, this.#deletions, this.pods, this.state];
  }

  #createReconciler(options: KubeletOptions, links: Links): PodReconciler {
    const { runtime, files, paths, clock, logger } = options;
    const { events, enqueue, podOf } = links;
    const deletions = this.#deletions;
    const stops = new ContainerStops({ runtime, logger, onStopped: (uid) => this.#onStopped(uid) });
    const gate = options.gate ?? OPEN_GATE;
    const shared = {
      volumes: this.#volumes,
      images: this.#images,
      stops,
      problems: this.#problems,
      events,
      gate,
      deletions,
    };
    const executor = new PodExecutor({
      ...{ ...shared, runtime, files, paths, reader: this.#sources, enqueue },
      nodeMemoryBytes: options.memoryBytes,
    });
    return new PodReconciler({
      ...{ ...shared, clock, podOf, executor, state: this.state, status: this.#status, probes: this.#probes },
      messages: new TerminationMessages({ files, paths, runtime }),
      isReady: () => this.#knowsAssignment() && this.state.hasListed,
      isListed: () => this.pods.hasListed,
      hostIp: options.hostIp,
      allocatable: options.allocatable,
    });
  }

  #podOf(uid: string): Pod | undefined {
    return this.pods.byIndex('uid', uid)[0];
  }

  #knowsAssignment(): boolean {
    return this.pods.hasListed || (this.pods.hasSynced && this.#isPatienceOver);
  }

  /** What was remembered and is not so any more has been dropped by now, and what pods need has been asked for. */
  #onListed(): void {
    this.#kept.forgetUnused();
    void this.#enqueueAll();
  }

  #onPodChange(current: Pod | undefined, previous: Pod | undefined): void {
    if (previous !== undefined && previous.metadata.uid !== current?.metadata.uid) {
      this.#sources.setPod(previous.metadata.uid, undefined);
      this.#controller.enqueue(previous.metadata.uid);
    }
    if (previous !== undefined && current === undefined) this.#kept.forget(PodRef, keyOf(previous));
    if (current === undefined) return;
    this.#kept.keep(PodRef, keyOf(current), current);
    this.#sources.setPod(current.metadata.uid, current);
    this.#controller.enqueue(current.metadata.uid);
  }

  #onSourceChange(uid: string): void {
    this.#problems.retryNow(uid);
    this.#controller.enqueue(uid);
  }

  #onStopped(uid: string): void {
    this.state.markStale(uid);
    this.#controller.enqueue(uid);
  }

  /** Whatever is known of a pod, by the API, the runtime or the disk, is looked at. */
  async #enqueueAll(): Promise<void> {
    const leftover = await this.#volumes.listPods().catch(() => []);
    const assigned = this.pods.list().map(({ metadata }) => metadata.uid);
    for (const uid of new Set([...leftover, ...this.state.uids(), ...assigned])) this.#controller.enqueue(uid);
  }
}

interface Links {
  events: PodEvents;
  enqueue(uid: string): void;
  podOf(uid: string): Pod | undefined;
}
