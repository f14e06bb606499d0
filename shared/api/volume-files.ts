/**
 * Volumes made of the API's own objects: ConfigMaps, Secrets, the pod's fields, tokens. Source: Kubernetes API
 * reference, core/v1 Volume.
 */
import type { Static } from 'typebox';
import { bool, defaulted, int32, int64, list, object, ref, required, str, stringMap } from '../schema/fields.ts';
import { ObjectFieldSelectorSchema, ResourceFieldSelectorSchema } from './env.ts';
import { LabelSelectorSchema } from './label-selector.ts';

export const KeyToPathSchema = object('KeyToPath', 'Maps one key to a file', {
  key: required(str(1, 'key whose value becomes the file')),
  path: required(str(2, 'name of the file, relative to the volume')),
  mode: int32(3, 'permission bits of the file'),
});

export type KeyToPath = Static<typeof KeyToPathSchema>;

export const ConfigMapVolumeSourceSchema = object('ConfigMapVolumeSource', 'Files from a ConfigMap', {
  name: str('1.1', 'name of the ConfigMap'),
  items: list(2, KeyToPathSchema, 'keys to take and their files; all keys unless set'),
  defaultMode: defaulted(int32(3, 'permission bits of files that have none of their own', { default: 420 })),
  optional: bool(4, 'whether the ConfigMap or its keys may be missing'),
});

export type ConfigMapVolumeSource = Static<typeof ConfigMapVolumeSourceSchema>;

export const SecretVolumeSourceSchema = object('SecretVolumeSource', 'Files from a Secret', {
  secretName: str(1, 'name of the Secret'),
  items: list(2, KeyToPathSchema, 'keys to take and their files; all keys unless set'),
  defaultMode: defaulted(int32(3, 'permission bits of files that have none of their own', { default: 420 })),
  optional: bool(4, 'whether the Secret or its keys may be missing'),
});

export type SecretVolumeSource = Static<typeof SecretVolumeSourceSchema>;

export const DownwardAPIVolumeFileSchema = object('DownwardAPIVolumeFile', 'A file with a value of the pod itself', {
  path: required(str(1, 'name of the file, relative to the volume')),
  fieldRef: ref(2, ObjectFieldSelectorSchema, 'a field of the pod'),
  resourceFieldRef: ref(3, ResourceFieldSelectorSchema, 'requests or limits of a container'),
  mode: int32(4, 'permission bits of the file'),
});

export type DownwardAPIVolumeFile = Static<typeof DownwardAPIVolumeFileSchema>;

export const DownwardAPIVolumeSourceSchema = object('DownwardAPIVolumeSource', 'Files with values of the pod itself', {
  items: list(1, DownwardAPIVolumeFileSchema, 'the files'),
  defaultMode: defaulted(int32(2, 'permission bits of files that have none of their own', { default: 420 })),
});

export type DownwardAPIVolumeSource = Static<typeof DownwardAPIVolumeSourceSchema>;

export const SecretProjectionSchema = object('SecretProjection', 'Files from a Secret', {
  name: str('1.1', 'name of the Secret'),
  items: list(2, KeyToPathSchema, 'keys to take and their files; all keys unless set'),
  optional: bool(4, 'whether the Secret or its keys may be missing'),
});

export type SecretProjection = Static<typeof SecretProjectionSchema>;

export const ConfigMapProjectionSchema = object('ConfigMapProjection', 'Files from a ConfigMap', {
  name: str('1.1', 'name of the ConfigMap'),
  items: list(2, KeyToPathSchema, 'keys to take and their files; all keys unless set'),
  optional: bool(4, 'whether the ConfigMap or its keys may be missing'),
});

export type ConfigMapProjection = Static<typeof ConfigMapProjectionSchema>;

export const DownwardAPIProjectionSchema = object('DownwardAPIProjection', 'Files with values of the pod itself', {
  items: list(1, DownwardAPIVolumeFileSchema, 'the files'),
});

export type DownwardAPIProjection = Static<typeof DownwardAPIProjectionSchema>;

export const ServiceAccountTokenProjectionSchema = object(
  'ServiceAccountTokenProjection',
  "A token of the pod's service account, renewed by the kubelet",
  {
    audience: str(1, 'who shall accept the token; the API server unless set'),
    expirationSeconds: defaulted(int64(2, 'how long a token lives', { default: 3600 })),
    path: required(str(3, 'name of the file, relative to the volume')),
  },
);

export type ServiceAccountTokenProjection = Static<typeof ServiceAccountTokenProjectionSchema>;

export const ClusterTrustBundleProjectionSchema = object(
  'ClusterTrustBundleProjection',
  'Certificates of trust bundles',
  {
    name: str(1, 'name of one bundle'),
    signerName: str(2, 'signer whose bundles are taken'),
    labelSelector: ref(3, LabelSelectorSchema, "labels of the signer's bundles that are taken"),
    optional: bool(5, 'whether bundles may be missing'),
    path: required(str(4, 'name of the file, relative to the volume')),
  },
);

export type ClusterTrustBundleProjection = Static<typeof ClusterTrustBundleProjectionSchema>;

export const PodCertificateProjectionSchema = object(
  'PodCertificateProjection',
  'A key and a certificate of the pod, renewed by the kubelet',
  {
    signerName: required(str(1, 'who signs the certificate')),
    keyType: required(str(2, 'algorithm and size of the key')),
    maxExpirationSeconds: int32(3, 'longest life of the certificate'),
    credentialBundlePath: str(4, 'file with key and certificates'),
    keyPath: str(5, 'file with the key'),
    certificateChainPath: str(6, 'file with the certificates'),
    userAnnotations: stringMap(7, 'further wishes that the signer understands'),
  },
);

export type PodCertificateProjection = Static<typeof PodCertificateProjectionSchema>;

export const VolumeProjectionSchema = object('VolumeProjection', 'One part of a projected volume; exactly one is set', {
  secret: ref(1, SecretProjectionSchema, 'files from a Secret'),
  downwardAPI: ref(2, DownwardAPIProjectionSchema, 'files with values of the pod'),
  configMap: ref(3, ConfigMapProjectionSchema, 'files from a ConfigMap'),
  serviceAccountToken: ref(4, ServiceAccountTokenProjectionSchema, "a token of the pod's service account"),
  clusterTrustBundle: ref(5, ClusterTrustBundleProjectionSchema, 'certificates of trust bundles'),
  podCertificate: ref(6, PodCertificateProjectionSchema, 'a key and a certificate of the pod'),
});

export type VolumeProjection = Static<typeof VolumeProjectionSchema>;

export const ProjectedVolumeSourceSchema = object('ProjectedVolumeSource', 'Several sources in one directory', {
  sources: list(1, VolumeProjectionSchema, 'the parts'),
  defaultMode: defaulted(int32(2, 'permission bits of files that have none of their own', { default: 420 })),
});

export type ProjectedVolumeSource = Static<typeof ProjectedVolumeSourceSchema>;
