/** Checks of what ConfigMaps and Secrets hold: keys that can be file names, a bounded size, data that may be sealed. */
import type { FieldError } from '../../machinery/errors.ts';
import { jsonEqual } from '../../machinery/json.ts';
import { validateConfigKey } from '../../machinery/names.ts';
import { complaintsAbout, forbiddenValue, tooLongBytes } from './field-error.ts';

/** Kubernetes' bound on all values of one ConfigMap or Secret together. */
export const MAX_DATA_BYTES = 1024 * 1024;

type Values = Readonly<Record<string, string>>;

interface Sealable {
  immutable?: boolean;
  data?: Values;
  binaryData?: Values;
}

export function checkKeys(field: string, values: Values | undefined): FieldError[] {
  return Object.keys(values ?? {}).flatMap((key) => complaintsAbout(`${field}[${key}]`, key, validateConfigKey(key)));
}

export function checkDataSize(field: string, bytes: number): FieldError[] {
  return bytes > MAX_DATA_BYTES ? [tooLongBytes(field, MAX_DATA_BYTES)] : [];
}

export function textBytes(values: Values | undefined): number {
  return Object.values(values ?? {}).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

/** Bytes that base64 values stand for. */
export function decodedBytes(values: Values | undefined): number {
  return Object.values(values ?? {}).reduce((sum, text) => sum + Buffer.byteLength(text, 'base64'), 0);
}

/** Once sealed, always sealed: neither the data nor the seal changes. */
export function checkSeal(object: Sealable, old: Sealable | undefined): FieldError[] {
  if (!old?.immutable) return [];
  const why = 'field is immutable when `immutable` is set';
  const changed = (['data', 'binaryData'] as const).filter((name) => !jsonEqual(object[name], old[name]));
  return [
    ...(object.immutable ? [] : [forbiddenValue('immutable', why)]),
    ...changed.map((name) => forbiddenValue(name, why)),
  ];
}
