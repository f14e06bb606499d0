/** Service: one address for several pods. Source: Kubernetes API reference, core/v1 Service. */
import type { Static } from 'typebox';
import { defineKind } from '../schema/define-kind.ts';
import { defaulted, object, ref, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { ServiceSpecSchema, ServiceStatusSchema } from './service-spec.ts';

export const ServiceSchema = object('Service', 'One address for several pods', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always Service')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, ServiceSpecSchema, 'what is wanted', { default: {} })),
  status: defaulted(ref(3, ServiceStatusSchema, 'what has been reached', { default: {} })),
});

export type Service = Static<typeof ServiceSchema>;

export const ServiceKind = defineKind<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
  nameRule: 'dns-1035-label',
  shortNames: ['svc'],
  categories: ['all'],
  subresources: { status: true },
  schema: ServiceSchema,
});
