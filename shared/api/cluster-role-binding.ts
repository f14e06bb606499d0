/**
 * ClusterRoleBinding: who may do everywhere what a ClusterRole allows. Source: Kubernetes API reference,
 * rbac.authorization.k8s.io/v1 ClusterRoleBinding.
 */
import type { Static } from 'typebox';
import { defineKind } from '../schema/define-kind.ts';
import { defaulted, list, object, ref, required, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { bindingColumns } from './columns/role-binding.ts';
import { KIND_NAMES } from './kind-names.ts';
import { RoleRefSchema, SubjectSchema } from './policy-rule.ts';
import { applySubjectDefaults } from './role-binding.ts';
import { checkBinding } from './validation/rbac.ts';

export const ClusterRoleBindingSchema = object('ClusterRoleBinding', 'Who may do everywhere what a role allows', {
  apiVersion: defaulted(str(undefined, 'always rbac.authorization.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always ClusterRoleBinding')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  subjects: list(2, SubjectSchema, 'who'),
  roleRef: required(ref(3, RoleRefSchema, 'the role; cannot change')),
});

export type ClusterRoleBinding = Static<typeof ClusterRoleBindingSchema>;

export const ClusterRoleBindingKind = defineKind<ClusterRoleBinding>(KIND_NAMES.ClusterRoleBinding, {
  nameRule: 'path-segment',
  columns: bindingColumns,
  applyDefaults: applySubjectDefaults,
  validate: (binding, old) => checkBinding(binding, { namespaced: false, ...(old ? { old } : {}) }),
  schema: ClusterRoleBindingSchema,
});
