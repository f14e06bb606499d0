/**
 * Environment variables of a container and where their values come from. Source: Kubernetes API reference, core/v1
 * EnvVar.
 */
import type { Static } from 'typebox';
import { bool, defaulted, object, quantity, ref, required, str } from '../schema/fields.ts';

export const ObjectFieldSelectorSchema = object(
  'ObjectFieldSelector',
  'Takes the value from a field of the pod',
  {
    apiVersion: defaulted(str(1, 'version that the path is written for', { default: 'v1' })),
    fieldPath: required(str(2, 'the field, such as metadata.name or status.podIP')),
  },
  { atomic: true },
);

export type ObjectFieldSelector = Static<typeof ObjectFieldSelectorSchema>;

export const ResourceFieldSelectorSchema = object(
  'ResourceFieldSelector',
  "Takes the value from a container's requests or limits",
  {
    containerName: str(1, 'the container; needed in volumes, otherwise the same one'),
    resource: required(str(2, 'which amount, such as limits.cpu')),
    divisor: defaulted(
      quantity(3, 'unit of the value: the amount is divided by this and rounded up', { default: '0' }),
    ),
  },
  { atomic: true },
);

export type ResourceFieldSelector = Static<typeof ResourceFieldSelectorSchema>;

export const ConfigMapKeySelectorSchema = object(
  'ConfigMapKeySelector',
  'Takes the value from a key of a ConfigMap',
  {
    name: str('1.1', 'name of the ConfigMap'),
    key: required(str(2, 'key whose value is taken')),
    optional: bool(3, 'whether the ConfigMap or the key may be missing'),
  },
  { atomic: true },
);

export type ConfigMapKeySelector = Static<typeof ConfigMapKeySelectorSchema>;

export const SecretKeySelectorSchema = object(
  'SecretKeySelector',
  'Takes the value from a key of a Secret',
  {
    name: str('1.1', 'name of the Secret'),
    key: required(str(2, 'key whose value is taken')),
    optional: bool(3, 'whether the Secret or the key may be missing'),
  },
  { atomic: true },
);

export type SecretKeySelector = Static<typeof SecretKeySelectorSchema>;

export const FileKeySelectorSchema = object(
  'FileKeySelector',
  'Takes the value from a line KEY=VALUE of a file in a volume',
  {
    volumeName: required(str(1, 'volume that holds the file')),
    path: required(str(2, 'the file, relative to the volume')),
    key: required(str(3, 'key whose value is taken')),
    optional: bool(4, 'whether the file or the key may be missing', { default: false }),
  },
  { atomic: true },
);

export type FileKeySelector = Static<typeof FileKeySelectorSchema>;

export const EnvVarSourceSchema = object(
  'EnvVarSource',
  'Where the value of a variable comes from; exactly one is set',
  {
    fieldRef: ref(1, ObjectFieldSelectorSchema, 'a field of the pod'),
    resourceFieldRef: ref(2, ResourceFieldSelectorSchema, 'requests or limits of a container'),
    configMapKeyRef: ref(3, ConfigMapKeySelectorSchema, 'a key of a ConfigMap'),
    secretKeyRef: ref(4, SecretKeySelectorSchema, 'a key of a Secret'),
    fileKeyRef: ref(5, FileKeySelectorSchema, 'a file in a volume'),
  },
);

export type EnvVarSource = Static<typeof EnvVarSourceSchema>;

export const EnvVarSchema = object('EnvVar', 'One environment variable', {
  name: required(str(1, 'name of the variable')),
  value: str(2, 'its value; $(OTHER) is replaced by a variable defined before'),
  valueFrom: ref(3, EnvVarSourceSchema, 'source of the value, instead of value'),
});

export type EnvVar = Static<typeof EnvVarSchema>;

export const ConfigMapEnvSourceSchema = object('ConfigMapEnvSource', 'Takes all keys of a ConfigMap as variables', {
  name: str('1.1', 'name of the ConfigMap'),
  optional: bool(2, 'whether the ConfigMap may be missing'),
});

export type ConfigMapEnvSource = Static<typeof ConfigMapEnvSourceSchema>;

export const SecretEnvSourceSchema = object('SecretEnvSource', 'Takes all keys of a Secret as variables', {
  name: str('1.1', 'name of the Secret'),
  optional: bool(2, 'whether the Secret may be missing'),
});

export type SecretEnvSource = Static<typeof SecretEnvSourceSchema>;

export const EnvFromSourceSchema = object('EnvFromSource', 'Takes many variables at once', {
  prefix: str(1, 'put before each name'),
  configMapRef: ref(2, ConfigMapEnvSourceSchema, 'from a ConfigMap'),
  secretRef: ref(3, SecretEnvSourceSchema, 'from a Secret'),
});

export type EnvFromSource = Static<typeof EnvFromSourceSchema>;
