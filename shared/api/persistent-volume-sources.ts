/**
 * Where a PersistentVolume keeps its data, where that is written differently than in a pod: Secrets may be in other
 * namespaces. Bramble mounts `local`, `hostPath` and `nfs`; the others must be read and explained. Source: Kubernetes API
 * reference, core/v1 PersistentVolume.
 */
import type { Static } from 'typebox';
import { bool, defaulted, int32, object, ref, required, str, stringMap, strings } from '../schema/fields.ts';
import { ObjectReferenceSchema, SecretReferenceSchema } from './references.ts';

export const LocalVolumeSourceSchema = object('LocalVolumeSource', 'A directory or device of one node', {
  path: required(str(1, 'where it is on the node')),
  fsType: str(2, 'file system on a device'),
});

export type LocalVolumeSource = Static<typeof LocalVolumeSourceSchema>;

export const CSIPersistentVolumeSourceSchema = object('CSIPersistentVolumeSource', 'A volume of a CSI driver', {
  driver: required(str(1, 'name of the driver')),
  volumeHandle: required(str(2, "the driver's own id of the volume")),
  readOnly: bool(3, 'whether writes are refused'),
  fsType: str(4, 'file system on it'),
  volumeAttributes: stringMap(5, "the driver's own options"),
  controllerPublishSecretRef: ref(6, SecretReferenceSchema, 'Secret to attach the volume'),
  nodeStageSecretRef: ref(7, SecretReferenceSchema, 'Secret to prepare the volume on a node'),
  nodePublishSecretRef: ref(8, SecretReferenceSchema, 'Secret to mount the volume'),
  controllerExpandSecretRef: ref(9, SecretReferenceSchema, 'Secret to make the volume larger'),
  nodeExpandSecretRef: ref(10, SecretReferenceSchema, 'Secret to make the file system larger'),
});

export type CSIPersistentVolumeSource = Static<typeof CSIPersistentVolumeSourceSchema>;

export const FlexPersistentVolumeSourceSchema = object('FlexPersistentVolumeSource', 'A volume of an exec plug-in', {
  driver: required(str(1, 'name of the plug-in')),
  fsType: str(2, 'file system on it'),
  secretRef: ref(3, SecretReferenceSchema, 'Secret that the plug-in needs'),
  readOnly: bool(4, 'whether writes are refused'),
  options: stringMap(5, "the plug-in's own options"),
});

export type FlexPersistentVolumeSource = Static<typeof FlexPersistentVolumeSourceSchema>;

export const GlusterfsPersistentVolumeSourceSchema = object('GlusterfsPersistentVolumeSource', 'A Gluster volume', {
  endpoints: required(str(1, 'name of the endpoints of the servers')),
  path: required(str(2, 'name of the volume')),
  readOnly: bool(3, 'whether writes are refused'),
  endpointsNamespace: str(4, 'namespace of the endpoints'),
});

export type GlusterfsPersistentVolumeSource = Static<typeof GlusterfsPersistentVolumeSourceSchema>;

export const ISCSIPersistentVolumeSourceSchema = object('ISCSIPersistentVolumeSource', 'An iSCSI disk', {
  targetPortal: required(str(1, 'address of the target')),
  iqn: required(str(2, 'name of the target')),
  lun: required(int32(3, 'number of the logical unit')),
  iscsiInterface: defaulted(str(4, 'interface of the initiator', { default: 'default' })),
  fsType: str(5, 'file system on it'),
  readOnly: bool(6, 'whether writes are refused'),
  portals: strings(7, 'further addresses of the target'),
  chapAuthDiscovery: bool(8, 'whether discovery authenticates by CHAP'),
  chapAuthSession: bool(11, 'whether sessions authenticate by CHAP'),
  secretRef: ref(10, SecretReferenceSchema, 'Secret for CHAP'),
  initiatorName: str(12, 'name of the initiator'),
});

export type ISCSIPersistentVolumeSource = Static<typeof ISCSIPersistentVolumeSourceSchema>;

export const RBDPersistentVolumeSourceSchema = object('RBDPersistentVolumeSource', 'A Ceph block device', {
  monitors: required(strings(1, 'addresses of the monitors')),
  image: required(str(2, 'name of the image')),
  fsType: str(3, 'file system on it'),
  pool: defaulted(str(4, 'pool of the image', { default: 'rbd' })),
  user: defaulted(str(5, 'Ceph user', { default: 'admin' })),
  keyring: defaulted(str(6, 'file with the key', { default: '/etc/ceph/keyring' })),
  secretRef: ref(7, SecretReferenceSchema, 'Secret with the key'),
  readOnly: bool(8, 'whether writes are refused'),
});

export type RBDPersistentVolumeSource = Static<typeof RBDPersistentVolumeSourceSchema>;

export const ScaleIOPersistentVolumeSourceSchema = object('ScaleIOPersistentVolumeSource', 'A ScaleIO volume', {
  gateway: required(str(1, 'address of the gateway')),
  system: required(str(2, 'name of the storage system')),
  secretRef: required(ref(3, SecretReferenceSchema, 'Secret with the access data')),
  sslEnabled: bool(4, 'whether the gateway is spoken to by TLS'),
  protectionDomain: str(5, 'protection domain of the volume'),
  storagePool: str(6, 'pool of the volume'),
  storageMode: defaulted(str(7, 'how the volume is provisioned', { default: 'ThinProvisioned' })),
  volumeName: str(8, 'name of the volume'),
  fsType: defaulted(str(9, 'file system on it', { default: 'xfs' })),
  readOnly: bool(10, 'whether writes are refused'),
});

export type ScaleIOPersistentVolumeSource = Static<typeof ScaleIOPersistentVolumeSourceSchema>;

export const StorageOSPersistentVolumeSourceSchema = object('StorageOSPersistentVolumeSource', 'A StorageOS volume', {
  volumeName: str(1, 'name of the volume'),
  volumeNamespace: str(2, 'StorageOS namespace of the volume'),
  fsType: str(3, 'file system on it'),
  readOnly: bool(4, 'whether writes are refused'),
  secretRef: ref(5, ObjectReferenceSchema, 'Secret with the access data'),
});

export type StorageOSPersistentVolumeSource = Static<typeof StorageOSPersistentVolumeSourceSchema>;

export const AzureFilePersistentVolumeSourceSchema = object(
  'AzureFilePersistentVolumeSource',
  'A file share of Azure',
  {
    secretName: required(str(1, 'Secret with account and key')),
    shareName: required(str(2, 'name of the share')),
    readOnly: bool(3, 'whether writes are refused'),
    secretNamespace: str(4, 'namespace of the Secret'),
  },
);

export type AzureFilePersistentVolumeSource = Static<typeof AzureFilePersistentVolumeSourceSchema>;

export const CephFSPersistentVolumeSourceSchema = object('CephFSPersistentVolumeSource', 'A Ceph file system', {
  monitors: required(strings(1, 'addresses of the monitors')),
  path: str(2, 'directory to mount'),
  user: str(3, 'Ceph user'),
  secretFile: str(4, 'file with the key'),
  secretRef: ref(5, SecretReferenceSchema, 'Secret with the key'),
  readOnly: bool(6, 'whether writes are refused'),
});

export type CephFSPersistentVolumeSource = Static<typeof CephFSPersistentVolumeSourceSchema>;

export const CinderPersistentVolumeSourceSchema = object('CinderPersistentVolumeSource', 'A disk of OpenStack', {
  volumeID: required(str(1, 'id of the disk')),
  fsType: str(2, 'file system on it'),
  readOnly: bool(3, 'whether writes are refused'),
  secretRef: ref(4, SecretReferenceSchema, 'Secret with the access data'),
});

export type CinderPersistentVolumeSource = Static<typeof CinderPersistentVolumeSourceSchema>;
