/**
 * NodeAffinity: nodeSelector and required terms are demands, preferred terms are wishes by weight.
 */
import type { NodeSelectorTerm } from '../../../shared/api/affinity.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { type NodeIdentity, nodeMeetsDemands, nodeTermMatches } from '../../../shared/machinery/node-selector.ts';
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
export function compileNodeDemands({ spec }: Pod): ((node: NodeIdentity) => boolean) | undefined {
  const hasSelector = spec.nodeSelector !== undefined && Object.keys(spec.nodeSelector).length > 0;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return hasSelector || required !== undefined ? (node) => nodeMeetsDemands(spec, node) : undefined;
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

/** A wish without any test is a wish for every node. */
function preferenceHolds(term: NodeSelectorTerm, node: NodeInfo): boolean {
  const isEmpty = (term.matchExpressions ?? []).length === 0 && (term.matchFields ?? []).length === 0;
  return isEmpty || nodeTermMatches(term, node);
}
