/**
 * ResourceQuota: how much the objects of a namespace may use together. Source: Kubernetes API reference, core/v1
 * ResourceQuota.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, list, object, oneOf, quantities, ref, required, str, strings } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { quotaText } from './columns/resource-quota.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkResourceQuota } from './validation/resource-quota.ts';

export const ScopedResourceSelectorRequirementSchema = object(
  'ScopedResourceSelectorRequirement',
  'One test of a scope',
  {
    scopeName: required(str(1, 'the scope')),
    operator: required(oneOf(2, ['In', 'NotIn', 'Exists', 'DoesNotExist'], 'how the values of the scope are compared')),
    values: strings(3, 'values to compare with'),
  },
);

export type ScopedResourceSelectorRequirement = Static<typeof ScopedResourceSelectorRequirementSchema>;

export const ScopeSelectorSchema = object(
  'ScopeSelector',
  'Tests of scopes, which must all hold',
  {
    matchExpressions: list(1, ScopedResourceSelectorRequirementSchema, 'the tests'),
  },
  { atomic: true },
);

export type ScopeSelector = Static<typeof ScopeSelectorSchema>;

export const ResourceQuotaSpecSchema = object('ResourceQuotaSpec', 'What may be used at most', {
  hard: quantities(1, 'most of each resource: requests.cpu, pods, count/deployments.apps …'),
  scopes: strings(2, 'the objects that count: all of the scopes must hold; cannot change'),
  scopeSelector: ref(3, ScopeSelectorSchema, 'the objects that count, by values of scopes'),
});

export type ResourceQuotaSpec = Static<typeof ResourceQuotaSpecSchema>;

export const ResourceQuotaStatusSchema = object('ResourceQuotaStatus', 'What is used', {
  hard: quantities(1, 'most of each resource, as it is enforced'),
  used: quantities(2, 'what is used of it'),
});

export type ResourceQuotaStatus = Static<typeof ResourceQuotaStatusSchema>;

export const ResourceQuotaSchema = object('ResourceQuota', 'How much the objects of a namespace may use together', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always ResourceQuota')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, ResourceQuotaSpecSchema, 'what may be used at most', { default: {} })),
  status: defaulted(ref(3, ResourceQuotaStatusSchema, 'what is used', { default: {} })),
});

export type ResourceQuota = Static<typeof ResourceQuotaSchema>;

export const ResourceQuotaKind = defineKind<ResourceQuota>(KIND_NAMES.ResourceQuota, {
  shortNames: ['quota'],
  subresources: { status: true },
  columns: [
    nameColumn(),
    {
      name: 'Request',
      type: 'string',
      description: 'used and most of what is requested and counted',
      value: ({ status }) => quotaText(status, 'request'),
    },
    {
      name: 'Limit',
      type: 'string',
      description: 'used and most of what is limited',
      value: ({ status }) => quotaText(status, 'limit'),
    },
    ageColumn(),
  ],
  validate: ({ spec }, old) => checkResourceQuota(spec, old?.spec),
  schema: ResourceQuotaSchema,
});
