/**
 * The scores of the feasible nodes: whole numbers 0…100 a plugin, and their sums by weight. Plain loops over two arrays:
 * this runs hundreds of times a pod, for each plugin.
 */
import { type NodeScorer, type ScoreName, type ScorePlugin, toWholeScore } from './framework.ts';
import type { LocalScorer, Sums } from './local-scores.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { Profile } from './profile.ts';
import type { Snapshot } from './snapshot.ts';

export interface PluginScore {
  plugin: ScoreName;
  weight: number;
  score: number;
}

export class ScoreSheet {
  /** By candidate. */
  readonly totals: Float64Array;
  readonly #plugins: readonly { plugin: ScoreName; weight: number }[];
  /** All of the first plugin, all of the second, … */
  readonly #scores: Uint8Array;

  constructor(
    plugins: readonly { plugin: ScoreName; weight: number }[],
    { scores, totals }: { scores: Uint8Array; totals: Float64Array },
  ) {
    this.#plugins = plugins;
    this.#scores = scores;
    this.totals = totals;
  }

  /** Scores that are kept: what a record of it costs. */
  get size(): number {
    return this.#scores.length;
  }

  /** What each plugin gave one candidate; plugins that said nothing are left out. */
  of(candidate: number): PluginScore[] {
    const { length } = this.totals;
    return this.#plugins.map((plugin, row) => ({ ...plugin, score: this.#scores[row * length + candidate] ?? 0 }));
  }
}

/** A single candidate needs no scores. */
export function computeScores(
  pod: PodInfo,
  nodes: readonly NodeInfo[],
  { snapshot, profile }: { snapshot: Snapshot; profile: Profile },
): ScoreSheet {
  const { length } = nodes;
  const totals = new Float64Array(length);
  if (length === 1) return new ScoreSheet([], { scores: new Uint8Array(0), totals });
  const scorers = compileScorers(pod, nodes, { snapshot, profile });
  const locals = snapshot.localScores.of(pod.requests, scorers.filter(isLocal).map(toLocalScorer), nodes);
  const scores = new Uint8Array(length * scorers.length);
  const plugins = scorers.map(({ plugin }) => ({ plugin: plugin.name, weight: profile.weights[plugin.name] }));
  scorers.forEach((scorer, row) => {
    const sums: Sums = { scores, offset: row * length, totals, weight: profile.weights[scorer.plugin.name] };
    if (locals !== undefined && isLocal(scorer)) locals.addUp(scorer.plugin, sums);
    else addUp(rawScores(scorer, nodes), sums);
  });
  return new ScoreSheet(plugins, { scores, totals });
}

interface Scorer {
  readonly plugin: ScorePlugin;
  readonly score: NodeScorer;
}

/** Plugins that have something to say about the pod. */
function compileScorers(
  pod: PodInfo,
  nodes: readonly NodeInfo[],
  { snapshot, profile }: { snapshot: Snapshot; profile: Profile },
): Scorer[] {
  return profile.scores.flatMap((plugin) => {
    const score = plugin.preScore(pod, snapshot, nodes);
    return score === undefined ? [] : [{ plugin, score }];
  });
}

function isLocal({ plugin }: Scorer): boolean {
  return plugin.isLocal === true;
}

function toLocalScorer({ plugin, score }: Scorer): LocalScorer {
  return { plugin, score: (node) => toWholeScore(score(node)) };
}

function rawScores({ plugin, score }: Scorer, nodes: readonly NodeInfo[]): Float64Array {
  const raw = new Float64Array(nodes.length);
  let index = 0;
  for (const node of nodes) raw[index++] = score(node);
  plugin.normalizeScore?.(raw);
  return raw;
}

function addUp(raw: Float64Array, { scores, offset, totals, weight }: Sums): void {
  for (let index = 0; index < raw.length; index += 1) {
    const whole = toWholeScore(raw[index] ?? 0);
    scores[offset + index] = whole;
    totals[index] = (totals[index] ?? 0) + whole * weight;
  }
}
