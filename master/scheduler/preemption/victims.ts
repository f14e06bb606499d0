/**
 * Preemption: which pods of lower priority must go from which node so that a pod fits. Pure.
 * As few disruption budgets as possible are broken, then the victims are as unimportant and as few as possible.
 * Invariant: no victim has the pod's priority or a higher one. Source: Kubernetes, "Pod Priority and Preemption".
 */
import { type CompiledFilter, compileFilters, type Refusal, refusalOf } from '../feasibility.ts';
import type { FilterName } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Profile } from '../profile.ts';
import type { Snapshot } from '../snapshot.ts';
import { type Budget, splitByBudgets } from './budgets.ts';
import { byImportance, isBetter, type Preemption } from './ranking.ts';
import { WhatIf } from './what-if.ts';

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

/** Up to so many pods every set of them is tried when budgets are at stake: 1,024 what-ifs at most. */
const MAX_PODS_FOR_ALL_SETS = 10;

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
  const violations = violationsOf(victims, budgets);
  const sparing = violations === 0 ? undefined : findSparingVictims(staying, { whatIf, fits, budgets });
  whatIf.undo();
  return sparing === undefined
    ? { node: node.name, victims, violations }
    : { node: node.name, victims: sparing, violations: 0 };
}

function violationsOf(victims: readonly PodInfo[], budgets: readonly Budget[]): number {
  return splitByBudgets(victims, budgets).violating.length;
}

/**
 * The importance of pods made a budget break: looks for other victims, however important, that break none. All sets are
 * tried where the node has few pods; where it has many, one at a time.
 */
function findSparingVictims(
  staying: readonly PodInfo[],
  { whatIf, fits, budgets }: { whatIf: WhatIf; fits: () => boolean; budgets: readonly Budget[] },
): PodInfo[] | undefined {
  let best: Preemption | undefined;
  for (const victims of setsOf(staying)) {
    if (violationsOf(victims, budgets) > 0) continue;
    const found = { node: whatIf.node.name, victims, violations: 0 };
    if (best !== undefined && !isBetter(found, best)) continue;
    whatIf.restore(staying.filter((pod) => !victims.includes(pod)));
    if (fits()) best = found;
  }
  return best === undefined ? undefined : [...best.victims];
}

function setsOf(pods: readonly PodInfo[]): PodInfo[][] {
  if (pods.length > MAX_PODS_FOR_ALL_SETS) return pods.map((pod) => [pod]);
  return pods.reduce<PodInfo[][]>((sets, pod) => sets.concat(sets.map((set) => set.concat(pod))), [[]]);
}
