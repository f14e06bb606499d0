/**
 * RoleBinding: who may do in a namespace what a Role or ClusterRole allows. Source: Kubernetes API reference,
 * rbac.authorization.k8s.io/v1 RoleBinding.
 */
import type { Static } from 'typebox';
import { defineKind } from '../schema/define-kind.ts';
import { defaulted, list, object, ref, required, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { bindingColumns } from './columns/role-binding.ts';
import { KIND_NAMES } from './kind-names.ts';
import { RBAC_GROUP, RoleRefSchema, type Subject, SubjectSchema } from './policy-rule.ts';
import { checkBinding } from './validation/rbac.ts';

export const RoleBindingSchema = object('RoleBinding', 'Who may do in a namespace what a role allows', {
  apiVersion: defaulted(str(undefined, 'always rbac.authorization.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always RoleBinding')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  subjects: list(2, SubjectSchema, 'who'),
  roleRef: required(ref(3, RoleRefSchema, 'the role; cannot change')),
});

export type RoleBinding = Static<typeof RoleBindingSchema>;

/** Users and groups are names of this group, ServiceAccounts are objects of the core group. */
export function applySubjectDefaults({ subjects = [] }: { subjects?: Subject[] }): void {
  for (const subject of subjects) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= RBAC_GROUP;
  }
}

export const RoleBindingKind = defineKind<RoleBinding>(KIND_NAMES.RoleBinding, {
  nameRule: 'path-segment',
  columns: bindingColumns,
  applyDefaults: applySubjectDefaults,
  validate: (binding, old) => checkBinding(binding, { namespaced: true, ...(old ? { old } : {}) }),
  schema: RoleBindingSchema,
});
