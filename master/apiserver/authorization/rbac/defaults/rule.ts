/** Short ways to write the rules and roles that every cluster begins with. */
import type { ClusterRole } from '../../../../../shared/api/cluster-role.ts';
import type { PolicyRule } from '../../../../../shared/api/policy-rule.ts';

export const READ = ['get', 'list', 'watch'];
export const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
export const READ_WRITE = [...WRITE, ...READ].sort();

/** Rights on resources of one group. */
export function on(apiGroup: string, resources: readonly string[], verbs: readonly string[]): PolicyRule {
  return { verbs: [...verbs], apiGroups: [apiGroup], resources: [...resources] };
}

export function paths(...nonResourceURLs: string[]): PolicyRule {
  return { verbs: ['get'], nonResourceURLs };
}

/** Whether the server puts back what is missing at each start; people switch it off with `false`. */
export const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

export const DEFAULT_META = {
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' },
  annotations: { [AUTO_UPDATE]: 'true' },
};

export type DefaultRole = Pick<ClusterRole, 'rules' | 'aggregationRule'> & {
  metadata: { name: string; labels: Record<string, string>; annotations: Record<string, string> };
};

export type UserRole = 'admin' | 'edit' | 'view';

const AGGREGATE = 'rbac.authorization.k8s.io/aggregate-to-';

export function role(name: string, rules: PolicyRule[]): DefaultRole {
  return { metadata: { name, ...DEFAULT_META }, rules };
}

/** A role whose rules others are put together from. */
export function partOf(target: UserRole | readonly UserRole[], name: string, rules: PolicyRule[]): DefaultRole {
  const labels = Object.fromEntries([target].flat().map((one) => [`${AGGREGATE}${one}`, 'true']));
  return { metadata: { ...DEFAULT_META, name, labels: { ...DEFAULT_META.labels, ...labels } }, rules };
}

/** A role that is put together from all with its label. */
export function aggregated(name: UserRole, target?: UserRole): DefaultRole {
  const matchLabels = { [`${AGGREGATE}${name}`]: 'true' };
  const { metadata } = target === undefined ? role(name, []) : partOf(target, name, []);
  return { metadata, aggregationRule: { clusterRoleSelectors: [{ matchLabels }] } };
}
