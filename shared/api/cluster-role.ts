/**
 * ClusterRole: requests that are allowed everywhere, or in each namespace that binds it; can be put together from others.
 * Source: Kubernetes API reference, rbac.authorization.k8s.io/v1 ClusterRole.
 */
import type { Static } from 'typebox';
import { defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, list, object, ref, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { createdAtColumn } from './columns/created-at.ts';
import { KIND_NAMES } from './kind-names.ts';
import { LabelSelectorSchema } from './label-selector.ts';
import { PolicyRuleSchema } from './policy-rule.ts';
import { checkAggregation, checkPolicyRules } from './validation/rbac.ts';

export const AggregationRuleSchema = object('AggregationRule', 'Which roles this one is put together from', {
  clusterRoleSelectors: list(1, LabelSelectorSchema, 'choose ClusterRoles by their labels; one must hold'),
});

export type AggregationRule = Static<typeof AggregationRuleSchema>;

export const ClusterRoleSchema = object('ClusterRole', 'Requests that are allowed everywhere', {
  apiVersion: defaulted(str(undefined, 'always rbac.authorization.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always ClusterRole')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  rules: list(2, PolicyRuleSchema, 'what is allowed; kept by the server where there is an aggregation rule'),
  aggregationRule: ref(3, AggregationRuleSchema, 'which roles this one is put together from'),
});

export type ClusterRole = Static<typeof ClusterRoleSchema>;

export const ClusterRoleKind = defineKind<ClusterRole>(KIND_NAMES.ClusterRole, {
  nameRule: 'path-segment',
  columns: [nameColumn(), createdAtColumn()],
  validate: ({ rules, aggregationRule }) => [
    ...checkPolicyRules(rules, { namespaced: false }),
    ...checkAggregation(aggregationRule),
  ],
  schema: ClusterRoleSchema,
});
