/** What a role allows and whom a binding names. Source: Kubernetes API reference, rbac.authorization.k8s.io/v1. */
import type { Static } from 'typebox';
import { defaulted, object, required, str, strings } from '../schema/fields.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

export const PolicyRuleSchema = object('PolicyRule', 'Requests that are allowed', {
  verbs: required(strings(1, 'verbs; * for all')),
  apiGroups: strings(2, 'groups; * for all, empty for the core group'),
  resources: strings(3, 'plural names, with subresource after a slash; * for all'),
  resourceNames: strings(4, 'names of objects; none for all'),
  nonResourceURLs: strings(5, 'paths that are no objects; a * at the end stands for anything'),
});

export type PolicyRule = Static<typeof PolicyRuleSchema>;

export const RoleRefSchema = object(
  'RoleRef',
  'The role that a binding grants',
  {
    apiGroup: required(str(1, 'group of the role', { default: RBAC_GROUP })),
    kind: required(str(2, 'Role or ClusterRole')),
    name: required(str(3, 'name of the role')),
  },
  { atomic: true },
);

export type RoleRef = Static<typeof RoleRefSchema>;

export const SubjectSchema = object(
  'Subject',
  'Who gets a role',
  {
    kind: required(str(1, 'User, Group or ServiceAccount')),
    apiGroup: defaulted(str(2, 'group of the kind; empty for a ServiceAccount')),
    name: required(str(3, 'name of who')),
    namespace: str(4, 'namespace of a ServiceAccount'),
  },
  { atomic: true },
);

export type Subject = Static<typeof SubjectSchema>;
