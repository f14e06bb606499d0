/**
 * PersistentVolumeClaim: asks for storage by size and class, and is bound to one volume. Source: Kubernetes API reference,
 * core/v1 PersistentVolumeClaim.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import {
  defaulted,
  list,
  object,
  oneOf,
  quantities,
  ref,
  required,
  str,
  stringMap,
  strings,
  time,
} from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { accessModesText, storageClassOf } from './columns/storage.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkPersistentVolumeClaim } from './validation/persistent-volume-claim.ts';
import { PersistentVolumeClaimSpecSchema } from './volume-storage.ts';

export const PersistentVolumeClaimConditionSchema = object(
  'PersistentVolumeClaimCondition',
  "One aspect of a claim's present state",
  {
    type: required(str(1, 'which aspect, such as Resizing')),
    status: required(str(2, 'whether it holds')),
    lastProbeTime: time(3, 'when it was last checked'),
    lastTransitionTime: time(4, 'when status last changed'),
    reason: str(5, 'why, in one CamelCase word'),
    message: str(6, 'why, for people'),
  },
);

export type PersistentVolumeClaimCondition = Static<typeof PersistentVolumeClaimConditionSchema>;

export const ModifyVolumeStatusSchema = object('ModifyVolumeStatus', 'A change of the class of changeable properties', {
  targetVolumeAttributesClassName: str(1, 'class that is wanted'),
  status: required(str(2, 'Pending, InProgress or Infeasible')),
});

export type ModifyVolumeStatus = Static<typeof ModifyVolumeStatusSchema>;

export const PersistentVolumeClaimStatusSchema = object('PersistentVolumeClaimStatus', 'What the claim has got', {
  phase: defaulted(oneOf(1, ['Pending', 'Bound', 'Lost'], 'where it is in its life', { default: 'Pending' })),
  accessModes: strings(2, 'how many nodes can use the volume'),
  capacity: quantities(3, 'size of the volume'),
  conditions: list(4, PersistentVolumeClaimConditionSchema, 'aspects of the present state', {
    type: 'map',
    mapKeys: ['type'],
    mergeKey: 'type',
  }),
  allocatedResources: quantities(5, 'size that the volume is being given'),
  allocatedResourceStatuses: stringMap(7, 'how far a change of size is', { granular: true }),
  currentVolumeAttributesClassName: str(8, 'class of changeable properties that the volume has'),
  modifyVolumeStatus: ref(9, ModifyVolumeStatusSchema, 'a change of that class'),
});

export type PersistentVolumeClaimStatus = Static<typeof PersistentVolumeClaimStatusSchema>;

export const PersistentVolumeClaimSchema = object('PersistentVolumeClaim', 'Asks for storage by size and class', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always PersistentVolumeClaim')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, PersistentVolumeClaimSpecSchema, 'what the volume must be like', { default: {} })),
  status: defaulted(ref(3, PersistentVolumeClaimStatusSchema, 'what the claim has got', { default: {} })),
});

export type PersistentVolumeClaim = Static<typeof PersistentVolumeClaimSchema>;

export const PersistentVolumeClaimKind = defineKind<PersistentVolumeClaim>(KIND_NAMES.PersistentVolumeClaim, {
  shortNames: ['pvc'],
  subresources: { status: true },
  columns: [
    nameColumn(),
    {
      name: 'Status',
      type: 'string',
      description: 'where it is in its life',
      value: ({ metadata, status }) => (metadata.deletionTimestamp ? 'Terminating' : status.phase),
    },
    { name: 'Volume', type: 'string', description: 'the volume', value: ({ spec }) => spec.volumeName ?? '' },
    {
      name: 'Capacity',
      type: 'string',
      description: 'size of the volume',
      value: ({ spec, status }) => (spec.volumeName ? (status.capacity?.['storage'] ?? '0') : ''),
    },
    {
      name: 'Access Modes',
      type: 'string',
      description: 'how many nodes can use the volume',
      value: ({ spec, status }) => (spec.volumeName ? accessModesText(status.accessModes) : ''),
    },
    { name: 'StorageClass', type: 'string', description: 'class of the volume', value: storageClassOf },
    {
      name: 'VolumeAttributesClass',
      type: 'string',
      description: 'class of changeable properties',
      value: ({ spec }) => spec.volumeAttributesClassName ?? '<unset>',
    },
    ageColumn(),
    {
      name: 'VolumeMode',
      type: 'string',
      priority: 1,
      description: 'file system or bare device',
      value: ({ spec }) => spec.volumeMode,
    },
  ],
  validate: checkPersistentVolumeClaim,
  schema: PersistentVolumeClaimSchema,
});
