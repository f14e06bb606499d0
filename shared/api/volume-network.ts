/**
 * Volumes of particular storage systems. Bramble mounts none of them itself, but manifests that name them must be read
 * and explained. Source: Kubernetes API reference, core/v1 Volume.
 */
import type { Static } from 'typebox';
import { bool, defaulted, int32, object, oneOf, ref, required, str, stringMap, strings } from '../schema/fields.ts';
import { LocalObjectReferenceSchema } from './references.ts';

export const AWSElasticBlockStoreVolumeSourceSchema = object('AWSElasticBlockStoreVolumeSource', 'A disk of AWS', {
  volumeID: required(str(1, 'id of the disk')),
  fsType: str(2, 'file system on it'),
  partition: int32(3, 'number of the partition'),
  readOnly: bool(4, 'whether writes are refused'),
});

export type AWSElasticBlockStoreVolumeSource = Static<typeof AWSElasticBlockStoreVolumeSourceSchema>;

export const AzureDiskVolumeSourceSchema = object('AzureDiskVolumeSource', 'A disk of Azure', {
  diskName: required(str(1, 'name of the disk')),
  diskURI: required(str(2, 'address of the disk')),
  cachingMode: defaulted(oneOf(3, ['None', 'ReadOnly', 'ReadWrite'], 'how the host caches', { default: 'ReadWrite' })),
  fsType: defaulted(str(4, 'file system on it', { default: 'ext4' })),
  readOnly: defaulted(bool(5, 'whether writes are refused', { default: false })),
  kind: defaulted(oneOf(6, ['Shared', 'Dedicated', 'Managed'], 'how the disk is kept', { default: 'Shared' })),
});

export type AzureDiskVolumeSource = Static<typeof AzureDiskVolumeSourceSchema>;

export const AzureFileVolumeSourceSchema = object('AzureFileVolumeSource', 'A file share of Azure', {
  secretName: required(str(1, 'Secret with account and key')),
  shareName: required(str(2, 'name of the share')),
  readOnly: bool(3, 'whether writes are refused'),
});

export type AzureFileVolumeSource = Static<typeof AzureFileVolumeSourceSchema>;

export const CephFSVolumeSourceSchema = object('CephFSVolumeSource', 'A Ceph file system', {
  monitors: required(strings(1, 'addresses of the monitors')),
  path: str(2, 'directory to mount'),
  user: str(3, 'Ceph user'),
  secretFile: str(4, 'file with the key'),
  secretRef: ref(5, LocalObjectReferenceSchema, 'Secret with the key'),
  readOnly: bool(6, 'whether writes are refused'),
});

export type CephFSVolumeSource = Static<typeof CephFSVolumeSourceSchema>;

export const CinderVolumeSourceSchema = object('CinderVolumeSource', 'A disk of OpenStack', {
  volumeID: required(str(1, 'id of the disk')),
  fsType: str(2, 'file system on it'),
  readOnly: bool(3, 'whether writes are refused'),
  secretRef: ref(4, LocalObjectReferenceSchema, 'Secret with the access data'),
});

export type CinderVolumeSource = Static<typeof CinderVolumeSourceSchema>;

export const FCVolumeSourceSchema = object('FCVolumeSource', 'A Fibre Channel disk', {
  targetWWNs: strings(1, 'names of the targets'),
  lun: int32(2, 'number of the logical unit'),
  fsType: str(3, 'file system on it'),
  readOnly: bool(4, 'whether writes are refused'),
  wwids: strings(5, 'ids of the disk, instead of targets and unit'),
});

export type FCVolumeSource = Static<typeof FCVolumeSourceSchema>;

export const FlexVolumeSourceSchema = object('FlexVolumeSource', 'A volume of an exec plug-in', {
  driver: required(str(1, 'name of the plug-in')),
  fsType: str(2, 'file system on it'),
  secretRef: ref(3, LocalObjectReferenceSchema, 'Secret that the plug-in needs'),
  readOnly: bool(4, 'whether writes are refused'),
  options: stringMap(5, "the plug-in's own options"),
});

export type FlexVolumeSource = Static<typeof FlexVolumeSourceSchema>;

export const FlockerVolumeSourceSchema = object('FlockerVolumeSource', 'A Flocker dataset', {
  datasetName: str(1, 'name of the dataset'),
  datasetUUID: str(2, 'id of the dataset'),
});

export type FlockerVolumeSource = Static<typeof FlockerVolumeSourceSchema>;

export const GCEPersistentDiskVolumeSourceSchema = object('GCEPersistentDiskVolumeSource', 'A disk of Google Cloud', {
  pdName: required(str(1, 'name of the disk')),
  fsType: str(2, 'file system on it'),
  partition: int32(3, 'number of the partition'),
  readOnly: bool(4, 'whether writes are refused'),
});

export type GCEPersistentDiskVolumeSource = Static<typeof GCEPersistentDiskVolumeSourceSchema>;

export const GitRepoVolumeSourceSchema = object('GitRepoVolumeSource', 'A clone of a git repository', {
  repository: required(str(1, 'address of the repository')),
  revision: str(2, 'commit to check out'),
  directory: str(3, 'directory to clone into'),
});

export type GitRepoVolumeSource = Static<typeof GitRepoVolumeSourceSchema>;

export const GlusterfsVolumeSourceSchema = object('GlusterfsVolumeSource', 'A Gluster volume', {
  endpoints: required(str(1, 'name of the endpoints of the servers')),
  path: required(str(2, 'name of the volume')),
  readOnly: bool(3, 'whether writes are refused'),
});

export type GlusterfsVolumeSource = Static<typeof GlusterfsVolumeSourceSchema>;

export const ISCSIVolumeSourceSchema = object('ISCSIVolumeSource', 'An iSCSI disk', {
  targetPortal: required(str(1, 'address of the target')),
  iqn: required(str(2, 'name of the target')),
  lun: required(int32(3, 'number of the logical unit')),
  iscsiInterface: defaulted(str(4, 'interface of the initiator', { default: 'default' })),
  fsType: str(5, 'file system on it'),
  readOnly: bool(6, 'whether writes are refused'),
  portals: strings(7, 'further addresses of the target'),
  chapAuthDiscovery: bool(8, 'whether discovery authenticates by CHAP'),
  chapAuthSession: bool(11, 'whether sessions authenticate by CHAP'),
  secretRef: ref(10, LocalObjectReferenceSchema, 'Secret for CHAP'),
  initiatorName: str(12, 'name of the initiator'),
});

export type ISCSIVolumeSource = Static<typeof ISCSIVolumeSourceSchema>;

export const PhotonPersistentDiskVolumeSourceSchema = object('PhotonPersistentDiskVolumeSource', 'A disk of Photon', {
  pdID: required(str(1, 'id of the disk')),
  fsType: str(2, 'file system on it'),
});

export type PhotonPersistentDiskVolumeSource = Static<typeof PhotonPersistentDiskVolumeSourceSchema>;

export const PortworxVolumeSourceSchema = object('PortworxVolumeSource', 'A Portworx volume', {
  volumeID: required(str(1, 'id of the volume')),
  fsType: str(2, 'file system on it'),
  readOnly: bool(3, 'whether writes are refused'),
});

export type PortworxVolumeSource = Static<typeof PortworxVolumeSourceSchema>;

export const QuobyteVolumeSourceSchema = object('QuobyteVolumeSource', 'A Quobyte volume', {
  registry: required(str(1, 'addresses of the registries')),
  volume: required(str(2, 'name of the volume')),
  readOnly: bool(3, 'whether writes are refused'),
  user: str(4, 'user that mounts'),
  group: str(5, 'group that mounts'),
  tenant: str(6, 'owner of the volume'),
});

export type QuobyteVolumeSource = Static<typeof QuobyteVolumeSourceSchema>;

export const RBDVolumeSourceSchema = object('RBDVolumeSource', 'A Ceph block device', {
  monitors: required(strings(1, 'addresses of the monitors')),
  image: required(str(2, 'name of the image')),
  fsType: str(3, 'file system on it'),
  pool: defaulted(str(4, 'pool of the image', { default: 'rbd' })),
  user: defaulted(str(5, 'Ceph user', { default: 'admin' })),
  keyring: defaulted(str(6, 'file with the key', { default: '/etc/ceph/keyring' })),
  secretRef: ref(7, LocalObjectReferenceSchema, 'Secret with the key'),
  readOnly: bool(8, 'whether writes are refused'),
});

export type RBDVolumeSource = Static<typeof RBDVolumeSourceSchema>;

export const ScaleIOVolumeSourceSchema = object('ScaleIOVolumeSource', 'A ScaleIO volume', {
  gateway: required(str(1, 'address of the gateway')),
  system: required(str(2, 'name of the storage system')),
  secretRef: required(ref(3, LocalObjectReferenceSchema, 'Secret with the access data')),
  sslEnabled: bool(4, 'whether the gateway is spoken to by TLS'),
  protectionDomain: str(5, 'protection domain of the volume'),
  storagePool: str(6, 'pool of the volume'),
  storageMode: defaulted(str(7, 'how the volume is provisioned', { default: 'ThinProvisioned' })),
  volumeName: str(8, 'name of the volume'),
  fsType: defaulted(str(9, 'file system on it', { default: 'xfs' })),
  readOnly: bool(10, 'whether writes are refused'),
});

export type ScaleIOVolumeSource = Static<typeof ScaleIOVolumeSourceSchema>;

export const StorageOSVolumeSourceSchema = object('StorageOSVolumeSource', 'A StorageOS volume', {
  volumeName: str(1, 'name of the volume'),
  volumeNamespace: str(2, 'StorageOS namespace of the volume'),
  fsType: str(3, 'file system on it'),
  readOnly: bool(4, 'whether writes are refused'),
  secretRef: ref(5, LocalObjectReferenceSchema, 'Secret with the access data'),
});

export type StorageOSVolumeSource = Static<typeof StorageOSVolumeSourceSchema>;

export const VsphereVirtualDiskVolumeSourceSchema = object('VsphereVirtualDiskVolumeSource', 'A disk of vSphere', {
  volumePath: required(str(1, 'path of the disk')),
  fsType: str(2, 'file system on it'),
  storagePolicyName: str(3, 'name of the storage policy'),
  storagePolicyID: str(4, 'id of the storage policy'),
});

export type VsphereVirtualDiskVolumeSource = Static<typeof VsphereVirtualDiskVolumeSourceSchema>;
