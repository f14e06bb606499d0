/**
 * NodeAffinity: nodeSelector and required terms are demands, preferred terms are wishes by weight.
 * Source: Kubernetes API reference, NodeSelectorTerm: terms are alternatives, the tests of one term must all hold, an empty
 * term holds for no node, and metadata.name is the only field.
 */
import type { NodeSelectorRequirement, NodeSelectorTerm } from '../../../shared/api/affinity.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { type Labels, requirementMatches } from '../../../shared/machinery/label-selector.ts';
import { type FilterPlugin, normalizeByMaximum, type ScorePlugin } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';

const REASONS = ["node(s) didn't match Pod's node affinity/selector"];

export const nodeAffinityFilter: FilterPlugin = {
  name: 'NodeAffinity',
  yieldsToPreemption: false,
  preFilter({ pod }) {
    const matches = compileNodeDemands(pod);
    if (matches === undefined) return undefined;
    const only = namedNodes(pod);
    return { check: (node) => (matches(node) ? undefined : REASONS), ...(only === undefined ? {} : { only }) };
  },
};

/** Whether a node satisfies nodeSelector and required affinity; undefined: the pod demands nothing. */
export function compileNodeDemands({ spec }: Pod): ((node: NodeLabels) => boolean) | undefined {
  const selector = Object.entries(spec.nodeSelector ?? {});
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (selector.length === 0 && required === undefined) return undefined;
  return (node) =>
    selector.every(([key, value]) => node.labels[key] === value) &&
    (required === undefined || required.nodeSelectorTerms.some((term) => termMatches(term, node)));
}

/** When every alternative names its nodes, as those of DaemonSets do, nothing else need be looked at. */
function namedNodes({ spec }: Pod): Set<string> | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return undefined;
  const named = terms.map((term) => term.matchFields?.find(({ operator }) => operator === 'In')?.values);
  return named.every((values) => values !== undefined) ? new Set(named.flat()) : undefined;
}

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

export type NodeLabels = Pick<NodeInfo, 'name' | 'labels'>;

export function termMatches(term: NodeSelectorTerm, node: NodeLabels): boolean {
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
