/** Which pods a ResourceQuota is about. Pure. Source: Kubernetes, "Resource Quotas", quota scopes. */
import type { Pod } from '../pod.ts';
import { computeQosClass } from '../pod-defaults.ts';
import type { PodSpec } from '../pod-spec.ts';
import type { ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '../resource-quota.ts';

type ScopeTest = Pick<ScopedResourceSelectorRequirement, 'scopeName' | 'operator' | 'values'>;

type Scopes = Pick<ResourceQuotaSpec, 'scopes' | 'scopeSelector'>;

/** Whether all scopes hold; a quota without any is about every pod. */
export function matchesScopes(scopes: Scopes, pod: Pick<Pod, 'spec'>): boolean {
  return testsOf(scopes).every((test) => holds(test, pod.spec));
}

/** Scopes are about pods: a quota that has some counts nothing else. */
export function hasScopes(scopes: Scopes): boolean {
  return testsOf(scopes).length > 0;
}

function testsOf({ scopes = [], scopeSelector }: Scopes): ScopeTest[] {
  const simple = scopes.map((scopeName) => ({ scopeName, operator: 'Exists' as const }));
  return [...simple, ...(scopeSelector?.matchExpressions ?? [])];
}

function holds(test: ScopeTest, spec: PodSpec): boolean {
  switch (test.scopeName) {
    case 'Terminating':
      return spec.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return computeQosClass(spec) === 'BestEffort';
    case 'NotBestEffort':
      return computeQosClass(spec) !== 'BestEffort';
    case 'CrossNamespacePodAffinity':
      return reachesOtherNamespaces(spec);
    case 'PriorityClass':
      return priorityHolds(test, spec.priorityClassName ?? '');
    default:
      return false;
  }
}

function priorityHolds({ operator, values = [] }: ScopeTest, name: string): boolean {
  switch (operator) {
    case 'Exists':
      return name !== '';
    case 'DoesNotExist':
      return name === '';
    case 'In':
      return values.includes(name);
    case 'NotIn':
      return !values.includes(name);
  }
}

/** A neighbour is looked for in namespaces that are named or selected. */
function reachesOtherNamespaces({ affinity }: PodSpec): boolean {
  const terms = [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((one) => [
    ...(one?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(one?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
  return terms.some((term) => (term.namespaces ?? []).length > 0 || term.namespaceSelector !== undefined);
}
