/** ConfigMap: plain configuration for pods. Source: Kubernetes API reference, core/v1 ConfigMap. */
import type { Static } from 'typebox';
import type { FieldError } from '../machinery/errors.ts';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { bool, bytesMap, defaulted, object, ref, str, stringMap } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkDataSize, checkKeys, checkSeal, decodedBytes, textBytes } from './validation/data.ts';
import { invalidValue } from './validation/field-error.ts';

export const ConfigMapSchema = object('ConfigMap', 'Configuration that pods read as environment or files', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always ConfigMap')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  data: stringMap(2, 'keys and UTF-8 values'),
  binaryData: bytesMap(3, 'keys and binary values'),
  immutable: bool(4, 'when true, data cannot change any more'),
});

export type ConfigMap = Static<typeof ConfigMapSchema>;

function validateConfigMap(map: ConfigMap, old?: ConfigMap): FieldError[] {
  const shared = Object.keys(map.binaryData ?? {}).filter((key) => Object.hasOwn(map.data ?? {}, key));
  return [
    ...checkKeys('data', map.data),
    ...checkKeys('binaryData', map.binaryData),
    ...shared.map((key) => invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData')),
    ...checkDataSize('', textBytes(map.data) + decodedBytes(map.binaryData)),
    ...checkSeal(map, old),
  ];
}

export const ConfigMapKind = defineKind<ConfigMap>(KIND_NAMES.ConfigMap, {
  shortNames: ['cm'],
  validate: validateConfigMap,
  schema: ConfigMapSchema,
  columns: [
    nameColumn(),
    {
      name: 'Data',
      type: 'integer',
      description: 'number of keys',
      value: (map) => Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length,
    },
    ageColumn(),
  ],
});
