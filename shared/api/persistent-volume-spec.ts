/** What a PersistentVolume is: its size, its source, where it can be reached. Source: Kubernetes API reference, core/v1. */
import type { Static } from 'typebox';
import { defaulted, object, oneOf, quantities, ref, str, strings } from '../schema/fields.ts';
import { NodeSelectorSchema } from './affinity.ts';
import {
  AzureFilePersistentVolumeSourceSchema,
  CephFSPersistentVolumeSourceSchema,
  CinderPersistentVolumeSourceSchema,
  CSIPersistentVolumeSourceSchema,
  FlexPersistentVolumeSourceSchema,
  GlusterfsPersistentVolumeSourceSchema,
  ISCSIPersistentVolumeSourceSchema,
  LocalVolumeSourceSchema,
  RBDPersistentVolumeSourceSchema,
  ScaleIOPersistentVolumeSourceSchema,
  StorageOSPersistentVolumeSourceSchema,
} from './persistent-volume-sources.ts';
import { ObjectReferenceSchema } from './references.ts';
import {
  AWSElasticBlockStoreVolumeSourceSchema,
  AzureDiskVolumeSourceSchema,
  FCVolumeSourceSchema,
  FlockerVolumeSourceSchema,
  GCEPersistentDiskVolumeSourceSchema,
  PhotonPersistentDiskVolumeSourceSchema,
  PortworxVolumeSourceSchema,
  QuobyteVolumeSourceSchema,
  VsphereVirtualDiskVolumeSourceSchema,
} from './volume-network.ts';
import { HostPathVolumeSourceSchema, NFSVolumeSourceSchema } from './volume-storage.ts';

export const VolumeNodeAffinitySchema = object('VolumeNodeAffinity', 'From which nodes the volume can be reached', {
  required: ref(1, NodeSelectorSchema, 'the node must be like this'),
});

export type VolumeNodeAffinity = Static<typeof VolumeNodeAffinitySchema>;

export const PersistentVolumeSpecSchema = object(
  'PersistentVolumeSpec',
  'What the volume is; exactly one source is set',
  {
    capacity: quantities(1, 'size of the volume'),
    local: ref('2.20', LocalVolumeSourceSchema, 'a directory or device of one node'),
    hostPath: ref('2.3', HostPathVolumeSourceSchema, 'a directory or file of the node'),
    nfs: ref('2.5', NFSVolumeSourceSchema, 'a directory of an NFS server'),
    csi: ref('2.22', CSIPersistentVolumeSourceSchema, 'a volume of a CSI driver'),
    iscsi: ref('2.7', ISCSIPersistentVolumeSourceSchema, 'an iSCSI disk'),
    fc: ref('2.10', FCVolumeSourceSchema, 'a Fibre Channel disk'),
    cephfs: ref('2.9', CephFSPersistentVolumeSourceSchema, 'a Ceph file system'),
    rbd: ref('2.6', RBDPersistentVolumeSourceSchema, 'a Ceph block device'),
    glusterfs: ref('2.4', GlusterfsPersistentVolumeSourceSchema, 'a Gluster volume'),
    flexVolume: ref('2.12', FlexPersistentVolumeSourceSchema, 'a volume of an exec plug-in'),
    awsElasticBlockStore: ref('2.2', AWSElasticBlockStoreVolumeSourceSchema, 'a disk of AWS'),
    gcePersistentDisk: ref('2.1', GCEPersistentDiskVolumeSourceSchema, 'a disk of Google Cloud'),
    azureDisk: ref('2.16', AzureDiskVolumeSourceSchema, 'a disk of Azure'),
    azureFile: ref('2.13', AzureFilePersistentVolumeSourceSchema, 'a file share of Azure'),
    cinder: ref('2.8', CinderPersistentVolumeSourceSchema, 'a disk of OpenStack'),
    vsphereVolume: ref('2.14', VsphereVirtualDiskVolumeSourceSchema, 'a disk of vSphere'),
    flocker: ref('2.11', FlockerVolumeSourceSchema, 'a Flocker dataset'),
    photonPersistentDisk: ref('2.17', PhotonPersistentDiskVolumeSourceSchema, 'a disk of Photon'),
    portworxVolume: ref('2.18', PortworxVolumeSourceSchema, 'a Portworx volume'),
    quobyte: ref('2.15', QuobyteVolumeSourceSchema, 'a Quobyte volume'),
    scaleIO: ref('2.19', ScaleIOPersistentVolumeSourceSchema, 'a ScaleIO volume'),
    storageos: ref('2.21', StorageOSPersistentVolumeSourceSchema, 'a StorageOS volume'),
    accessModes: strings(3, 'how many nodes can use it, such as ReadWriteOnce'),
    claimRef: ref(4, ObjectReferenceSchema, 'the claim that it is bound to or kept for'),
    persistentVolumeReclaimPolicy: defaulted(
      oneOf(5, ['Retain', 'Delete', 'Recycle'], 'what becomes of it when its claim is gone', { default: 'Retain' }),
    ),
    storageClassName: str(6, 'class of the volume; empty for none'),
    mountOptions: strings(7, 'options for mount'),
    volumeMode: defaulted(oneOf(8, ['Block', 'Filesystem'], 'file system or bare device', { default: 'Filesystem' })),
    nodeAffinity: ref(9, VolumeNodeAffinitySchema, 'from which nodes it can be reached'),
    volumeAttributesClassName: str(10, 'class of changeable properties'),
  },
);

export type PersistentVolumeSpec = Static<typeof PersistentVolumeSpecSchema>;
