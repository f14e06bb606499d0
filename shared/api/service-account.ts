/** ServiceAccount: an identity for the processes of pods. Source: Kubernetes API reference, core/v1 ServiceAccount. */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { bool, defaulted, list, object, ref, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';
import { LocalObjectReferenceSchema, ObjectReferenceSchema } from './references.ts';

export const ServiceAccountSchema = object('ServiceAccount', 'An identity for the processes of pods', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always ServiceAccount')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  secrets: list(2, ObjectReferenceSchema, 'Secrets that its pods may use', {
    type: 'map',
    mapKeys: ['name'],
    mergeKey: 'name',
  }),
  imagePullSecrets: list(3, LocalObjectReferenceSchema, 'Secrets with registry credentials for its pods'),
  automountServiceAccountToken: bool(4, 'whether its pods get a token'),
});

export type ServiceAccount = Static<typeof ServiceAccountSchema>;

export const ServiceAccountKind = defineKind<ServiceAccount>(KIND_NAMES.ServiceAccount, {
  shortNames: ['sa'],
  columns: [
    nameColumn(),
    {
      name: 'Secrets',
      type: 'integer',
      description: 'number of Secrets that its pods may use',
      value: ({ secrets }) => (secrets ?? []).length,
    },
    ageColumn(),
  ],
  schema: ServiceAccountSchema,
});
