/**
 * What scheduling needs to know of a node, kept up to date by small steps so that a decision never adds up pods.
 * Invariant: `requested` and `usedPorts` are the sums over `pods`.
 */
import type { Node } from '../../shared/api/node.ts';
import type { Taint } from '../../shared/api/node-spec.ts';
import { type Allocatable, parseAllocatable } from '../../shared/api/pod-requests.ts';
import { addTo } from './pod-groups.ts';
import type { HostPort, PodInfo } from './pod-info.ts';
import type { BoardEstimate } from './readings/board-history.ts';

export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly isUnschedulable: boolean;
  readonly allocatable: Allocatable;
  /** What the pods on the node asked for. */
  readonly requested: Requested;
  /** By key. */
  readonly pods: ReadonlyMap<string, PodInfo>;
  readonly usedPorts: readonly HostPort[];
  /** Pods for which room is being made here; undefined: none. */
  readonly nominated: ReadonlyMap<string, PodInfo> | undefined;
  /** What the board says of itself; undefined: nothing, or nothing lately. */
  readonly estimate: BoardEstimate | undefined;
  /** Above its hard limit. */
  readonly isTooHot: boolean;
  /** Its place in tables by node; −1: in none. Nodes that are known at the same time have different ones. */
  readonly slot: number;
  /** Rises with each change; never twice the same for one slot. */
  readonly version: number;
}

export interface Requested {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly scoringCpuMillis: number;
  readonly scoringMemoryBytes: number;
  readonly others: ReadonlyMap<string, number>;
}

const NO_LABELS: Readonly<Record<string, string>> = {};
const NO_TAINTS: readonly Taint[] = [];

export interface Slot {
  readonly slot: number;
  /** The first version of the node that has it. */
  readonly version: number;
}

export const NO_SLOT: Slot = { slot: -1, version: 1 };

/** The changing side of NodeInfo; only the cache and what-ifs hold it as such. */
export class MutableNodeInfo implements NodeInfo {
  readonly name: string;
  readonly pods: Map<string, PodInfo>;
  node: Node;
  labels = NO_LABELS;
  taints = NO_TAINTS;
  isUnschedulable = false;
  allocatable: Allocatable;
  readonly requested = {
    cpuMillis: 0,
    memoryBytes: 0,
    scoringCpuMillis: 0,
    scoringMemoryBytes: 0,
    others: new Map<string, number>(),
  };
  usedPorts: HostPort[] = [];
  nominated: Map<string, PodInfo> | undefined = undefined;
  estimate: BoardEstimate | undefined = undefined;
  isTooHot = false;
  readonly slot: number;
  version: number;

  /** `pods` that are there already. */
  constructor(node: Node, pods: Iterable<PodInfo> = [], { slot, version }: Slot = NO_SLOT) {
    this.slot = slot;
    this.version = version;
    this.name = node.metadata.name;
    this.node = node;
    this.pods = new Map();
    this.allocatable = parseAllocatable(node.status.allocatable);
    this.setNode(node);
    for (const pod of pods) this.addPod(pod);
  }

  setNode(node: Node): void {
    this.version += 1;
    this.node = node;
    this.labels = node.metadata.labels ?? NO_LABELS;
    this.taints = node.spec.taints ?? NO_TAINTS;
    this.isUnschedulable = node.spec.unschedulable === true;
    this.allocatable = parseAllocatable(node.status.allocatable);
  }

  addPod(pod: PodInfo): void {
    this.pods.set(pod.key, pod);
    this.#count(pod, 1);
    if (pod.hostPorts.length > 0) this.usedPorts.push(...pod.hostPorts);
  }

  removePod(pod: PodInfo): void {
    if (!this.pods.delete(pod.key)) return;
    this.#count(pod, -1);
    if (pod.hostPorts.length === 0) return;
    const gone = new Set(pod.hostPorts);
    this.usedPorts = this.usedPorts.filter((port) => !gone.has(port));
  }

  nominate(pod: PodInfo): void {
    this.nominated ??= new Map();
    this.nominated.set(pod.key, pod);
  }

  denominate(key: string): void {
    this.nominated?.delete(key);
    if (this.nominated?.size === 0) this.nominated = undefined;
  }

  setEstimate(estimate: BoardEstimate | undefined, isTooHot: boolean): void {
    this.version += 1;
    this.estimate = estimate;
    this.isTooHot = isTooHot;
  }

  #count({ requests }: PodInfo, sign: 1 | -1): void {
    this.version += 1;
    const { requested } = this;
    requested.cpuMillis += sign * requests.cpuMillis;
    requested.memoryBytes += sign * requests.memoryBytes;
    requested.scoringCpuMillis += sign * requests.scoringCpuMillis;
    requested.scoringMemoryBytes += sign * requests.scoringMemoryBytes;
    for (const [name, amount] of requests.others) addTo(requested.others, name, sign * amount);
  }
}

/** The node for a what-if: other pods may come and go on it without the cache knowing. */
export function copyNode(node: NodeInfo): MutableNodeInfo {
  const copy = new MutableNodeInfo(node.node, node.pods.values());
  copy.setEstimate(node.estimate, node.isTooHot);
  if (node.nominated !== undefined) copy.nominated = new Map(node.nominated);
  return copy;
}
