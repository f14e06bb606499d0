/**
 * One decision: pod and snapshot in, a node with its scores or the reasons of all nodes out. Pure but for the random
 * number that settles ties; the same snapshot, start and seed give the same node.
 */
import { defined } from '../../shared/platform/assert.ts';
import { nextInt, type Random } from '../../shared/platform/random.ts';
import { type CompiledFilter, compileFilters, type Refusal, refusalOf } from './feasibility.ts';
import type { FilterName, Reasons } from './framework.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { DEFAULT_PROFILE, type Profile } from './profile.ts';
import { computeScores, type ScoreSheet } from './score-sheet.ts';
import type { Snapshot } from './snapshot.ts';

export interface Placement {
  type: 'place';
  node: string;
  /** Feasible nodes that were scored, and what each plugin gave them. */
  candidates: readonly NodeInfo[];
  scores: ScoreSheet;
  /** Nodes that were asked before enough were found, and refused. */
  refusals: readonly Refusal[];
  /** Where the next decision starts to look. */
  nextStart: number;
}

export interface Impossibility {
  type: 'unschedulable';
  nodeCount: number;
  refusals: readonly Refusal[];
  /** Why no node at all can take the pod, and who says so; no node was asked then. */
  never?: { plugin: FilterName; reasons: Reasons };
}

export type Decision = Placement | Impossibility;

export interface DecisionInput {
  pod: PodInfo;
  snapshot: Snapshot;
  random: Random;
  /** Index of the first node to look at: rotated, so that sampling is fair to all nodes. */
  start?: number;
  profile?: Profile;
  /** Room was made for the pod there: it is taken when it does. */
  nominatedNode?: string | undefined;
  /** Feasible nodes to choose among; by the size of the cluster unless given. */
  enough?: number;
}

/** Clusters up to this size are looked at as a whole. */
const MIN_FEASIBLE_NODES = 100;

/** Share of a large cluster that is enough, as Kubernetes' adaptive percentageOfNodesToScore. */
const MIN_PERCENTAGE = 5;
const BASE_PERCENTAGE = 50;
const NODES_A_PERCENT = 125;

/** How many feasible nodes are enough to choose among. */
export function feasibleNodesToFind(nodeCount: number): number {
  if (nodeCount <= MIN_FEASIBLE_NODES) return nodeCount;
  const percentage = Math.max(MIN_PERCENTAGE, BASE_PERCENTAGE - Math.floor(nodeCount / NODES_A_PERCENT));
  return Math.max(MIN_FEASIBLE_NODES, Math.floor((nodeCount * percentage) / 100));
}

export function computeDecision(input: DecisionInput): Decision {
  const { pod, snapshot, random, profile = DEFAULT_PROFILE } = input;
  const filters = compileFilters(pod, snapshot, profile);
  const refused = filters.find(({ filter }) => filter.never !== undefined);
  if (refused !== undefined) {
    const never = { plugin: refused.plugin.name, reasons: refused.filter.never ?? [] };
    return { type: 'unschedulable', nodeCount: snapshot.nodes.length, refusals: [], never };
  }
  const { feasible, refusals, nextStart } = findCandidates(filters, input);
  if (feasible.length === 0) return { type: 'unschedulable', nodeCount: snapshot.nodes.length, refusals };
  const scores = computeScores(pod, feasible, { snapshot, profile });
  const node = defined(feasible[chooseBest(scores.totals, random)], 'the chosen node').name;
  return { type: 'place', node, candidates: feasible, scores, refusals, nextStart };
}

interface Candidates {
  feasible: NodeInfo[];
  refusals: Refusal[];
  nextStart: number;
}

function findCandidates(filters: readonly CompiledFilter[], input: DecisionInput): Candidates {
  const { pod, snapshot, start = 0, nominatedNode } = input;
  const nominated = nominatedNode === undefined ? undefined : snapshot.node(nominatedNode);
  if (nominated !== undefined && refusalOf(filters, nominated, pod) === undefined) {
    return { feasible: [nominated], refusals: [], nextStart: start };
  }
  const only = filters.find(({ filter }) => filter.only !== undefined)?.filter.only;
  if (only === undefined) return findFeasibleNodes(filters, input);
  const named = [...only].flatMap((name) => snapshot.node(name) ?? []);
  const found = findFeasibleNodes(filters, { ...input, snapshot: { ...snapshot, nodes: named }, start: 0 });
  const others = found.feasible.length > 0 ? [] : refuseOthers(filters, input, only);
  return { ...found, refusals: [...found.refusals, ...others], nextStart: start };
}

/** Only for the sentence that counts all nodes: nothing is asked of those that the pod does not name. */
function refuseOthers(
  filters: readonly CompiledFilter[],
  { snapshot }: DecisionInput,
  only: ReadonlySet<string>,
): Refusal[] {
  const naming = filters.find(({ filter }) => filter.only === only);
  const other = snapshot.nodes.find(({ name }) => !only.has(name));
  const reasons = other && naming?.filter.check(other);
  if (naming === undefined || reasons === undefined) return [];
  return snapshot.nodes.flatMap(({ name }) =>
    only.has(name) ? [] : [{ node: name, plugin: naming.plugin.name, reasons }],
  );
}

function findFeasibleNodes(
  filters: readonly CompiledFilter[],
  { pod, snapshot, start = 0, enough = feasibleNodesToFind(snapshot.nodes.length) }: DecisionInput,
): Candidates {
  const { nodes } = snapshot;
  const feasible: NodeInfo[] = [];
  const refusals: Refusal[] = [];
  let seen = 0;
  for (; seen < nodes.length && feasible.length < enough; seen += 1) {
    const node = defined(nodes[(start + seen) % nodes.length], 'a node of the snapshot');
    const refusal = refusalOf(filters, node, pod);
    if (refusal === undefined) feasible.push(node);
    else refusals.push(refusal);
  }
  return { feasible, refusals, nextStart: nodes.length === 0 ? 0 : (start + seen) % nodes.length };
}

/** Index of the largest total; among equals each is as likely as the others. */
function chooseBest(totals: Float64Array, random: Random): number {
  let best = Number.NEGATIVE_INFINITY;
  let ties: number[] = [];
  for (let index = 0; index < totals.length; index += 1) {
    const total = totals[index] ?? 0;
    if (total > best) {
      best = total;
      ties = [index];
    } else if (total === best) ties.push(index);
  }
  return defined(ties[ties.length === 1 ? 0 : nextInt(random, ties.length)], 'one of the best');
}
