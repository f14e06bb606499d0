/** InterPodAffinity, score: wishes of the pod about its neighbours and of the neighbours about the pod, added up by weight. */
import { normalizeByRange, type ScorePlugin } from '../framework.ts';
import type { CountsByNode } from '../pod-groups.ts';
import type { PodInfo } from '../pod-info.ts';
import type { WeightedTerm } from '../pod-terms.ts';
import type { Snapshot } from '../snapshot.ts';

/** Topology key → value → what a place in that group is worth. */
type Worth = Map<string, Map<string, number>>;

export const interPodAffinityScore: ScorePlugin = {
  name: 'InterPodAffinity',
  preScore(pod, snapshot) {
    const own = pod.terms?.wishes ?? [];
    if (own.length === 0 && !snapshot.terms.hasWishes) return undefined;
    const worth = computeWorth(pod, own, snapshot);
    if (worth.size === 0) return undefined;
    return ({ labels }) => {
      let sum = 0;
      for (const [topologyKey, ofKey] of worth) sum += ofKey.get(labels[topologyKey] ?? '') ?? 0;
      return sum;
    };
  },
  normalizeScore: normalizeByRange,
};

function computeWorth(pod: PodInfo, own: readonly WeightedTerm[], snapshot: Snapshot): Worth {
  const worth: Worth = new Map();
  for (const term of own) addWorth(worth, term, { nodes: snapshot.groups.counts([term.query]), snapshot });
  for (const { term, nodes } of snapshot.terms.wishes) {
    if (snapshot.groups.matches([term.query], pod)) addWorth(worth, term, { nodes, snapshot });
  }
  return worth;
}

function addWorth(
  worth: Worth,
  { topologyKey, weight }: WeightedTerm,
  { nodes, snapshot }: { nodes: CountsByNode; snapshot: Snapshot },
): void {
  const ofKey = worth.get(topologyKey) ?? new Map<string, number>();
  for (const [name, count] of nodes) {
    const domain = snapshot.node(name)?.labels[topologyKey];
    if (domain !== undefined) ofKey.set(domain, (ofKey.get(domain) ?? 0) + weight * count);
  }
  if (ofKey.size > 0) worth.set(topologyKey, ofKey);
}
