/**
 * EndpointSlice: the pods behind a service and how they are, up to a hundred a slice. Source: Kubernetes API reference,
 * discovery.k8s.io/v1 EndpointSlice.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import {
  bool,
  defaulted,
  int32,
  list,
  object,
  oneOf,
  ref,
  required,
  str,
  stringMap,
  strings,
} from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { endpointAddressesText, endpointPortsText } from './columns/endpoint-slice.ts';
import { KIND_NAMES } from './kind-names.ts';
import { ObjectReferenceSchema } from './references.ts';
import { checkEndpointSlice } from './validation/endpoint-slice.ts';

export const EndpointConditionsSchema = object('EndpointConditions', 'How an endpoint is', {
  ready: bool(1, 'takes traffic; absent counts as true'),
  serving: bool(2, 'can answer, also while it terminates; absent is as ready'),
  terminating: bool(3, 'is on its way out; absent counts as false'),
});

export type EndpointConditions = Static<typeof EndpointConditionsSchema>;

export const ForZoneSchema = object('ForZone', 'A zone whose clients should use the endpoint', {
  name: required(str(1, 'name of the zone')),
});

export const ForNodeSchema = object('ForNode', 'A node whose clients should use the endpoint', {
  name: required(str(1, 'name of the node')),
});

export const EndpointHintsSchema = object('EndpointHints', 'Who should use an endpoint', {
  forZones: list(1, ForZoneSchema, 'zones'),
  forNodes: list(2, ForNodeSchema, 'nodes'),
});

export const EndpointSchema = object('Endpoint', 'One backend of the service', {
  addresses: required(strings(1, 'addresses of the backend; the first one counts', { type: 'set' })),
  conditions: defaulted(ref(2, EndpointConditionsSchema, 'how it is', { default: {} })),
  hostname: str(3, 'its name below that of a headless service'),
  targetRef: ref(4, ObjectReferenceSchema, 'the pod'),
  deprecatedTopology: stringMap(5, 'no longer filled in'),
  nodeName: str(6, 'node that it runs on'),
  zone: str(7, 'zone that it runs in'),
  hints: ref(8, EndpointHintsSchema, 'who should use it'),
});

export type Endpoint = Static<typeof EndpointSchema>;

export const EndpointPortSchema = object(
  'EndpointPort',
  'A port that all endpoints of the slice have',
  {
    name: defaulted(str(1, 'name of the port of the service', { default: '' })),
    protocol: defaulted(oneOf(2, ['TCP', 'UDP', 'SCTP'], 'protocol of the port', { default: 'TCP' })),
    port: int32(3, 'number of the port'),
    appProtocol: str(4, 'what is spoken on the port'),
  },
  { atomic: true },
);

export type EndpointPort = Static<typeof EndpointPortSchema>;

export const EndpointSliceSchema = object('EndpointSlice', 'Backends of a service', {
  apiVersion: defaulted(str(undefined, 'always discovery.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always EndpointSlice')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  addressType: required(oneOf(4, ['IPv4', 'IPv6', 'FQDN'], 'what the addresses are; cannot change')),
  endpoints: required(list(2, EndpointSchema, 'the backends', { default: [] })),
  ports: list(3, EndpointPortSchema, 'ports of each backend'),
});

export type EndpointSlice = Static<typeof EndpointSliceSchema>;

export { MANAGED_BY_LABEL, SERVICE_NAME_LABEL } from './endpoint-slice-labels.ts';

export const EndpointSliceKind = defineKind<EndpointSlice>(KIND_NAMES.EndpointSlice, {
  columns: [
    nameColumn(),
    {
      name: 'AddressType',
      type: 'string',
      description: 'what the addresses are',
      value: ({ addressType }) => addressType,
    },
    {
      name: 'Ports',
      type: 'string',
      description: 'ports of each backend',
      value: ({ ports }) => endpointPortsText(ports),
    },
    {
      name: 'Endpoints',
      type: 'string',
      description: 'addresses of the backends',
      value: ({ endpoints }) => endpointAddressesText(endpoints),
    },
    ageColumn(),
  ],
  validate: checkEndpointSlice,
  schema: EndpointSliceSchema,
});
