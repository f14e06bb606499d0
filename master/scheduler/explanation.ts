/** A decision in words: Kubernetes' sentence for events, and a line a node for people who want to know more. */
import type { Decision, Impossibility, Placement } from './decision.ts';

/** `0/3 nodes are available: 1 Insufficient memory, 2 node(s) had untolerated taint {gpu: }.` */
export function renderImpossibility({ nodeCount, refusals, never }: Impossibility): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  if (never !== undefined) return `0/${nodeCount} nodes are available: ${never.reasons.join(', ')}.`;
  const counts = new Map<string, number>();
  for (const { reasons } of refusals) {
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodeCount} nodes are available: ${parts.join(', ')}.`;
}

/** One line a node that was looked at, best first: `pi-2: 2310 = BoardHealth 15×100 + …`, `pi-3: Insufficient memory`. */
export function renderDecision(decision: Decision): string[] {
  const refused = decision.refusals.map(({ node, reasons }) => `${node}: ${reasons.join(', ')}`);
  if (decision.type === 'unschedulable') return decision.never === undefined ? refused : [...decision.never.reasons];
  return [...rankCandidates(decision).map((index) => renderCandidate(decision, index)), ...refused];
}

/** Indexes of the candidates, best first. */
export function rankCandidates({ candidates, scores: { totals } }: Placement): number[] {
  const order = candidates.map((_, index) => index);
  return order.sort((a, b) => (totals[b] ?? 0) - (totals[a] ?? 0));
}

function renderCandidate({ candidates, scores }: Placement, index: number): string {
  const parts = scores.of(index).map(({ plugin, weight, score }) => `${plugin} ${weight}×${score}`);
  const sum = parts.length === 0 ? 'as good as any' : `${scores.totals[index]} = ${parts.join(' + ')}`;
  return `${candidates[index]?.name}: ${sum}`;
}
