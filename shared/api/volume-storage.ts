/**
 * Volumes that hold data: of the pod, of the node, of the network, of a claim. Source: Kubernetes API reference, core/v1
 * Volume.
 */
import type { Static } from 'typebox';
import { bool, defaulted, object, oneOf, quantity, ref, required, str, stringMap, strings } from '../schema/fields.ts';
import { LabelSelectorSchema } from './label-selector.ts';
import { PartialObjectMetaSchema } from './partial-object-meta.ts';
import {
  LocalObjectReferenceSchema,
  TypedLocalObjectReferenceSchema,
  TypedObjectReferenceSchema,
} from './references.ts';
import { VolumeResourceRequirementsSchema } from './resources.ts';

export const HostPathVolumeSourceSchema = object('HostPathVolumeSource', 'A directory or file of the node', {
  path: required(str(1, 'where it is on the node')),
  type: defaulted(
    oneOf(
      2,
      ['', 'DirectoryOrCreate', 'Directory', 'FileOrCreate', 'File', 'Socket', 'CharDevice', 'BlockDevice'],
      'what must be there',
      { default: '' },
    ),
  ),
});

export type HostPathVolumeSource = Static<typeof HostPathVolumeSourceSchema>;

export const EmptyDirVolumeSourceSchema = object('EmptyDirVolumeSource', 'A directory that lives as long as the pod', {
  medium: str(1, "empty for the node's disk, Memory for RAM"),
  sizeLimit: quantity(2, 'most that may be stored'),
});

export type EmptyDirVolumeSource = Static<typeof EmptyDirVolumeSourceSchema>;

export const NFSVolumeSourceSchema = object('NFSVolumeSource', 'A directory of an NFS server', {
  server: required(str(1, 'name or address of the server')),
  path: required(str(2, 'directory that the server exports')),
  readOnly: bool(3, 'whether writes are refused'),
});

export type NFSVolumeSource = Static<typeof NFSVolumeSourceSchema>;

export const ImageVolumeSourceSchema = object('ImageVolumeSource', 'Files of an OCI image', {
  reference: str(1, 'the image'),
  pullPolicy: oneOf(2, ['Always', 'Never', 'IfNotPresent'], 'when the image is pulled'),
});

export type ImageVolumeSource = Static<typeof ImageVolumeSourceSchema>;

export const PersistentVolumeClaimVolumeSourceSchema = object(
  'PersistentVolumeClaimVolumeSource',
  'The volume of a claim',
  {
    claimName: required(str(1, 'name of the claim')),
    readOnly: bool(2, 'whether writes are refused'),
  },
);

export type PersistentVolumeClaimVolumeSource = Static<typeof PersistentVolumeClaimVolumeSourceSchema>;

export const PersistentVolumeClaimSpecSchema = object('PersistentVolumeClaimSpec', 'What a volume must be like', {
  accessModes: strings(1, 'how many nodes use it, such as ReadWriteOnce'),
  resources: defaulted(ref(2, VolumeResourceRequirementsSchema, 'size of the volume', { default: {} })),
  volumeName: str(3, 'one particular volume'),
  selector: ref(4, LabelSelectorSchema, 'labels of the volume'),
  storageClassName: str(5, 'class that provides the volume'),
  volumeMode: defaulted(oneOf(6, ['Block', 'Filesystem'], 'file system or bare device', { default: 'Filesystem' })),
  dataSource: ref(7, TypedLocalObjectReferenceSchema, 'what the new volume is filled from'),
  dataSourceRef: ref(8, TypedObjectReferenceSchema, 'like dataSource, of any kind'),
  volumeAttributesClassName: str(9, 'class of changeable properties'),
});

export type PersistentVolumeClaimSpec = Static<typeof PersistentVolumeClaimSpecSchema>;

export const PersistentVolumeClaimTemplateSchema = object(
  'PersistentVolumeClaimTemplate',
  'A claim that is made for the pod',
  {
    metadata: defaulted(ref(1, PartialObjectMetaSchema, 'labels and annotations of the claim', { default: {} })),
    spec: required(ref(2, PersistentVolumeClaimSpecSchema, 'what the volume must be like')),
  },
);

export type PersistentVolumeClaimTemplate = Static<typeof PersistentVolumeClaimTemplateSchema>;

export const EphemeralVolumeSourceSchema = object('EphemeralVolumeSource', 'A claim that lives as long as the pod', {
  volumeClaimTemplate: ref(1, PersistentVolumeClaimTemplateSchema, 'the claim'),
});

export type EphemeralVolumeSource = Static<typeof EphemeralVolumeSourceSchema>;

export const CSIVolumeSourceSchema = object('CSIVolumeSource', 'A volume made by a CSI driver for this pod', {
  driver: required(str(1, 'name of the driver')),
  readOnly: bool(2, 'whether writes are refused'),
  fsType: str(3, 'file system to make'),
  volumeAttributes: stringMap(4, "the driver's own options"),
  nodePublishSecretRef: ref(5, LocalObjectReferenceSchema, 'Secret that the driver needs'),
});

export type CSIVolumeSource = Static<typeof CSIVolumeSourceSchema>;
