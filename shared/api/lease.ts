/**
 * Lease: says who is in charge, or that somebody is alive. A node's own leases live in memory. Source: Kubernetes API
 * reference, coordination/v1.
 */
import type { Static } from 'typebox';
import type { FieldError } from '../machinery/errors.ts';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, int32, microTime, object, ref, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkNotNegative, invalidValue, requiredValue } from './validation/field-error.ts';

export const LeaseSpecSchema = object('LeaseSpec', 'Who holds the lease', {
  holderIdentity: str(1, 'who holds it'),
  leaseDurationSeconds: int32(2, 'how long it counts after renewTime'),
  acquireTime: microTime(3, 'when the holder got it'),
  renewTime: microTime(4, 'when the holder last renewed it'),
  leaseTransitions: int32(5, 'how often the holder changed'),
  strategy: str(6, 'how a coordinated election chooses'),
  preferredHolder: str(7, 'who shall get it next'),
});

export type LeaseSpec = Static<typeof LeaseSpecSchema>;

export const LeaseSchema = object('Lease', 'Says who is in charge, or that somebody is alive', {
  apiVersion: defaulted(str(undefined, 'always coordination.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always Lease')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, LeaseSpecSchema, 'who holds it', { default: {} })),
});

export type Lease = Static<typeof LeaseSchema>;

function checkLease({ holderIdentity, leaseDurationSeconds, leaseTransitions }: LeaseSpec): FieldError[] {
  const errors = checkNotNegative('spec.leaseTransitions', leaseTransitions);
  if (holderIdentity === '') errors.push(requiredValue('spec.holderIdentity', 'must not be empty'));
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) {
    errors.push(invalidValue('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0'));
  }
  return errors;
}

export const LeaseKind = defineKind<Lease>(KIND_NAMES.Lease, {
  durability: (namespace) => (namespace === 'kube-node-lease' ? 'memory' : 'disk'),
  columns: [
    nameColumn(),
    { name: 'Holder', type: 'string', description: 'who holds it', value: ({ spec }) => spec.holderIdentity ?? '' },
    ageColumn(),
  ],
  validate: ({ spec }) => checkLease(spec),
  schema: LeaseSchema,
});
