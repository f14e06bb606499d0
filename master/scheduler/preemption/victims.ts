/**
 * Preemption: which pods of lower priority must go from which node so that a pod fits. Pure.
 * As few disruption budgets as possible are broken, then the victims are as unimportant and as few as possible.
 * Invariant: no victim has the pod's priority or a higher one. Source: Kubernetes, "Pod Priority and Preemption".
 */
import { parseTime } from '../../../shared/platform/clock.ts';
import { type CompiledFilter, compileFilters, type Refusal, refusalOf } from '../feasibility.ts';
import type { FilterName } from '../framework.ts';
import { copyNode, type MutableNodeInfo, type NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Profile } from '../profile.ts';
import type { Snapshot } from '../snapshot.ts';
import { type Budget, splitByBudgets } from './budgets.ts';

export interface Preemption {
  node: string;
  /** Empty: pods that are leaving already make the room. */
  victims: readonly PodInfo[];
  /** Victims whose going breaks a budget. */
  violations: number;
}

export interface PreemptionInput {
  pod: PodInfo;
  snapshot: Snapshot;
  profile: Profile;
  /** Why each node refused. */
  refusals: readonly Refusal[];
  budgets: readonly Budget[];
}

/** Nodes that are tried in earnest; each costs a what-if with all its pods. */
const MAX_CANDIDATES = 100;

/** Undefined: nothing that may be done helps. */
export function computePreemption(input: PreemptionInput): Preemption | undefined {
  const { pod, snapshot, profile, refusals, budgets } = input;
  const yielding = new Set(profile.filters.filter((plugin) => plugin.yieldsToPreemption).map(({ name }) => name));
  const nodes = candidates(pod, { snapshot, refusals, yielding });
  if (nodes.length === 0) return undefined;
  const filters = compileFilters(pod, snapshot, profile);
  let best: Preemption | undefined;
  for (const node of nodes) {
    const found = selectVictims(filters, node, { pod, budgets });
    if (found !== undefined && (best === undefined || isBetter(found, best))) best = found;
  }
  return best;
}

/** Whether the node could take the pod if all pods of lower priority left. */
export function couldMakeRoom(filters: readonly CompiledFilter[], node: NodeInfo, pod: PodInfo): boolean {
  const lower = lowerPods(node, pod);
  if (lower.length === 0 || !mayPreempt(pod)) return false;
  const whatIf = new WhatIf(filters, node);
  for (const other of lower) whatIf.remove(other);
  const fits = refusalOf(filters, whatIf.node, pod) === undefined;
  whatIf.undo();
  return fits;
}

export function mayPreempt({ pod }: PodInfo): boolean {
  return pod.spec.preemptionPolicy !== 'Never';
}

function candidates(
  pod: PodInfo,
  { snapshot, refusals, yielding }: { snapshot: Snapshot; refusals: readonly Refusal[]; yielding: Set<FilterName> },
): NodeInfo[] {
  const nodes: NodeInfo[] = [];
  for (const { node: name, plugin } of refusals) {
    if (nodes.length >= MAX_CANDIDATES) break;
    const node = yielding.has(plugin) ? snapshot.node(name) : undefined;
    if (node !== undefined && lowerPods(node, pod).length > 0) nodes.push(node);
  }
  return nodes;
}

function lowerPods(node: NodeInfo, { priority }: PodInfo): PodInfo[] {
  const lower: PodInfo[] = [];
  for (const pod of node.pods.values()) if (pod.priority < priority) lower.push(pod);
  return lower;
}

/** All lower pods go; then, the most important first, each stays that can. */
function selectVictims(
  filters: readonly CompiledFilter[],
  node: NodeInfo,
  { pod, budgets }: { pod: PodInfo; budgets: readonly Budget[] },
): Preemption | undefined {
  const lower = lowerPods(node, pod);
  const whatIf = new WhatIf(filters, node);
  for (const other of lower) whatIf.remove(other);
  const fits = (): boolean => refusalOf(filters, whatIf.node, pod) === undefined;
  if (!fits()) {
    whatIf.undo();
    return undefined;
  }
  // Pods that are leaving make room without being driven away.
  const staying = lower.filter((other) => !other.isLeaving).sort(byImportance);
  // What the budgets allow is spent on the least important.
  const { violating, harmless } = splitByBudgets(staying.toReversed(), budgets);
  const victims: PodInfo[] = [];
  for (const other of [...violating.toReversed(), ...harmless.toReversed()]) {
    whatIf.add(other);
    if (fits()) continue;
    whatIf.remove(other);
    victims.push(other);
  }
  whatIf.undo();
  return { node: node.name, victims, violations: splitByBudgets(victims, budgets).violating.length };
}

/** A node with some of its pods taken away; filters that look beyond one node are told and told back. */
class WhatIf {
  readonly node: MutableNodeInfo;
  readonly #filters: readonly CompiledFilter[];
  readonly #removed = new Set<PodInfo>();

  constructor(filters: readonly CompiledFilter[], node: NodeInfo) {
    this.#filters = filters;
    this.node = copyNode(node);
  }

  remove(pod: PodInfo): void {
    this.node.removePod(pod);
    this.#removed.add(pod);
    for (const { filter } of this.#filters) filter.podLeaves?.(pod, this.node);
  }

  add(pod: PodInfo): void {
    this.node.addPod(pod);
    this.#removed.delete(pod);
    for (const { filter } of this.#filters) filter.podComes?.(pod, this.node);
  }

  undo(): void {
    for (const pod of [...this.#removed]) this.add(pod);
  }
}

/** The more important first: higher priority, then longer at work. */
function byImportance(a: PodInfo, b: PodInfo): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return startedMs(a) - startedMs(b) || (a.key < b.key ? -1 : 1);
}

function startedMs({ pod }: PodInfo): number {
  return parseTime(pod.status.startTime ?? pod.metadata.creationTimestamp) ?? 0;
}

function isBetter(a: Preemption, b: Preemption): boolean {
  const [ofA, ofB] = [rank(a), rank(b)];
  for (const [index, value] of ofA.entries()) {
    const other = ofB[index] ?? 0;
    if (value !== other) return value < other;
  }
  return false;
}

/** Smaller is better, the first difference decides. */
function rank({ victims, violations }: Preemption): number[] {
  const highest = victims.reduce((most, { priority }) => Math.max(most, priority), Number.NEGATIVE_INFINITY);
  const sum = victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0);
  // Of the most important victims, those that began last have done the least work.
  const important = victims.filter(({ priority }) => priority === highest);
  const earliest = important.reduce((least, pod) => Math.min(least, startedMs(pod)), Number.POSITIVE_INFINITY);
  return [violations, highest, sum, victims.length, -earliest];
}
