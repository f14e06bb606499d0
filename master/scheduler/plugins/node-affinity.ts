/**
 * NodeAffinity: nodeSelector and required terms are demands, preferred terms are wishes by weight.
 * Source: Kubernetes API reference, NodeSelectorTerm: terms are alternatives, the tests of one term must all hold, an empty
 * term holds for no node, and metadata.name is the only field.
 */
import type { NodeSelectorRequirement, NodeSelectorTerm } from '../../../shared/api/affinity.ts';
import { type Labels, requirementMatches } from '../../../shared/machinery/label-selector.ts';
import { type FilterPlugin, normalizeByMaximum, type ScorePlugin } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';

const REASONS = ["node(s) didn't match Pod's node affinity/selector"];

export const nodeAffinityFilter: FilterPlugin = {
  name: 'NodeAffinity',
  preFilter({ pod }) {
    const selector = Object.entries(pod.spec.nodeSelector ?? {});
    const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (selector.length === 0 && required === undefined) return undefined;
    return (node) => {
      const isSelected = selector.every(([key, value]) => node.labels[key] === value);
      const isWanted = required === undefined || required.nodeSelectorTerms.some((term) => termMatches(term, node));
      return isSelected && isWanted ? undefined : REASONS;
    };
  },
};

export const nodeAffinityScore: ScorePlugin = {
  name: 'NodeAffinity',
  preScore({ pod }) {
    const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    if (preferred.length === 0) return undefined;
    return (node) =>
      preferred.reduce((sum, { weight, preference }) => sum + (preferenceHolds(preference, node) ? weight : 0), 0);
  },
  normalizeScore: normalizeByMaximum,
};

export function termMatches(term: NodeSelectorTerm, node: Pick<NodeInfo, 'name' | 'labels'>): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return allHold(matchExpressions, node.labels) && allHold(matchFields, { 'metadata.name': node.name });
}

/** A wish without any test is a wish for every node. */
function preferenceHolds(term: NodeSelectorTerm, node: NodeInfo): boolean {
  const isEmpty = (term.matchExpressions ?? []).length === 0 && (term.matchFields ?? []).length === 0;
  return isEmpty || termMatches(term, node);
}

function allHold(requirements: readonly NodeSelectorRequirement[], labels: Labels): boolean {
  return requirements.every(({ key, operator, values = [] }) => requirementMatches({ key, operator, values }, labels));
}
