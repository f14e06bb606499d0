/**
 * PersistentVolume: storage that outlives pods. A claim is bound to it, one to one. Source: Kubernetes API reference,
 * core/v1 PersistentVolume.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, object, oneOf, ref, str, time } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { accessModesText, storageClassOf } from './columns/storage.ts';
import { KIND_NAMES } from './kind-names.ts';
import { PersistentVolumeSpecSchema } from './persistent-volume-spec.ts';
import { checkPersistentVolume } from './validation/persistent-volume.ts';

export const PersistentVolumeStatusSchema = object('PersistentVolumeStatus', 'What has become of the volume', {
  phase: defaulted(
    oneOf(1, ['Pending', 'Available', 'Bound', 'Released', 'Failed'], 'where it is in its life', {
      default: 'Pending',
    }),
  ),
  message: str(2, 'why it is so, for people'),
  reason: str(3, 'why it failed, in one CamelCase word'),
  lastPhaseTransitionTime: time(4, 'when phase last changed'),
});

export type PersistentVolumeStatus = Static<typeof PersistentVolumeStatusSchema>;

export const PersistentVolumeSchema = object('PersistentVolume', 'Storage that outlives pods', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always PersistentVolume')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, PersistentVolumeSpecSchema, 'what the volume is', { default: {} })),
  status: defaulted(ref(3, PersistentVolumeStatusSchema, 'what has become of it', { default: {} })),
});

export type PersistentVolume = Static<typeof PersistentVolumeSchema>;

export const PersistentVolumeKind = defineKind<PersistentVolume>(KIND_NAMES.PersistentVolume, {
  shortNames: ['pv'],
  subresources: { status: true },
  columns: [
    nameColumn(),
    {
      name: 'Capacity',
      type: 'string',
      description: 'size of the volume',
      value: ({ spec }) => spec.capacity?.['storage'] ?? '0',
    },
    {
      name: 'Access Modes',
      type: 'string',
      description: 'how many nodes can use it',
      value: ({ spec }) => accessModesText(spec.accessModes),
    },
    {
      name: 'Reclaim Policy',
      type: 'string',
      description: 'what becomes of it when its claim is gone',
      value: ({ spec }) => spec.persistentVolumeReclaimPolicy,
    },
    {
      name: 'Status',
      type: 'string',
      description: 'where it is in its life',
      value: ({ metadata, status }) => (metadata.deletionTimestamp ? 'Terminating' : status.phase),
    },
    {
      name: 'Claim',
      type: 'string',
      description: 'the claim that it is bound to',
      value: ({ spec: { claimRef } }) => (claimRef ? `${claimRef.namespace ?? ''}/${claimRef.name ?? ''}` : ''),
    },
    { name: 'StorageClass', type: 'string', description: 'class of the volume', value: storageClassOf },
    {
      name: 'VolumeAttributesClass',
      type: 'string',
      description: 'class of changeable properties',
      value: ({ spec }) => spec.volumeAttributesClassName ?? '<unset>',
    },
    { name: 'Reason', type: 'string', description: 'why it failed', value: ({ status }) => status.reason ?? '' },
    ageColumn(),
    {
      name: 'VolumeMode',
      type: 'string',
      priority: 1,
      description: 'file system or bare device',
      value: ({ spec }) => spec.volumeMode,
    },
  ],
  validate: ({ spec }, old) => checkPersistentVolume(spec, old?.spec),
  schema: PersistentVolumeSchema,
});
