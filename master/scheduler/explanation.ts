/** A decision in words: Kubernetes' sentence for events, and a line a node for people who want to know more. */
import type { Decision, Impossibility, Placement } from './decision.ts';

/** `0/3 nodes are available: 1 Insufficient memory, 2 node(s) had untolerated taint {gpu: }.` */
export function renderImpossibility({ nodeCount, refusals }: Impossibility): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  const counts = new Map<string, number>();
  for (const reason of refusals.flatMap((refusal) => refusal.reasons))
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodeCount} nodes are available: ${parts.join(', ')}.`;
}

/** One line a node that was looked at, best first: `pi-2: 2310 = BoardHealth 15×100 + …`, `pi-3: Insufficient memory`. */
export function renderDecision(decision: Decision): string[] {
  if (decision.type === 'unschedulable') {
    return decision.refusals.map(({ node, reasons }) => `${node}: ${reasons.join(', ')}`);
  }
  const order = decision.candidates.map((_, index) => index);
  order.sort((a, b) => (decision.totals[b] ?? 0) - (decision.totals[a] ?? 0));
  return order.map((index) => renderCandidate(decision, index));
}

function renderCandidate({ candidates, scores, totals }: Placement, index: number): string {
  const parts = scores.map((plugin) => `${plugin.plugin} ${plugin.weight}×${plugin.scores[index]}`);
  const sum = parts.length === 0 ? 'the only feasible node' : `${totals[index]} = ${parts.join(' + ')}`;
  return `${candidates[index]?.name}: ${sum}`;
}
