/** Service: one address for several pods. Source: Kubernetes API reference, core/v1 Service. */
import type { Static } from 'typebox';
import { defineKind } from '../schema/define-kind.ts';
import { defaulted, object, ref, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { serviceColumns } from './columns/service.ts';
import { KIND_NAMES } from './kind-names.ts';
import { type ServiceSpec, ServiceSpecSchema, ServiceStatusSchema } from './service-spec.ts';
import { checkService } from './validation/service.ts';

export const ServiceSchema = object('Service', 'One address for several pods', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always Service')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, ServiceSpecSchema, 'what is wanted', { default: {} })),
  status: defaulted(ref(3, ServiceStatusSchema, 'what has been reached', { default: {} })),
});

export type Service = Static<typeof ServiceSchema>;

/** How long a client stays with its pod after the last connection. */
const AFFINITY_SECONDS = 10_800;

function applyServiceDefaults(spec: ServiceSpec): void {
  for (const port of spec.ports ?? []) port.targetPort ||= port.port;
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig = {
      clientIP: { timeoutSeconds: AFFINITY_SECONDS, ...spec.sessionAffinityConfig?.clientIP },
    };
  } else {
    delete spec.sessionAffinityConfig;
  }
  if (spec.type !== 'ExternalName') applyAddressDefaults(spec);
}

/** What a service with an address of its own has; address and families are given by the API server, which knows its ranges. */
function applyAddressDefaults(spec: ServiceSpec): void {
  spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.clusterIP) spec.clusterIPs ??= [spec.clusterIP];
  const [first] = spec.clusterIPs ?? [];
  if (first !== undefined) spec.clusterIP ||= first;
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') spec.externalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
}

export const ServiceKind = defineKind<Service>(KIND_NAMES.Service, {
  nameRule: 'dns-1035-label',
  shortNames: ['svc'],
  categories: ['all'],
  subresources: { status: true },
  applyDefaults: ({ spec }) => applyServiceDefaults(spec),
  columns: serviceColumns,
  selectableFields: {
    'spec.clusterIP': ({ spec }) => spec.clusterIP ?? '',
    'spec.type': ({ spec }) => spec.type,
  },
  validate: ({ spec }, old) => checkService(spec, old?.spec),
  schema: ServiceSchema,
});
