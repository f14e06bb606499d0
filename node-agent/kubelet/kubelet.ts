/**
 * The kubelet: what the API server assigns to this node runs here, and the API shows how it goes. Composition only; see
 * README.md for the picture.
 */
import { type Pod, PodKind } from '../../shared/api/pod.ts';
import type { Client } from '../../shared/client/client.ts';
import { Controller } from '../../shared/client/controller.ts';
import type { EventRecorder } from '../../shared/client/event-recorder.ts';
import { Informer } from '../../shared/client/informer.ts';
import type { BackoffPolicy } from '../../shared/platform/backoff.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { ContainerRuntime } from '../container-runtime/runtime.ts';
import { ConfigSources } from './config-sources.ts';
import { ContainerStops } from './container-stops.ts';
import { ImageManager } from './image-manager.ts';
import type { PodPaths } from './paths.ts';
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
}

export interface Kubelet extends Component {
  readonly pods: Informer<Pod>;
  readonly state: RuntimeState;
}

const DEFAULT_PARALLEL_PODS = 4;

/** A sandbox that fails for a lasting reason (a taken port) is not tried more often than this. */
const RETRY: BackoffPolicy = { initialMs: 500, maxMs: 60_000, factor: 2, jitter: 0.2 };

export function createKubelet(options: KubeletOptions): Kubelet {
  const { node, client, runtime, files, paths, clock, random, logger } = options;
  const pods = new Informer<Pod>({
    client,
    kind: PodKind,
    scope: { fieldSelector: `spec.nodeName=${node}` },
    clock,
    random,
    logger,
  });
  pods.addIndex('uid', ({ metadata }) => [metadata.uid]);
  const podOf = (uid: string): Pod | undefined => pods.byIndex('uid', uid)[0];
  const enqueue = (uid: string): void => controller.enqueue(uid);
  const state = new RuntimeState({ runtime, clock, random, logger });
  const problems = new StartProblems(clock);
  const onSourceChange = (uid: string): void => {
    problems.retryNow(uid);
    enqueue(uid);
  };
  const sources = new ConfigSources({ client, clock, random, logger, onChange: onSourceChange });
  const images = new ImageManager({ runtime, clock, random, logger });
  const stops = new ContainerStops({ runtime, logger, onStopped: (uid) => markAndEnqueue(uid) });
  const volumes = new VolumeManager({ files, paths, reader: sources });
  const messages = new TerminationMessages({ files, paths, runtime });
  const events = new PodEvents(options.recorder);
  const probes = new ProbeManager({
    ...{ runtime, dialer: options.dialer, clock, logger, hostIp: options.hostIp, onVerdict: enqueue },
    onFailure: (pod, container, message) =>
      events.container(pod, container, { type: 'Warning', reason: 'Unhealthy', message }),
  });
  const status = new StatusWriter({ client, clock, random, logger, podOf, onWritten: enqueue });
  const executor = new PodExecutor({
    ...{ client, runtime, files, paths, volumes, images, stops, problems, reader: sources, events, enqueue },
    nodeMemoryBytes: options.memoryBytes,
  });
  const reconciler = new PodReconciler({
    ...{ clock, podOf, state, executor, status, volumes, images, stops, problems, messages, events },
    isReady: () => pods.hasSynced && state.hasListed,
    hostIp: options.hostIp,
    allocatable: options.allocatable,
    probes,
  });
  const controller = new Controller({
    name: 'pods',
    reconcile: (uid) => reconciler.reconcile(uid),
    concurrency: options.parallelPods ?? DEFAULT_PARALLEL_PODS,
    backoff: RETRY,
    clock,
    random,
    logger,
  });
  const markAndEnqueue = (uid: string): void => {
    state.markStale(uid);
    enqueue(uid);
  };
  const enqueueAll = async (): Promise<void> => {
    const leftover = await volumes.listPods().catch(() => []);
    const uids = new Set([...leftover, ...state.uids(), ...pods.list().map(({ metadata }) => metadata.uid)]);
    for (const uid of uids) enqueue(uid);
  };
  pods.onChange((_key, current, previous) => {
    if (previous !== undefined && previous.metadata.uid !== current?.metadata.uid) {
      sources.setPod(previous.metadata.uid, undefined);
      enqueue(previous.metadata.uid);
    }
    if (current === undefined) return;
    sources.setPod(current.metadata.uid, current);
    enqueue(current.metadata.uid);
  });
  state.onPod(enqueue);
  state.onHealth((problem) => {
    if (problem === undefined) void enqueueAll();
  });
  const parts: Component[] = [controller, status, pods, state];
  return {
    pods,
    state,
    async start() {
      await startAll(parts);
      void pods.whenSynced().then(enqueueAll);
    },
    async stop() {
      images.stop();
      probes.stop();
      await sources.stop();
      await stopAll(parts);
    },
  };
}
