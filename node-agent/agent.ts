/**
 * The agent of one node: kubelet, node status, sensors, and what the node answers itself. Composition only, from parts that
 * are all given: the same agent runs on a board and in the simulation.
 */
import { NodeRef } from '../shared/api/kind-refs.ts';
import type { Client } from '../shared/client/client.ts';
import { createEventRecorder, type EventRecorder } from '../shared/client/event-recorder.ts';
import type { Clock } from '../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../shared/platform/lifecycle.ts';
import type { Logger } from '../shared/platform/logger.ts';
import type { Random } from '../shared/platform/random.ts';
import type { Shell } from '../shared/platform/shell.ts';
import type { Handler } from '../shared/protocol/exchange.ts';
import type { ContainerRuntime } from './container-runtime/runtime.ts';
import type { NodeAnswersOptions } from './kubelet/api/node-answers.ts';
import { createNodeHandler } from './kubelet/api/node-handler.ts';
import type { PortDialer } from './kubelet/api/port-dialer.ts';
import { Assignment } from './kubelet/assignment/assignment.ts';
import type { AssignmentDisk } from './kubelet/assignment/assignment-disk.ts';
import { NOTHING_KEPT } from './kubelet/assignment/kept-objects.ts';
import type { Sealer } from './kubelet/assignment/sealer.ts';
import { readFreeBytes } from './kubelet/images/free-bytes.ts';
import { ImageSupply, type ImageSupplySettings } from './kubelet/images/image-supply.ts';
import { createKubelet, type Kubelet } from './kubelet/kubelet.ts';
import { NodeReporter } from './kubelet/node/node-reporter.ts';
import { NodeGuard, type NodeGuardSettings } from './kubelet/node-guard.ts';
import type { PodPaths } from './kubelet/paths.ts';
import { PodUsageReader } from './kubelet/pod-usage.ts';
import type { ProbeDialer } from './kubelet/probes/probe-dialer.ts';
import type { ClusterDns } from './kubelet/spec/resolver.ts';
import type { HostFiles } from './kubelet/volumes/host-files.ts';
import { LocalPathVolumes } from './kubelet/volumes/local-path-volumes.ts';
import { type NetworkTools, NodeNetwork } from './node-network.ts';
import { NodeServing, type ServingTools } from './node-serving.ts';
import { SensorReporter } from './sensors/sensor-reporter.ts';
import type { Sensors } from './sensors/sensors.ts';
import { createKeptInformer, ServiceInformers } from './service-informers.ts';

export interface AgentOptions {
  /** Name of the node. */
  node: string;
  client: Client;
  runtime: ContainerRuntime;
  sensors: Sensors;
  files: HostFiles;
  paths: PodPaths;
  /** Connections of probes to pods. */
  dialer: ProbeDialer;
  /** The board's address on the LAN, now. */
  internalIp(): string;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Pods worked on at the same time. */
  parallelPods?: number;
  /** Who answers cluster names; nobody unless given. */
  clusterDns?: ClusterDns;
  /** Where the node remembers what it was told, and the key that this is sealed with; nothing is remembered unless given. */
  memory?: { disk: AssignmentDisk; sealer: Sealer };
  /** Devices, thresholds and what the guard of the node writes down. */
  guard?: NodeGuardSettings;
  /** Other nodes that images are copied from and given to; none unless given. */
  images?: ImageSupplySettings;
  /** What the network of pods is made of; they are on the engine's own unless given. */
  network?: NetworkTools;
  /** What names and Ingresses are served with; only where pods have a network. */
  serving?: ServingTools;
  /** Loads what connects to the ports of pods; nothing does unless given. */
  openPorts?(): Promise<PortDialer>;
  /** The machine's programs, to look at it and to reboot it. */
  shell?: Shell;
  /** Whether the agent may reboot the board and turn it off. */
  powerControl?: boolean;
}

export interface Agent extends Component {
  /** Answers logs, exec and attach for the API server. */
  readonly handler: Handler;
  readonly kubelet: Kubelet;
  /** undefined: pods are on the engine's own network. */
  readonly network: NodeNetwork | undefined;
  /** The master can be reached now, or cannot; it is taken to be there before the first call. */
  onLink(up: boolean): void;
  /** The board is being switched off: ends its pods in their order. Stop the agent afterwards. */
  shutDown(): Promise<void>;
}

const DEFAULT_CLUSTER_DOMAIN = 'cluster.local';

/** Pods come first: what is told of their start waits until they have started. */
const EVENT_QUIET_MS = 1_000;

export function createAgent(options: AgentOptions): Agent {
  const { node, client, sensors, clock, logger } = options;
  const recorder = createEventRecorder({ ...options, component: 'kubelet', host: node, quietMs: EVENT_QUIET_MS });
  const guard = new NodeGuard({
    ...options,
    ...options.guard,
    recorder,
    usage: () => usage.read(),
    kubelet: () => kubelet,
    reporter: () => reporter,
  });
  const { runtime } = guard;
  const localPaths = new LocalPathVolumes(options);
  const images = new ImageSupply({ ...options, runtime, freeBytes: () => readFreeBytes(sensors) });
  const reporter = createReporter(options, {
    ...{ guard, localPaths, recorder },
    runtimeProblem: () => kubelet.state.problem,
    network: () => networking.facts(),
  });
  const assignment = createAssignment(options, recorder);
  const networking = createNetworking(options, assignment, () => {
    reporter.lookAgain();
    kubelet.retryNow();
  });
  const { network, serving, services } = networking;
  const kubelet = createKubelet({
    ...options,
    ...(serving ? { clusterDns: serving.clusterDns } : {}),
    ...(services ? { services: services.services } : {}),
    ...{ runtime, gate: guard.gate, images: images.manager },
    ...(assignment ? { kept: assignment } : {}),
    recorder,
    ...{ hostIp: options.internalIp, otherHostIp: () => network?.otherAddress() },
    allocatable: () => reporter.allocatable(),
    memoryBytes: () => reporter.memoryBytes(),
  });
  kubelet.state.onHealth(() => reporter.lookAgain());
  const usage = new PodUsageReader(runtime, kubelet.state);
  const sensorReporter = new SensorReporter({
    ...{ node, client, sensors, clock, logger },
    podUsage: () => usage.read(),
    onSample: (sample) => guard.observe(sample),
  });
  const own: Component[] = [reporter, guard, localPaths, images, kubelet, sensorReporter];
  const parts = [...(assignment ? [assignment] : []), ...networking.parts, ...own];
  return {
    ...{ kubelet, network },
    onLink(up) {
      kubelet.onLink(up);
      if (up) for (const part of [networking, localPaths, images]) part.retryNow();
    },
    handler: createHandler(options, { kubelet, runtime, lastSample: () => sensorReporter.last }),
    start: () => startAll(parts),
    shutDown: () => guard.shutdown.run(),
    async stop() {
      await stopAll(parts);
      await recorder.stop();
    },
  };
}

interface HandlerWorld extends Pick<NodeAnswersOptions, 'lastSample'> {
  kubelet: Kubelet;
  runtime: ContainerRuntime;
}

/** What is asked seldom is loaded when it is asked. */
function createHandler(options: AgentOptions, { kubelet, ...world }: HandlerWorld): Handler {
  const known = { ...options, ...world, state: kubelet.state };
  return createNodeHandler({
    ...{ ...known, pods: kubelet.pods },
    answerOwn: async (request) => (await import('./kubelet/api/node-answers.ts')).answerNodePath(known, request),
  });
}

interface ReporterWorld {
  guard: NodeGuard;
  localPaths: LocalPathVolumes;
  recorder: EventRecorder;
  runtimeProblem(): string | undefined;
  network(): ReturnType<NodeNetwork['facts']> | undefined;
}

function createReporter(options: AgentOptions, { guard, localPaths, ...world }: ReporterWorld): NodeReporter {
  return new NodeReporter({
    ...options,
    ...world,
    runtime: guard.runtime,
    health: () => guard.health,
    devices: () => guard.devices,
    isShuttingDown: () => guard.shutdown.isUnderWay,
    onAnnotations: (annotations) => {
      guard.setAnnotations(annotations);
      localPaths.setAnnotations(annotations);
    },
    peerPort: () => options.images?.peerPort() ?? 0,
  });
}

interface Networking {
  network?: NodeNetwork;
  serving?: NodeServing;
  services?: ServiceInformers;
  /** In the order of their start. */
  parts: Component[];
  facts(): ReturnType<NodeNetwork['facts']> | undefined;
  /** The master can be reached again. */
  retryNow(): void;
}

/** The node's copies of what routes, services and names are made of are started after those who listen to them. */
function createNetworking(options: AgentOptions, assignment: Assignment | undefined, onChange: () => void): Networking {
  const { network: tools, serving: servingTools, node, client, clock, random, logger, clusterDns } = options;
  if (tools === undefined) return { parts: [], facts: () => undefined, retryNow: () => undefined };
  const world = { client, kept: assignment ?? NOTHING_KEPT, clock, random, logger };
  const [services, nodes] = [new ServiceInformers(world), createKeptInformer(NodeRef, world)];
  const shared = { node, nodes, services, internalIp: options.internalIp };
  const dns = clusterDns ?? { servers: [], domain: DEFAULT_CLUSTER_DOMAIN };
  const serving = servingTools && new NodeServing({ ...shared, tools: servingTools, clusterDns: dns, world, onChange });
  const onNetwork = (): void => {
    serving?.setAddresses({ gateways: network.gateways(), held: network.heldAddresses() });
    onChange();
  };
  const network = new NodeNetwork({ ...tools, ...shared, client, onChange: onNetwork, clock, random, logger });
  return {
    network,
    services,
    ...(serving ? { serving } : {}),
    parts: [network, ...(serving ? [serving] : []), nodes, services],
    retryNow() {
      network.onLinkUp();
      for (const part of [serving, nodes, services]) part?.retryNow();
    },
    facts() {
      const [own, served] = [network.facts(), serving?.facts()];
      return {
        annotations: { ...own.annotations, ...served?.annotations },
        conditions: [...own.conditions, ...(served?.conditions ?? [])],
        addresses: own.addresses,
      };
    },
  };
}

/** What was lost of the node's memory is told as an event of the node, as soon as the master hears. */
function createAssignment(options: AgentOptions, recorder: EventRecorder): Assignment | undefined {
  const { memory, node, clock, random, logger } = options;
  if (memory === undefined) return undefined;
  const subject = { apiVersion: 'v1', kind: 'Node', metadata: { name: node, uid: node } };
  const onDamage = (message: string): void => recorder.event(subject, 'Warning', 'AssignmentDamaged', message);
  return new Assignment({ ...memory, clock, random, logger, onDamage });
}
