/** A decision as the object that people and the status page read. Pure. */
import type { Placement, PlacementNode } from '../../../shared/api/placement.ts';
import type { Decision } from '../decision.ts';
import { rankCandidates, renderImpossibility } from '../explanation.ts';

/** Nodes that one answer names; the best and then the refusals come first. */
export const MAX_EXPLAINED_NODES = 500;

export type Explained = Pick<Placement, 'nodes' | 'nodesLeftOut' | 'message'>;

/** `nodeCount` is of the whole cluster. */
export function renderPlacement(decision: Decision, nodeCount: number): Explained {
  const nodes = [...renderCandidates(decision), ...renderRefusals(decision)].slice(0, MAX_EXPLAINED_NODES);
  return { nodes, nodesLeftOut: Math.max(0, nodeCount - nodes.length), message: renderMessage(decision, nodeCount) };
}

function renderMessage(decision: Decision, nodeCount: number): string {
  if (decision.type === 'unschedulable') return renderImpossibility(decision);
  const { candidates, node } = decision;
  const count = `${candidates.length} of ${nodeCount} node${nodeCount === 1 ? '' : 's'}`;
  return candidates.length === 1 ? `${node} is the only one that could take it` : `${node} was the best of ${count}`;
}

function renderCandidates(decision: Decision): PlacementNode[] {
  if (decision.type === 'unschedulable') return [];
  const { candidates, scores, node: chosen } = decision;
  const order = rankCandidates(decision);
  // Among equals the one that was drawn comes first.
  order.sort((a, b) => {
    const isEqual = scores.totals[a] === scores.totals[b];
    return isEqual ? Number(candidates[b]?.name === chosen) - Number(candidates[a]?.name === chosen) : 0;
  });
  return order.map((index) => ({
    name: candidates[index]?.name ?? '',
    feasible: true,
    total: scores.totals[index] ?? 0,
    scores: scores.of(index),
  }));
}

function renderRefusals({ refusals }: Decision): PlacementNode[] {
  return refusals.map(({ node, plugin, reasons }) => ({ name: node, feasible: false, plugin, reasons: [...reasons] }));
}
