/** Volume: a directory that containers of a pod mount. Source: Kubernetes API reference, core/v1 Volume. */
import type { Static } from 'typebox';
import { object, ref, required, str } from '../schema/fields.ts';
import {
  ConfigMapVolumeSourceSchema,
  DownwardAPIVolumeSourceSchema,
  ProjectedVolumeSourceSchema,
  SecretVolumeSourceSchema,
} from './volume-files.ts';
import {
  AWSElasticBlockStoreVolumeSourceSchema,
  AzureDiskVolumeSourceSchema,
  AzureFileVolumeSourceSchema,
  CephFSVolumeSourceSchema,
  CinderVolumeSourceSchema,
  FCVolumeSourceSchema,
  FlexVolumeSourceSchema,
  FlockerVolumeSourceSchema,
  GCEPersistentDiskVolumeSourceSchema,
  GitRepoVolumeSourceSchema,
  GlusterfsVolumeSourceSchema,
  ISCSIVolumeSourceSchema,
  PhotonPersistentDiskVolumeSourceSchema,
  PortworxVolumeSourceSchema,
  QuobyteVolumeSourceSchema,
  RBDVolumeSourceSchema,
  ScaleIOVolumeSourceSchema,
  StorageOSVolumeSourceSchema,
  VsphereVirtualDiskVolumeSourceSchema,
} from './volume-network.ts';
import {
  CSIVolumeSourceSchema,
  EmptyDirVolumeSourceSchema,
  EphemeralVolumeSourceSchema,
  HostPathVolumeSourceSchema,
  ImageVolumeSourceSchema,
  NFSVolumeSourceSchema,
  PersistentVolumeClaimVolumeSourceSchema,
} from './volume-storage.ts';

export const VolumeSchema = object(
  'Volume',
  'A directory that containers of the pod mount; exactly one source is set',
  {
    name: required(str(1, 'name that mounts refer to')),
    emptyDir: ref('2.2', EmptyDirVolumeSourceSchema, 'empty at first, lives as long as the pod'),
    configMap: ref('2.19', ConfigMapVolumeSourceSchema, 'files from a ConfigMap'),
    secret: ref('2.6', SecretVolumeSourceSchema, 'files from a Secret'),
    projected: ref('2.26', ProjectedVolumeSourceSchema, 'files from several sources'),
    downwardAPI: ref('2.16', DownwardAPIVolumeSourceSchema, 'files with values of the pod itself'),
    hostPath: ref('2.1', HostPathVolumeSourceSchema, 'a directory or file of the node'),
    persistentVolumeClaim: ref('2.10', PersistentVolumeClaimVolumeSourceSchema, 'the volume of a claim'),
    ephemeral: ref('2.29', EphemeralVolumeSourceSchema, 'a claim that lives as long as the pod'),
    csi: ref('2.28', CSIVolumeSourceSchema, 'made by a CSI driver for this pod'),
    image: ref('2.30', ImageVolumeSourceSchema, 'files of an OCI image'),
    nfs: ref('2.7', NFSVolumeSourceSchema, 'a directory of an NFS server'),
    iscsi: ref('2.8', ISCSIVolumeSourceSchema, 'an iSCSI disk'),
    fc: ref('2.17', FCVolumeSourceSchema, 'a Fibre Channel disk'),
    cephfs: ref('2.14', CephFSVolumeSourceSchema, 'a Ceph file system'),
    rbd: ref('2.11', RBDVolumeSourceSchema, 'a Ceph block device'),
    glusterfs: ref('2.9', GlusterfsVolumeSourceSchema, 'a Gluster volume'),
    flexVolume: ref('2.12', FlexVolumeSourceSchema, 'a volume of an exec plug-in'),
    gitRepo: ref('2.5', GitRepoVolumeSourceSchema, 'a clone of a git repository'),
    awsElasticBlockStore: ref('2.4', AWSElasticBlockStoreVolumeSourceSchema, 'a disk of AWS'),
    gcePersistentDisk: ref('2.3', GCEPersistentDiskVolumeSourceSchema, 'a disk of Google Cloud'),
    azureDisk: ref('2.22', AzureDiskVolumeSourceSchema, 'a disk of Azure'),
    azureFile: ref('2.18', AzureFileVolumeSourceSchema, 'a file share of Azure'),
    cinder: ref('2.13', CinderVolumeSourceSchema, 'a disk of OpenStack'),
    vsphereVolume: ref('2.20', VsphereVirtualDiskVolumeSourceSchema, 'a disk of vSphere'),
    flocker: ref('2.15', FlockerVolumeSourceSchema, 'a Flocker dataset'),
    photonPersistentDisk: ref('2.23', PhotonPersistentDiskVolumeSourceSchema, 'a disk of Photon'),
    portworxVolume: ref('2.24', PortworxVolumeSourceSchema, 'a Portworx volume'),
    quobyte: ref('2.21', QuobyteVolumeSourceSchema, 'a Quobyte volume'),
    scaleIO: ref('2.25', ScaleIOVolumeSourceSchema, 'a ScaleIO volume'),
    storageos: ref('2.27', StorageOSVolumeSourceSchema, 'a StorageOS volume'),
  },
);

export type Volume = Static<typeof VolumeSchema>;
