/**
 * Ingress: hosts and paths that lead from outside to services. Source: Kubernetes API reference, networking.k8s.io/v1
 * Ingress.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, int32, list, object, oneOf, ref, required, str, strings } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { ingressHostsText, loadBalancerText } from './columns/ingress.ts';
import { KIND_NAMES } from './kind-names.ts';
import { TypedLocalObjectReferenceSchema } from './references.ts';
import { checkIngress } from './validation/ingress.ts';

export const ServiceBackendPortSchema = object(
  'ServiceBackendPort',
  'A port of a service, by name or by number',
  {
    name: str(1, 'name of the port'),
    number: int32(2, 'number of the port'),
  },
  { atomic: true },
);

export const IngressServiceBackendSchema = object('IngressServiceBackend', 'A service that answers', {
  name: required(str(1, 'name of the service')),
  port: ref(2, ServiceBackendPortSchema, 'port of the service'),
});

export type IngressServiceBackend = Static<typeof IngressServiceBackendSchema>;

export const IngressBackendSchema = object('IngressBackend', 'Who answers: a service, or another object', {
  resource: ref(3, TypedLocalObjectReferenceSchema, 'another object that the controller knows'),
  service: ref(4, IngressServiceBackendSchema, 'a service'),
});

export type IngressBackend = Static<typeof IngressBackendSchema>;

export const HTTPIngressPathSchema = object('HTTPIngressPath', 'Paths that lead to a backend', {
  path: str(1, 'the path'),
  pathType: required(oneOf(3, ['Exact', 'Prefix', 'ImplementationSpecific'], 'how paths are compared with it')),
  backend: required(ref(2, IngressBackendSchema, 'who answers')),
});

export type HTTPIngressPath = Static<typeof HTTPIngressPathSchema>;

export const HTTPIngressRuleValueSchema = object('HTTPIngressRuleValue', 'What is served of a host', {
  paths: required(list(1, HTTPIngressPathSchema, 'paths and who answers', { default: [] })),
});

export const IngressRuleSchema = object('IngressRule', 'What is served of one host', {
  host: str(1, 'name of the host; absent for all, *.example for one level below'),
  http: ref('2.1', HTTPIngressRuleValueSchema, 'what is served'),
});

export type IngressRule = Static<typeof IngressRuleSchema>;

export const IngressTLSSchema = object('IngressTLS', 'Hosts that are served by TLS', {
  hosts: strings(1, 'the hosts'),
  secretName: str(2, 'Secret with certificate and key'),
});

export type IngressTLS = Static<typeof IngressTLSSchema>;

export const IngressSpecSchema = object('IngressSpec', 'What is wanted', {
  defaultBackend: ref(1, IngressBackendSchema, 'who answers what no rule matches'),
  tls: list(2, IngressTLSSchema, 'hosts that are served by TLS'),
  rules: list(3, IngressRuleSchema, 'what is served of each host'),
  ingressClassName: str(4, 'class, which says who serves it'),
});

export type IngressSpec = Static<typeof IngressSpecSchema>;

export const IngressPortStatusSchema = object('IngressPortStatus', 'State of one port', {
  port: required(int32(1, 'number of the port', { default: 0 })),
  protocol: required(oneOf(2, ['TCP', 'UDP', 'SCTP'], 'protocol of the port')),
  error: str(3, 'problem with the port'),
});

export const IngressLoadBalancerIngressSchema = object('IngressLoadBalancerIngress', 'One address', {
  ip: str(1, 'the address'),
  hostname: str(2, 'the name, instead of an address'),
  ports: list(4, IngressPortStatusSchema, 'state of the ports'),
});

export const IngressLoadBalancerStatusSchema = object('IngressLoadBalancerStatus', 'Addresses', {
  ingress: list(1, IngressLoadBalancerIngressSchema, 'the addresses'),
});

export const IngressStatusSchema = object('IngressStatus', 'What has been reached', {
  loadBalancer: defaulted(ref(1, IngressLoadBalancerStatusSchema, 'addresses', { default: {} })),
});

export type IngressStatus = Static<typeof IngressStatusSchema>;

export const IngressSchema = object('Ingress', 'Hosts and paths that lead from outside to services', {
  apiVersion: defaulted(str(undefined, 'always networking.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always Ingress')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, IngressSpecSchema, 'what is wanted', { default: {} })),
  status: defaulted(ref(3, IngressStatusSchema, 'what has been reached', { default: {} })),
});

export type Ingress = Static<typeof IngressSchema>;

export const IngressKind = defineKind<Ingress>(KIND_NAMES.Ingress, {
  shortNames: ['ing'],
  subresources: { status: true },
  columns: [
    nameColumn(),
    {
      name: 'Class',
      type: 'string',
      description: 'who serves it',
      value: ({ spec }) => spec.ingressClassName ?? '<none>',
    },
    { name: 'Hosts', type: 'string', description: 'hosts that it serves', value: ({ spec }) => ingressHostsText(spec) },
    {
      name: 'Address',
      type: 'string',
      description: 'where it can be reached',
      value: ({ status }) => loadBalancerText(status.loadBalancer),
    },
    {
      name: 'Ports',
      type: 'string',
      description: 'ports that it opens',
      value: ({ spec }) => ((spec.tls ?? []).length > 0 ? '80, 443' : '80'),
    },
    ageColumn(),
  ],
  validate: checkIngress,
  schema: IngressSchema,
});
