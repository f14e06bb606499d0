/**
 * Scores that depend on what a pod asks for and on one node alone, kept between decisions: replicas ask for the same, and one
 * placement changes one node. Invariant: what is kept is what the scorer would say now, for a node's `version` changes with
 * whatever a scorer can read of it.
 */
import type { PodRequests } from '../../shared/api/pod-requests.ts';
import { defined } from '../../shared/platform/assert.ts';
import { NO_SLOT, type NodeInfo } from './node-info.ts';

export interface LocalScorer {
  /** Whose scores they are: another one, or one with other settings, is another object. */
  readonly plugin: object;
  /** A whole number, 0…100. */
  score(node: NodeInfo): number;
}

/** Kinds of pods that are remembered: the least recently asked for goes first. */
const MAX_SHAPES = 16;

/** Room for so many nodes more than there are, so that a joining one does not empty the tables. */
const SPARE_SLOTS = 64;

export class LocalScores {
  readonly #byShape = new Map<string, ShapeScores>();

  /** Of the nodes in their order; undefined: pods like it are not remembered, or a node has no slot. */
  of(
    requests: PodRequests,
    scorers: readonly LocalScorer[],
    nodes: readonly NodeInfo[],
  ): { addUp(plugin: object, sums: Sums): void } | undefined {
    if (requests.others.size > 0 || scorers.length === 0) return undefined;
    const slots = new Int32Array(nodes.length);
    let largest = 0;
    for (let index = 0; index < nodes.length; index += 1) {
      const slot = nodes[index]?.slot ?? NO_SLOT.slot;
      if (slot === NO_SLOT.slot) return undefined;
      slots[index] = slot;
      if (slot > largest) largest = slot;
    }
    const shape = this.#shape(shapeOf(requests), scorers, largest + 1);
    shape.refresh(nodes, scorers);
    return { addUp: (plugin, sums) => shape.addUp(plugin, slots, sums) };
  }

  #shape(shape: string, scorers: readonly LocalScorer[], size: number): ShapeScores {
    const plugins = scorers.map(({ plugin }) => plugin);
    const known = this.#byShape.get(shape);
    const scores = known?.serves(plugins, size) ? known : new ShapeScores(plugins, size + SPARE_SLOTS);
    this.#byShape.delete(shape);
    this.#byShape.set(shape, scores);
    for (const oldest of this.#byShape.keys()) {
      if (this.#byShape.size <= MAX_SHAPES) break;
      this.#byShape.delete(oldest);
    }
    return scores;
  }
}

/** Of all pods that ask for the same. */
class ShapeScores {
  readonly #plugins: readonly object[];
  /** By slot: the version of the node that was scored. */
  readonly #versions: Float64Array;
  /** By plugin, by slot. */
  readonly #scores: readonly Uint8Array[];

  constructor(plugins: readonly object[], size: number) {
    this.#plugins = plugins;
    this.#versions = new Float64Array(size);
    this.#scores = plugins.map(() => new Uint8Array(size));
  }

  serves(plugins: readonly object[], size: number): boolean {
    const isSame = plugins.length === this.#plugins.length && plugins.every((one, row) => one === this.#plugins[row]);
    return isSame && size <= this.#versions.length;
  }

  /** Asks the scorers about the nodes that changed. */
  refresh(nodes: readonly NodeInfo[], scorers: readonly LocalScorer[]): void {
    for (const node of nodes) {
      if (this.#versions[node.slot] !== node.version) this.#score(node, scorers);
    }
  }

  #score(node: NodeInfo, scorers: readonly LocalScorer[]): void {
    scorers.forEach((scorer, row) => {
      const scores = this.#scores[row];
      if (scores !== undefined) scores[node.slot] = scorer.score(node);
    });
    this.#versions[node.slot] = node.version;
  }

  addUp(plugin: object, slots: Int32Array, { scores, offset, totals, weight }: Sums): void {
    const known = defined(this.#scores[this.#plugins.indexOf(plugin)], 'a plugin that was asked');
    for (let index = 0; index < slots.length; index += 1) {
      const score = known[slots[index] ?? 0] ?? 0;
      scores[offset + index] = score;
      totals[index] = (totals[index] ?? 0) + score * weight;
    }
  }
}

export interface Sums {
  scores: Uint8Array;
  /** Where the plugin's scores begin. */
  offset: number;
  totals: Float64Array;
  weight: number;
}

function shapeOf({ cpuMillis, memoryBytes, scoringCpuMillis, scoringMemoryBytes }: PodRequests): string {
  return `${cpuMillis} ${memoryBytes} ${scoringCpuMillis} ${scoringMemoryBytes}`;
}
