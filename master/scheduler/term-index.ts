/**
 * The terms of placed pods about their neighbours, each once with the nodes whose pods have it: a new pod is held against a
 * handful of different terms and not against every pod of the cluster.
 */
import { addTo, type CountsByNode } from './pod-groups.ts';
import type { PodInfo } from './pod-info.ts';
import type { AffinityTerm, WeightedTerm } from './pod-terms.ts';

export interface TermUse<T extends AffinityTerm> {
  readonly term: T;
  /** Node name → how many of its pods have the term. */
  readonly nodes: CountsByNode;
}

interface MutableUse<T extends AffinityTerm> {
  term: T;
  nodes: Map<string, number>;
}

/** A demand to be near somebody counts as a weak wish of theirs to be near the pod, as in Kubernetes' default. */
const HARD_AFFINITY_WEIGHT = 1;

export class TermIndex {
  readonly #antiRequired = new Map<string, MutableUse<AffinityTerm>>();
  readonly #wishes = new Map<string, MutableUse<WeightedTerm>>();

  /** Demands of placed pods that some pods stay away. */
  get antiRequired(): Iterable<TermUse<AffinityTerm>> {
    return this.#antiRequired.values();
  }

  get hasAntiRequired(): boolean {
    return this.#antiRequired.size > 0;
  }

  /** Wishes of placed pods about the pods near them. */
  get wishes(): Iterable<TermUse<WeightedTerm>> {
    return this.#wishes.values();
  }

  get hasWishes(): boolean {
    return this.#wishes.size > 0;
  }

  count({ terms }: PodInfo, nodeName: string, sign: 1 | -1): void {
    if (terms === undefined) return;
    for (const term of terms.antiRequired) countUse(this.#antiRequired, term.key, { term, nodeName, sign });
    const wishes = [...terms.wishes, ...terms.required.map((term) => ({ ...term, weight: HARD_AFFINITY_WEIGHT }))];
    for (const term of wishes) countUse(this.#wishes, `${term.weight}\n${term.key}`, { term, nodeName, sign });
  }
}

function countUse<T extends AffinityTerm>(
  uses: Map<string, MutableUse<T>>,
  key: string,
  { term, nodeName, sign }: { term: T; nodeName: string; sign: 1 | -1 },
): void {
  const use = uses.get(key) ?? { term, nodes: new Map<string, number>() };
  addTo(use.nodes, nodeName, sign);
  if (use.nodes.size === 0) uses.delete(key);
  else uses.set(key, use);
}
