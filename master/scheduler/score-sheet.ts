/**
 * The scores of the feasible nodes: whole numbers 0…100 a plugin, and their sums by weight. Plain loops over two arrays:
 * this runs hundreds of times a pod, for each plugin.
 */
import { MAX_SCORE, type ScoreName } from './framework.ts';
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
  const plugins: { plugin: ScoreName; weight: number }[] = [];
  const scores = new Uint8Array(length * profile.scores.length);
  const raw = new Float64Array(length);
  for (const plugin of profile.scores) {
    const scorer = plugin.preScore(pod, snapshot, nodes);
    if (scorer === undefined) continue;
    let index = 0;
    for (const node of nodes) raw[index++] = scorer(node);
    plugin.normalizeScore?.(raw);
    const weight = profile.weights[plugin.name];
    addUp(raw, { scores, offset: plugins.length * length, totals, weight });
    plugins.push({ plugin: plugin.name, weight });
  }
  return new ScoreSheet(plugins, { scores, totals });
}

interface Sums {
  scores: Uint8Array;
  /** Where the plugin's scores begin. */
  offset: number;
  totals: Float64Array;
  weight: number;
}

/** Whole numbers, so that less than a hundredth of a score decides nothing and equal nodes are equal. */
function addUp(raw: Float64Array, { scores, offset, totals, weight }: Sums): void {
  for (let index = 0; index < raw.length; index += 1) {
    const score = Math.floor((raw[index] ?? 0) + 0.5);
    const whole = Math.min(MAX_SCORE, Math.max(0, score));
    scores[offset + index] = whole;
    totals[index] = (totals[index] ?? 0) + whole * weight;
  }
}
