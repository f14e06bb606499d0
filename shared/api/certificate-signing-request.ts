/** CertificateSigningRequest: asks a signer for a certificate. Source: Kubernetes API reference, certificates/v1. */
import type { Static } from 'typebox';
import { renderDuration } from '../machinery/age.ts';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import {
  bytes,
  defaulted,
  int32,
  list,
  object,
  oneOf,
  ref,
  required,
  str,
  stringListMap,
  strings,
  time,
} from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkSigningRequest } from './validation/signing-request.ts';

export const CertificateSigningRequestSpecSchema = object(
  'CertificateSigningRequestSpec',
  'What is asked for, and by whom',
  {
    request: required(bytes(1, 'the PEM request')),
    signerName: required(str(7, 'who shall sign')),
    expirationSeconds: int32(8, 'wanted life of the certificate'),
    usages: strings(5, 'what the key may be used for'),
    username: str(2, 'who asked; set by the server'),
    uid: str(3, 'uid of who asked; set by the server'),
    groups: strings(4, 'groups of who asked; set by the server'),
    extra: stringListMap(6, 'more about who asked; set by the server'),
  },
);

export type CertificateSigningRequestSpec = Static<typeof CertificateSigningRequestSpecSchema>;

export const CertificateSigningRequestConditionSchema = object(
  'CertificateSigningRequestCondition',
  'A decision about the request',
  {
    type: required(str(1, 'Approved, Denied or Failed')),
    status: required(oneOf(6, ['True', 'False', 'Unknown'], 'always True for Approved and Denied')),
    reason: str(2, 'why, in one CamelCase word'),
    message: str(3, 'why, for people'),
    lastUpdateTime: time(4, 'when it was last changed'),
    lastTransitionTime: time(5, 'when status last changed'),
  },
);

export type CertificateSigningRequestCondition = Static<typeof CertificateSigningRequestConditionSchema>;

export const CertificateSigningRequestStatusSchema = object(
  'CertificateSigningRequestStatus',
  'The decision and the certificate',
  {
    conditions: list(1, CertificateSigningRequestConditionSchema, 'decisions', { type: 'map', mapKeys: ['type'] }),
    certificate: bytes(2, 'the signed PEM certificate'),
  },
);

export type CertificateSigningRequestStatus = Static<typeof CertificateSigningRequestStatusSchema>;

export const CertificateSigningRequestSchema = object('CertificateSigningRequest', 'Asks a signer for a certificate', {
  apiVersion: defaulted(str(undefined, 'always certificates.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always CertificateSigningRequest')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: required(ref(2, CertificateSigningRequestSpecSchema, 'what is asked for')),
  status: defaulted(ref(3, CertificateSigningRequestStatusSchema, 'the decision and the certificate', { default: {} })),
});

export type CertificateSigningRequest = Static<typeof CertificateSigningRequestSchema>;

/** `Pending`, `Approved,Issued`, `Denied`, `Approved,Failed`. */
function decisionText({ status }: CertificateSigningRequest): string {
  const has = (type: string): boolean => status.conditions?.some((condition) => condition.type === type) ?? false;
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return `${decision}${has('Failed') ? ',Failed' : ''}${status.certificate ? ',Issued' : ''}`;
}

export const CertificateSigningRequestKind = defineKind<CertificateSigningRequest>(
  KIND_NAMES.CertificateSigningRequest,
  {
    shortNames: ['csr'],
    subresources: { status: true, approval: true },
    columns: [
      nameColumn(),
      ageColumn(),
      { name: 'SignerName', type: 'string', description: 'who shall sign', value: ({ spec }) => spec.signerName },
      { name: 'Requestor', type: 'string', description: 'who asked', value: ({ spec }) => spec.username ?? '' },
      {
        name: 'RequestedDuration',
        type: 'string',
        description: 'wanted life of the certificate',
        value: ({ spec }) =>
          spec.expirationSeconds === undefined ? '<none>' : renderDuration(spec.expirationSeconds * 1000),
      },
      { name: 'Condition', type: 'string', description: 'the decision', value: decisionText },
    ],
    selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName },
    validate: checkSigningRequest,
    schema: CertificateSigningRequestSchema,
  },
);
