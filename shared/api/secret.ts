/** Secret: confidential data for pods. Source: Kubernetes API reference, core/v1 Secret. */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { bool, bytesMap, defaulted, object, ref, str, stringMap } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkSecret } from './validation/secret.ts';

export const SecretSchema = object('Secret', 'Confidential data that pods read as environment or files', {
  apiVersion: defaulted(str(undefined, 'always v1')),
  kind: defaulted(str(undefined, 'always Secret')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  data: bytesMap(2, 'keys and base64 values'),
  stringData: stringMap(4, 'keys and plain values, only for writing; moved into data'),
  type: defaulted(str(3, 'what the data is for; some types need certain keys', { default: 'Opaque' })),
  immutable: bool(5, 'when true, data cannot change any more'),
});

export type Secret = Static<typeof SecretSchema>;

/** What a client wrote in plain text is stored like the rest; a key in both is taken from the plain text. */
function moveStringData(secret: Secret): void {
  const { stringData } = secret;
  if (stringData === undefined) return;
  const encoded = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  secret.data = { ...secret.data, ...Object.fromEntries(encoded) };
  delete secret.stringData;
}

export const SecretKind = defineKind<Secret>(KIND_NAMES.Secret, {
  applyDefaults: moveStringData,
  columns: [
    nameColumn(),
    { name: 'Type', type: 'string', description: 'what the data is for', value: ({ type }) => type },
    {
      name: 'Data',
      type: 'integer',
      description: 'number of keys',
      value: ({ data }) => Object.keys(data ?? {}).length,
    },
    ageColumn(),
  ],
  selectableFields: { type: ({ type }) => type },
  validate: checkSecret,
  schema: SecretSchema,
});
