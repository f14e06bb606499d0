/**
 * What the status page shows, computed from what the cluster says: a flat map of small entries, so that a change is told by
 * the entries that changed. Pure. Only the fields named here leave the master: no environment, no annotation, no Secret.
 *
 *     verdict              board/<node>              deployment/<namespace>/<name>              pod/<namespace>/<name>
 */
import { summarizePod } from '../../shared/api/columns/pod.ts';
import type { Deployment } from '../../shared/api/deployment.ts';
import type { Node } from '../../shared/api/node.ts';
import type { NodeSensors } from '../../shared/api/node-sensors.ts';
import type { Pod } from '../../shared/api/pod.ts';
import { getCondition } from '../../shared/machinery/conditions.ts';
import { quantityToBytes, quantityToMillis } from '../../shared/machinery/quantity.ts';

export interface ClusterObjects {
  nodes: readonly Node[];
  /** By the node's name. */
  sensors: ReadonlyMap<string, NodeSensors>;
  deployments: readonly Deployment[];
  pods: readonly Pod[];
}

export interface BoardView {
  name: string;
  ready: boolean;
  /** Why it is not ready; empty when it is. */
  reason: string;
  cordoned: boolean;
  model: string;
  pods: number;
  cpuMillis?: number;
  cpuCapacityMillis: number;
  memoryUsedBytes?: number;
  memoryCapacityBytes: number;
  temperatureCelsius?: number;
  throttleCelsius?: number;
  throttled: boolean;
  underVoltage: boolean;
  diskAvailableBytes?: number;
  diskTotalBytes?: number;
  /** RFC 3339, by the clock of the board. */
  readAt?: string;
}

export interface DeploymentView {
  namespace: string;
  name: string;
  wanted: number;
  ready: number;
  updated: number;
  available: number;
  createdAt: string;
}

export interface PodView {
  namespace: string;
  name: string;
  node: string;
  /** The word that `kubectl get pods` prints. */
  status: string;
  ready: number;
  containers: number;
  restarts: number;
  createdAt: string;
}

export interface VerdictView {
  level: 'ok' | 'warning' | 'problem';
  /** One sentence each, the worst first. */
  reasons: string[];
}

/** Keys in the order in which the page shows them. */
export type View = ReadonlyMap<string, BoardView | DeploymentView | PodView | VerdictView>;

/** How near to its limit a board may come before the page warns. */
const HOT_MARGIN_CELSIUS = 5;

/** Share of a disk that should stay free. */
const LOW_DISK_SHARE = 0.1;

/** Sentences that the verdict holds; the rest is counted. */
const MAX_REASONS = 5;

export function computeView(objects: ClusterObjects): View {
  const podCounts = countPods(objects.pods);
  const boards = objects.nodes.map((node) =>
    computeBoard(node, objects.sensors.get(node.metadata.name), podCounts.get(node.metadata.name) ?? 0),
  );
  const deployments = objects.deployments.map(computeDeployment);
  const pods = objects.pods.map(computePod);
  return new Map<string, BoardView | DeploymentView | PodView | VerdictView>([
    ['verdict', computeVerdict(boards, deployments, pods)],
    ...byKey(boards, ({ name }) => `board/${name}`),
    ...byKey(deployments, ({ namespace, name }) => `deployment/${namespace}/${name}`),
    ...byKey(pods, ({ namespace, name }) => `pod/${namespace}/${name}`),
  ]);
}

function byKey<T>(items: readonly T[], keyOf: (item: T) => string): [string, T][] {
  return items.map((item): [string, T] => [keyOf(item), item]).sort(([a], [b]) => (a < b ? -1 : 1));
}

function countPods(pods: readonly Pod[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { spec, status } of pods) {
    if (spec.nodeName === undefined || status.phase === 'Succeeded' || status.phase === 'Failed') continue;
    counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1);
  }
  return counts;
}

function computeBoard({ metadata, spec, status }: Node, sensors: NodeSensors | undefined, pods: number): BoardView {
  const ready = getCondition(status.conditions, 'Ready');
  const capacity = status.capacity ?? {};
  return {
    name: metadata.name,
    ready: ready?.status === 'True',
    reason: ready?.status === 'True' ? '' : (ready?.message ?? 'it has not reported yet'),
    cordoned: spec.unschedulable === true,
    model: metadata.annotations?.['bramble.dev/model'] ?? '',
    pods,
    cpuCapacityMillis: quantityToMillis(capacity['cpu'] ?? '0'),
    memoryCapacityBytes: quantityToBytes(capacity['memory'] ?? '0'),
    ...(sensors === undefined ? { throttled: false, underVoltage: false } : computeReading(sensors)),
  };
}

function computeReading(sensors: NodeSensors) {
  const { usage, temperatureCelsius, throttleCelsius, diskAvailableBytes, diskTotalBytes } = sensors;
  const cpu = usage['cpu'];
  const memory = usage['memory'];
  return {
    ...(cpu === undefined ? {} : { cpuMillis: quantityToMillis(cpu) }),
    ...(memory === undefined ? {} : { memoryUsedBytes: quantityToBytes(memory) }),
    temperatureCelsius,
    throttleCelsius,
    diskAvailableBytes,
    diskTotalBytes,
    throttled: sensors.throttled === true,
    underVoltage: sensors.underVoltage === true,
    readAt: sensors.timestamp,
  };
}

function computeDeployment({ metadata, spec, status }: Deployment): DeploymentView {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    wanted: spec.replicas,
    ready: status.readyReplicas ?? 0,
    updated: status.updatedReplicas ?? 0,
    available: status.availableReplicas ?? 0,
    createdAt: metadata.creationTimestamp,
  };
}

function computePod(pod: Pod): PodView {
  const { ready, total, reason, restarts } = summarizePod(pod);
  return {
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name,
    node: pod.spec.nodeName ?? '',
    status: reason,
    ready,
    containers: total,
    restarts,
    createdAt: pod.metadata.creationTimestamp,
  };
}

function computeVerdict(
  boards: readonly BoardView[],
  deployments: readonly DeploymentView[],
  pods: readonly PodView[],
): VerdictView {
  const problems = [...boards.flatMap(boardProblems), ...deployments.flatMap(deploymentProblems)];
  if (boards.length === 0) problems.unshift('No board has joined yet.');
  const warnings = [...boards.flatMap(boardWarnings), ...pods.flatMap(podWarnings)];
  const level = problems.length > 0 ? 'problem' : warnings.length > 0 ? 'warning' : 'ok';
  return { level, reasons: shorten([...problems, ...warnings]) };
}

function shorten(sentences: readonly string[]): string[] {
  if (sentences.length <= MAX_REASONS) return [...sentences];
  return [...sentences.slice(0, MAX_REASONS - 1), `And ${sentences.length - MAX_REASONS + 1} more.`];
}

function boardProblems({ name, ready, reason, underVoltage }: BoardView): string[] {
  return [
    ...(ready ? [] : [`${name} is not ready: ${reason}`]),
    ...(underVoltage ? [`${name} gets too little voltage: use a better power supply.`] : []),
  ];
}

function boardWarnings(board: BoardView): string[] {
  const { name, throttled, temperatureCelsius, throttleCelsius, cordoned, diskAvailableBytes, diskTotalBytes } = board;
  const isHot =
    temperatureCelsius !== undefined &&
    throttleCelsius !== undefined &&
    temperatureCelsius >= throttleCelsius - HOT_MARGIN_CELSIUS;
  const isFull =
    diskAvailableBytes !== undefined &&
    diskTotalBytes !== undefined &&
    diskAvailableBytes < diskTotalBytes * LOW_DISK_SHARE;
  return [
    ...(throttled ? [`${name} slows itself down.`] : []),
    ...(isHot ? [`${name} is hot: ${temperatureCelsius.toFixed(0)} °C.`] : []),
    ...(isFull ? [`${name} has little disk left.`] : []),
    ...(cordoned ? [`${name} takes no new pods.`] : []),
  ];
}

function deploymentProblems({ namespace, name, wanted, available }: DeploymentView): string[] {
  return available >= wanted ? [] : [`${namespace}/${name}: ${available} of ${wanted} pods are available.`];
}

/** Words that pass by themselves. */
const CALM = new Set(['Running', 'Completed', 'Pending', 'ContainerCreating', 'PodInitializing', 'Terminating']);

function podWarnings({ namespace, name, status }: PodView): string[] {
  return CALM.has(status) || status.startsWith('Init:') ? [] : [`${namespace}/${name}: ${status}.`];
}

export interface Delta {
  set: Record<string, unknown>;
  remove: string[];
}

/** What changed from `before` to `after`; entries are compared by their JSON text. */
export function computeDelta(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Delta {
  const changed = [...after].filter(([key, text]) => before.get(key) !== text);
  const remove = [...before.keys()].filter((key) => !after.has(key));
  return { set: Object.fromEntries(changed.map(([key, text]) => [key, JSON.parse(text)])), remove };
}

export function renderEntries(view: View): Map<string, string> {
  return new Map([...view].map(([key, entry]) => [key, JSON.stringify(entry)]));
}
