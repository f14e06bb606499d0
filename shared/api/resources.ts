/**
 * Amounts that a container or a volume asks for and may use. Source: Kubernetes API reference, core/v1
 * ResourceRequirements.
 */
import type { Static } from 'typebox';
import { list, object, quantities, required, str } from '../schema/fields.ts';

export const ResourceClaimSchema = object('ResourceClaim', 'Names a device claim of the pod', {
  name: required(str(1, "name of the pod's claim")),
  request: str(2, 'one request of the claim; all of them unless set'),
});

export type ResourceClaim = Static<typeof ResourceClaimSchema>;

export const ResourceRequirementsSchema = object(
  'ResourceRequirements',
  'Amounts that are asked for and amounts that must not be exceeded',
  {
    limits: quantities(1, 'most that may be used'),
    requests: quantities(2, 'kept free for the container by the scheduler; the limits unless set'),
    claims: list(3, ResourceClaimSchema, 'device claims that the container uses', { type: 'map', mapKeys: ['name'] }),
  },
);

export type ResourceRequirements = Static<typeof ResourceRequirementsSchema>;

export const VolumeResourceRequirementsSchema = object(
  'VolumeResourceRequirements',
  'Size that a volume must and may have',
  {
    limits: quantities(1, 'largest size'),
    requests: quantities(2, 'smallest size'),
  },
);

export type VolumeResourceRequirements = Static<typeof VolumeResourceRequirementsSchema>;
