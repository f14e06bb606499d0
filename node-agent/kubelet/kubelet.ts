/**
 * The kubelet: what the API server assigns to this node runs here, and the API shows how it goes. Composition only; see
 * README.md for the picture.
 */
import { PodRef } from '../../shared/api/kind-refs.ts';
import type { Pod } from '../../shared/api/pod.ts';
import type { Service } from '../../shared/api/service.ts';
import type { Client } from '../../shared/client/client.ts';
import { Controller } from '../../shared/client/controller.ts';
import type { EventRecorder } from '../../shared/client/event-recorder.ts';
import { Informer, keyOf } from '../../shared/client/informer.ts';
import { StatusError } from '../../shared/machinery/errors.ts';
import type { BackoffPolicy } from '../../shared/platform/backoff.ts';
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { ContainerRuntime } from '../container-runtime/runtime.ts';
import { type KeptObjects, NOTHING_KEPT } from './assignment/kept-objects.ts';
import { ConfigSources } from './config-sources.ts';
import { ContainerMaker } from './container-maker.ts';
import { ContainerStops } from './container-stops.ts';
import { DeletionWriter } from './deletion-writer.ts';
import { ContainerHooks } from './hooks/container-hooks.ts';
import { ImageManager } from './images/image-manager.ts';
import type { PodPaths } from './paths.ts';
import { combineGates } from './pod/combined-gate.ts';
import { OPEN_GATE, type PodGate } from './pod/pod-gate.ts';
import { isTerminalPhase } from './pod/pod-view.ts';
import { PodEvents } from './pod-events.ts';
import { PodExecutor } from './pod-executor.ts';
import { PodReconciler } from './pod-reconciler.ts';
import { PodResizes } from './pod-resizes.ts';
import type { ProbeDialer } from './probes/probe-dialer.ts';
import { ProbeManager } from './probes/probe-manager.ts';
import { RuntimeState } from './runtime-state.ts';
import { SandboxMaker } from './sandbox-maker.ts';
import { ServiceSource } from './service-source.ts';
import type { ClusterDns } from './spec/resolver.ts';
import { SpecGate } from './spec-gate.ts';
import { StartProblems } from './start-problems.ts';
import { StatusWriter } from './status-writer.ts';
import { TerminationMessages } from './termination-messages.ts';
import { PodTokens } from './tokens/pod-tokens.ts';
import type { HostFiles } from './volumes/host-files.ts';
import { SizeLimits } from './volumes/size-limits.ts';
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
  /** Of the other address family. */
  otherHostIp?(): string | undefined;
  allocatable(): Readonly<Record<string, string>>;
  memoryBytes(): number;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Pods worked on at the same time; few on a small board. */
  parallelPods?: number;
  /** What the node says about its pods; everybody may come in unless given. */
  gate?: PodGate;
  /** How images get here; from their registries unless given. */
  images?: ImageManager;
  /** What the node remembers of the API; nothing unless given. */
  kept?: KeptObjects;
  /** Who answers cluster names; nobody unless given: pods get the node's own resolver. */
  clusterDns?: ClusterDns;
  /** The node's copy of all Services, started and stopped by its owner; the kubelet makes one of its own unless given. */
  services?: Informer<Service>;
}

export interface Kubelet extends Component {
  readonly pods: Informer<Pod>;
  readonly state: RuntimeState;
  /** Look at the pod again: something that its plan depends on has changed. */
  lookAgain(uid: string): void;
  /** Whether the master can be reached; taken to be so before the first call. */
  onLink(up: boolean): void;
  /** The world has changed: nothing waits out its pause. */
  retryNow(): void;
}

const DEFAULT_PARALLEL_PODS = 4;

/** How long an agent that has just started waits to hear the API before it acts on what it remembers. */
const PATIENCE_MS = 5_000;

/** A sandbox that fails for a lasting reason (a taken port) is not tried more often than this. */
const RETRY: BackoffPolicy = { initialMs: 500, maxMs: 60_000, factor: 2, jitter: 0.2 };

const NO_CLUSTER_DNS: ClusterDns = { servers: [], domain: 'cluster.local' };

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
  readonly #tokens: PodTokens;
  readonly #services: ServiceSource;
  readonly #hooks: ContainerHooks;
  readonly #resizes: PodResizes;
  readonly #limits: SizeLimits;
  readonly #kept: KeptObjects;
  readonly #clock: Clock;
  #isLinked = true;
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
    this.#services = new ServiceSource({
      ...{ ...base, client, kept, informer: options.services },
      isPatienceOver: () => this.#isPatienceOver,
      onKnown: () => void this.#enqueueAll(),
    });
    this.#images = options.images ?? new ImageManager({ ...base, runtime });
    this.#tokens = new PodTokens({ ...base, client, onChange: enqueue });
    const [reader, claims, tokens] = [this.#sources, this.#sources, this.#tokens];
    const isApiHeard = (): boolean => this.pods.hasListed;
    this.#volumes = new VolumeManager({ files, paths, reader, claims, tokens, isApiHeard, logger });
    this.#hooks = new ContainerHooks({ runtime, dialer, clock, logger, events, onOver: enqueue });
    this.#resizes = new PodResizes({ pods: () => this.pods.list(), allocatable: options.allocatable });
    const observed = (uid: string) => this.state.peek(uid);
    this.#limits = new SizeLimits({ runtime, files, paths, clock, logger, events, observed, onExceeded: enqueue });
    this.#probes = new ProbeManager({
      ...{ runtime, dialer, clock, logger, hostIp, onVerdict: enqueue },
      isStarting: (id) => this.#hooks.postStart(id) === 'running',
      onFailure: (pod, container, message) =>
        events.container(pod, container, { type: 'Warning', reason: 'Unhealthy', message }),
    });
    this.#deletions = new DeletionWriter({ ...base, client, onFarewell: (uid) => this.#forgetPod(uid) });
    // A status that was computed from what the node remembers is not told: the API may know better.
    const listedPodOf = (uid: string): Pod | undefined => (this.pods.hasListed ? podOf(uid) : undefined);
    const onEnding = (pod: Pod): Promise<void> => this.#rememberEnd(pod);
    this.#status = new StatusWriter({ ...base, client, podOf: listedPodOf, onEnding, onWritten: enqueue });
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

  onLink(up: boolean): void {
    this.#isLinked = up;
    if (up) this.retryNow();
  }

  retryNow(): void {
    for (const source of [this.pods, this.#sources, this.#services, this.#tokens]) source.retryNow();
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
    this.#stopHelpers();
    await this.#sources.stop();
    await stopAll(this.#parts());
    // A look at a pod that was under way may have begun probes anew.
    this.#stopHelpers();
  }

  #stopHelpers(): void {
    for (const part of [this.#images, this.#probes, this.#hooks, this.#limits]) part.stop();
  }

  #parts(): Component[] {
    return [this.#controller, this.#status, this.#deletions, this.pods, this.#services, this.state];
  }

  #createReconciler(options: KubeletOptions, links: Links): PodReconciler {
    const { runtime, files, paths, clock, logger, clusterDns = NO_CLUSTER_DNS } = options;
    const { events, enqueue, podOf } = links;
    const shared = {
      ...{ runtime, files, paths, clock, events },
      gate: this.#createGate(options, events),
      volumes: this.#volumes,
      images: this.#images,
      stops: new ContainerStops({ runtime, clock, logger, onStopped: (uid) => this.#onStopped(uid) }),
      hooks: this.#hooks,
      problems: this.#problems,
      resizeProblems: new StartProblems(clock),
      reader: this.#sources,
      services: this.#services,
      deletions: this.#deletions,
    };
    const executor = new PodExecutor({
      ...{ ...shared, enqueue },
      sandboxes: new SandboxMaker({ ...shared, clusterDns }),
      maker: new ContainerMaker({ ...shared, nodeMemoryBytes: options.memoryBytes }),
    });
    return new PodReconciler({
      ...{ ...shared, podOf, executor, state: this.state, status: this.#status, probes: this.#probes },
      messages: new TerminationMessages({ files, paths, runtime }),
      resizes: this.#resizes,
      tokens: this.#tokens,
      isReady: () => this.#knowsAssignment() && this.state.hasListed,
      isListed: () => this.pods.hasListed,
      hostIp: options.hostIp,
      ...(options.otherHostIp ? { otherHostIp: options.otherHostIp } : {}),
      allocatable: options.allocatable,
    });
  }

  /** The node's word comes before that of the specification. */
  #createGate({ gate = OPEN_GATE, allocatable }: KubeletOptions, events: PodEvents): PodGate {
    const refusals = new SpecGate({
      events,
      pods: () => this.pods.list(),
      observed: (uid) => this.state.peek(uid),
      allocatable,
      requestsOf: (pod) => this.#resizes.requestsOf(pod),
    });
    return combineGates([gate, refusals, this.#limits]);
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
    // There may be room for what others wait for.
    if (current === undefined || isTerminalPhase(current.status.phase))
      this.#resizes.waiting.forEach(this.lookAgain, this);
    if (current === undefined) return;
    if (!this.#deletions.has(current.metadata.uid))
      this.#kept.keep(PodRef, keyOf(current), this.#status.withEnd(current));
    this.#sources.setPod(current.metadata.uid, current);
    this.#controller.enqueue(current.metadata.uid);
  }

  // Who hears that a pod is over may start another in its place. A board that loses its power in that moment and starts
  // without a master must know it too. What nobody can hear of is not over so far.
  async #rememberEnd(pod: Pod): Promise<void> {
    if (!this.#isLinked) throw new StatusError('ServiceUnavailable', 'the master cannot be reached');
    this.#kept.keep(PodRef, keyOf(pod), pod);
    await this.#kept.settled();
  }

  async #forgetPod(uid: string): Promise<void> {
    const pod = this.#podOf(uid);
    if (pod !== undefined) this.#kept.forget(PodRef, keyOf(pod));
    await this.#kept.settled();
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
