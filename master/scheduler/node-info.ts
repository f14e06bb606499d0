/**
 * What scheduling needs to know of a node, kept up to date by small steps so that a decision never adds up pods.
 * Invariant: `requested`, `podCount`, `usedPorts` and `podsByOwner` are the sums over the pods that are counted in.
 */
import type { Node } from '../../shared/api/node.ts';
import type { Taint } from '../../shared/api/node-spec.ts';
import type { BoardReading } from './board-reading.ts';
import type { HostPort, PodInfo } from './pod-info.ts';
import { type Allocatable, parseAllocatable } from './resources.ts';

export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly isUnschedulable: boolean;
  readonly allocatable: Allocatable;
  /** What the pods on the node asked for. */
  readonly requested: Requested;
  readonly podCount: number;
  readonly usedPorts: readonly HostPort[];
  /** uid of a controller → number of its pods here. */
  readonly podsByOwner: ReadonlyMap<string, number>;
  readonly reading: BoardReading | undefined;
  /** Assumed use of the pods that came after the reading was taken: not in its figures yet. */
  readonly sinceReading: { readonly cpuMillis: number; readonly memoryBytes: number };
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

/** The changing side of NodeInfo; only the cache holds it as such. */
export class MutableNodeInfo implements NodeInfo {
  readonly name: string;
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
  podCount = 0;
  usedPorts: HostPort[] = [];
  readonly podsByOwner = new Map<string, number>();
  reading: BoardReading | undefined = undefined;
  sinceReading = { cpuMillis: 0, memoryBytes: 0 };

  constructor(node: Node) {
    this.name = node.metadata.name;
    this.node = node;
    this.allocatable = parseAllocatable(node.status.allocatable);
    this.setNode(node);
  }

  setNode(node: Node): void {
    this.node = node;
    this.labels = node.metadata.labels ?? NO_LABELS;
    this.taints = node.spec.taints ?? NO_TAINTS;
    this.isUnschedulable = node.spec.unschedulable === true;
    this.allocatable = parseAllocatable(node.status.allocatable);
  }

  setReading(reading: BoardReading | undefined): void {
    this.reading = reading;
    this.sinceReading = { cpuMillis: 0, memoryBytes: 0 };
  }

  addPod(pod: PodInfo): void {
    this.#count(pod, 1);
    this.usedPorts.push(...pod.hostPorts);
  }

  /** The pod was placed just now; the next reading will show what it uses. */
  noteSinceReading({ requests }: PodInfo): void {
    this.sinceReading.cpuMillis += requests.scoringCpuMillis;
    this.sinceReading.memoryBytes += requests.scoringMemoryBytes;
  }

  removePod(pod: PodInfo): void {
    this.#count(pod, -1);
    const gone = new Set(pod.hostPorts);
    if (gone.size > 0) this.usedPorts = this.usedPorts.filter((port) => !gone.has(port));
  }

  #count(pod: PodInfo, sign: 1 | -1): void {
    const { requested } = this;
    const { requests, ownerUid } = pod;
    requested.cpuMillis += sign * requests.cpuMillis;
    requested.memoryBytes += sign * requests.memoryBytes;
    requested.scoringCpuMillis += sign * requests.scoringCpuMillis;
    requested.scoringMemoryBytes += sign * requests.scoringMemoryBytes;
    for (const [name, amount] of requests.others) addTo(requested.others, name, sign * amount);
    if (ownerUid !== undefined) addTo(this.podsByOwner, ownerUid, sign);
    this.podCount += sign;
  }
}

/** Entries that fall to zero go, so that maps do not grow with every owner that ever was. */
function addTo(map: Map<string, number>, key: string, amount: number): void {
  const sum = (map.get(key) ?? 0) + amount;
  if (sum === 0) map.delete(key);
  else map.set(key, sum);
}
