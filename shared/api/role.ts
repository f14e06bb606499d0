/** Role: requests that are allowed in a namespace. Source: Kubernetes API reference, rbac.authorization.k8s.io/v1 Role. */
import type { Static } from 'typebox';
import { defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, list, object, ref, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { createdAtColumn } from './columns/created-at.ts';
import { KIND_NAMES } from './kind-names.ts';
import { PolicyRuleSchema } from './policy-rule.ts';
import { checkPolicyRules } from './validation/rbac.ts';

export const RoleSchema = object('Role', 'Requests that are allowed in a namespace', {
  apiVersion: defaulted(str(undefined, 'always rbac.authorization.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always Role')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  rules: list(2, PolicyRuleSchema, 'what is allowed'),
});

export type Role = Static<typeof RoleSchema>;

export const RoleKind = defineKind<Role>(KIND_NAMES.Role, {
  nameRule: 'path-segment',
  columns: [nameColumn(), createdAtColumn()],
  validate: ({ rules }) => checkPolicyRules(rules, { namespaced: true }),
  schema: RoleSchema,
});
