/** Pure: what the node says of itself in its Node object. Source: Kubernetes API reference, Node; "Node status". */
import type { NodeCondition, NodeStatus } from '../../../shared/api/node-status.ts';
import { formatBytes } from '../../../shared/machinery/quantity.ts';
import { GIT_VERSION } from '../../../shared/platform/version.ts';
import type { ImageRecord, RuntimeInfo } from '../../container-runtime/runtime.ts';
import type { Inventory, Sample } from '../../sensors/sensors.ts';
import type { DeviceFacts } from '../devices/render-devices.ts';
import type { Health } from './health-tracker.ts';
import { renderConditions } from './node-conditions.ts';

export const MAX_PODS = 110;

/** Kubernetes' bound on the images that a node lists. */
const MAX_IMAGES = 50;

/** Kept for the system, the engine and the agent. */
const RESERVED_MEMORY_BYTES = 100 * 1024 * 1024;
const MAX_RESERVED_MEMORY_SHARE = 0.25;
const RESERVED_DISK_SHARE = 0.1;

export interface NodeFacts {
  name: string;
  internalIp: string;
  /** Where it hands out images; 0 or absent: nowhere. */
  peerPort?: number;
  inventory: Inventory;
  /** The latest reading; undefined before the first. */
  sample: Sample | undefined;
  /** undefined: the engine has not answered yet. */
  runtime: RuntimeInfo | undefined;
  /** Why the engine does not answer; undefined: it does. */
  runtimeProblem: string | undefined;
  /** The board is being switched off. */
  isShuttingDown?: boolean;
  images: readonly ImageRecord[];
  health: Health;
  devices: DeviceFacts;
  /** undefined: the node has no network of its own to tell of. */
  network?: NetworkReport | undefined;
}

export interface NetworkReport {
  annotations: Readonly<Record<string, string>>;
  conditions: readonly NodeCondition[];
  /** Addresses on the LAN beside the first one. */
  addresses?: readonly string[];
}

export function renderLabels({ name, runtime, inventory, devices }: NodeFacts): Record<string, string> {
  const model = labelValue(inventory.model);
  return {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': runtime?.operatingSystem ?? 'linux',
    ...(runtime ? { 'kubernetes.io/arch': runtime.architecture } : {}),
    'bramble.dev/page-size': String(inventory.pageSizeBytes),
    ...(model === '' ? {} : { 'bramble.dev/model': model }),
    ...(inventory.serial === '' ? {} : { 'bramble.dev/serial': labelValue(inventory.serial) }),
    ...devices.labels,
  };
}

/** `Raspberry Pi 4 Model B Rev 1.4` as a label's value: `raspberry-pi-4-model-b-rev-1.4`. */
export function labelValue(text: string): string {
  const dashed = text.toLowerCase().replaceAll(/[^a-z0-9._-]+/g, '-');
  return dashed
    .slice(0, 63)
    .replace(/^[^a-z0-9]+/, '')
    .replace(/[^a-z0-9]+$/, '');
}

/** Everything of the status that the kubelet owns, without times. */
export function renderNodeStatus(facts: NodeFacts): Omit<NodeStatus, 'daemonEndpoints'> {
  return {
    capacity: renderCapacity(facts),
    allocatable: renderAllocatable(facts),
    addresses: [
      ...[facts.internalIp, ...(facts.network?.addresses ?? [])].map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: facts.name },
    ],
    nodeInfo: renderNodeInfo(facts),
    images: renderImages(facts.images),
    conditions: [
      ...(facts.network?.conditions ?? []),
      ...renderConditions({
        ...{ health: facts.health, runtimeProblem: facts.runtimeProblem },
        throttleCelsius: facts.inventory.throttleCelsius,
        isShuttingDown: facts.isShuttingDown ?? false,
        memoryLimits: facts.runtime?.memoryLimits,
      }),
    ],
  };
}

export function renderCapacity({ inventory, sample, devices }: NodeFacts): Record<string, string> {
  return {
    cpu: String(inventory.cpus),
    memory: formatBytes(inventory.memoryBytes),
    pods: String(MAX_PODS),
    ...(sample && sample.diskTotalBytes > 0 ? { 'ephemeral-storage': formatBytes(sample.diskTotalBytes) } : {}),
    ...devices.capacity,
  };
}

/** What is left for pods. */
export function renderAllocatable(facts: NodeFacts): Record<string, string> {
  const { memoryBytes } = facts.inventory;
  const reserved = Math.min(RESERVED_MEMORY_BYTES, Math.floor(memoryBytes * MAX_RESERVED_MEMORY_SHARE));
  const diskBytes = Math.floor((facts.sample?.diskTotalBytes ?? 0) * (1 - RESERVED_DISK_SHARE));
  return {
    ...renderCapacity(facts),
    memory: formatBytes(memoryBytes - reserved),
    ...(diskBytes > 0 ? { 'ephemeral-storage': formatBytes(diskBytes) } : {}),
    ...facts.devices.allocatable,
  };
}

function renderNodeInfo({ inventory, runtime }: NodeFacts): NodeStatus['nodeInfo'] {
  return {
    machineID: inventory.machineId,
    systemUUID: inventory.systemUuid,
    bootID: inventory.bootId,
    kernelVersion: inventory.kernelVersion || (runtime?.kernelVersion ?? ''),
    osImage: inventory.osImage || (runtime?.osImage ?? ''),
    containerRuntimeVersion: runtime ? `${runtime.name}://${runtime.version}` : 'docker://unknown',
    kubeletVersion: GIT_VERSION,
    kubeProxyVersion: '',
    operatingSystem: runtime?.operatingSystem ?? 'linux',
    architecture: runtime?.architecture ?? '',
  };
}

/** The largest first, as the scheduler's image locality wants them; ties by name, so that nothing changes for no reason. */
function renderImages(images: readonly ImageRecord[]): NonNullable<NodeStatus['images']> {
  const named = images.filter(({ references, digests }) => references.length + digests.length > 0);
  return named
    .map(({ references, digests, sizeBytes }) => ({ names: [...digests, ...references].sort(), sizeBytes }))
    .sort((a, b) => b.sizeBytes - a.sizeBytes || (a.names.join() < b.names.join() ? -1 : 1))
    .slice(0, MAX_IMAGES);
}

/** A new Node object for the first start. */
export function renderNode(facts: NodeFacts) {
  const annotations = { ...facts.network?.annotations };
  return { metadata: { name: facts.name, labels: renderLabels(facts), annotations } };
}

export type OwnNodeStatus = ReturnType<typeof renderNodeStatus>;
