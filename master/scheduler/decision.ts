/**
 * One decision: pod and snapshot in, a node with its scores or the reasons of all nodes out. Pure but for the random
 * number that settles ties; the same snapshot, start and seed give the same node.
 */
import { defined } from '../../shared/platform/assert.ts';
import { nextInt, type Random } from '../../shared/platform/random.ts';
import { clampScore, type FilterName, type NodeFilter, type ScoreName, type Snapshot } from './framework.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { DEFAULT_PROFILE, type Profile } from './profile.ts';

export interface Refusal {
  node: string;
  plugin: FilterName;
  /** Kubernetes' words: `Insufficient memory`. */
  reasons: readonly string[];
}

/** One plugin's scores, whole numbers 0…100 before the weight, in the order of `Placement.candidates`. */
export interface PluginScores {
  plugin: ScoreName;
  weight: number;
  scores: Float64Array;
}

export interface Placement {
  type: 'place';
  node: string;
  /** Feasible nodes that were scored, and what each plugin gave them. */
  candidates: readonly NodeInfo[];
  scores: readonly PluginScores[];
  totals: Float64Array;
  /** Where the next decision starts to look. */
  nextStart: number;
}

export interface Impossibility {
  type: 'unschedulable';
  nodeCount: number;
  refusals: readonly Refusal[];
}

export type Decision = Placement | Impossibility;

export interface DecisionInput {
  pod: PodInfo;
  snapshot: Snapshot;
  random: Random;
  /** Index of the first node to look at: rotated, so that sampling is fair to all nodes. */
  start?: number;
  profile?: Profile;
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
  const { pod, snapshot, random, start = 0, profile = DEFAULT_PROFILE } = input;
  const { feasible, refusals, nextStart } = findFeasibleNodes(compileFilters(pod, profile), snapshot.nodes, start);
  if (feasible.length === 0) return { type: 'unschedulable', nodeCount: snapshot.nodes.length, refusals };
  const scores = scoreNodes(pod, feasible, { snapshot, profile });
  const totals = addUp(scores, feasible.length);
  const node = defined(feasible[chooseBest(totals, random)], 'the chosen node').name;
  return { type: 'place', node, candidates: feasible, scores, totals, nextStart };
}

interface CompiledFilter {
  plugin: FilterName;
  filter: NodeFilter;
}

export function compileFilters(pod: PodInfo, profile: Profile): CompiledFilter[] {
  return profile.filters.flatMap((plugin) => {
    const filter = plugin.preFilter(pod);
    return filter === undefined ? [] : [{ plugin: plugin.name, filter }];
  });
}

/** The first refusal; undefined: the node can take the pod. */
export function refusalOf(filters: readonly CompiledFilter[], node: NodeInfo): Refusal | undefined {
  for (const { plugin, filter } of filters) {
    const reasons = filter(node);
    if (reasons !== undefined) return { node: node.name, plugin, reasons };
  }
  return undefined;
}

function findFeasibleNodes(filters: readonly CompiledFilter[], nodes: readonly NodeInfo[], start: number) {
  const enough = feasibleNodesToFind(nodes.length);
  const feasible: NodeInfo[] = [];
  const refusals: Refusal[] = [];
  let seen = 0;
  for (; seen < nodes.length && feasible.length < enough; seen += 1) {
    const node = defined(nodes[(start + seen) % nodes.length], 'a node of the snapshot');
    const refusal = refusalOf(filters, node);
    if (refusal === undefined) feasible.push(node);
    else refusals.push(refusal);
  }
  return { feasible, refusals, nextStart: nodes.length === 0 ? 0 : (start + seen) % nodes.length };
}

/** Plain loops over typed arrays: this runs hundreds of times a pod, for each plugin. */
function scoreNodes(
  pod: PodInfo,
  nodes: readonly NodeInfo[],
  context: { snapshot: Snapshot; profile: Profile },
): PluginScores[] {
  if (nodes.length === 1) return [];
  const all: PluginScores[] = [];
  for (const plugin of context.profile.scores) {
    const scorer = plugin.preScore(pod, context.snapshot);
    if (scorer === undefined) continue;
    const scores = new Float64Array(nodes.length);
    let index = 0;
    for (const node of nodes) scores[index++] = scorer(node);
    plugin.normalizeScore?.(scores);
    all.push({ plugin: plugin.name, weight: context.profile.weights[plugin.name], scores });
  }
  return all;
}

/** Scores become whole numbers, so that less than a hundredth of a score decides nothing and equal nodes are equal. */
function addUp(plugins: readonly PluginScores[], length: number): Float64Array {
  const totals = new Float64Array(length);
  for (const { scores, weight } of plugins) {
    for (let index = 0; index < length; index += 1) {
      const score = Math.round(clampScore(scores[index] ?? 0));
      scores[index] = score;
      totals[index] = (totals[index] ?? 0) + score * weight;
    }
  }
  return totals;
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
