/** The rules of a ClusterRole that is put together from others. Pure. Source: Kubernetes, "Aggregated ClusterRoles". */
import { jsonEqual } from '../../machinery/json.ts';
import { selectorFromLabelSelector, selectorMatches } from '../../machinery/label-selector.ts';
import type { ClusterRole } from '../cluster-role.ts';
import type { PolicyRule } from '../policy-rule.ts';

type Part = Pick<ClusterRole, 'metadata' | 'rules'>;

/** Rules of the selected roles in the order of their names, each once; undefined for a role without an aggregation rule. */
export function aggregateRules(
  role: Pick<ClusterRole, 'metadata' | 'aggregationRule'>,
  all: readonly Part[],
): PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (selectors === undefined) return undefined;
  const chosen = new Set<Part>();
  for (const selector of selectors.map(selectorFromLabelSelector)) {
    const matching = all.filter(({ metadata }) => selectorMatches(selector, metadata.labels));
    for (const part of matching.sort(byName)) if (part.metadata.name !== role.metadata.name) chosen.add(part);
  }
  const rules: PolicyRule[] = [];
  for (const rule of [...chosen].flatMap((part) => part.rules ?? [])) {
    if (!rules.some((present) => jsonEqual(present, rule))) rules.push(rule);
  }
  return rules;
}

function byName(a: Part, b: Part): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
