/**
 * The way from client-side to server-side apply. Client-side apply keeps the applied configuration in an annotation; while
 * the live object still agrees with it, kubectl's server-side apply may take those fields over without force, and keeps the
 * annotation up to date for clients that go back. Both only for the manager `kubectl`, as upstream.
 */
import type { TSchema } from 'typebox';
import { isJsonObject, type JsonObject, setKey } from '../../machinery/json.ts';
import { changedFields, compareObjects } from './compare.ts';
import { differenceOf, EMPTY_FIELD_SET, type FieldSet } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';

export const KUBECTL_MANAGER = 'kubectl';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Kubernetes' limit of all annotations of an object together. */
const MAX_ANNOTATIONS_BYTES = 256 * 1024;

/** Fields of the last client-side apply that still have the applied value. */
export function lastAppliedFields(schema: TSchema, live: JsonObject, apiVersion: string): FieldSet {
  const config = parseConfig(lastAppliedText(live));
  if (config === undefined || config['apiVersion'] !== apiVersion) return EMPTY_FIELD_SET;
  return differenceOf(fieldsOf(schema, config), changedFields(compareObjects(schema, config, live)));
}

/** `object` with the annotation renewed, where it has one; without it where it became too large. */
export function renewLastApplied(object: JsonObject, config: JsonObject): JsonObject {
  if (lastAppliedText(object) === '') return object;
  const annotations = {
    ...annotationsOf(object),
    [LAST_APPLIED]: `${JSON.stringify(sortKeys(withoutAnnotation(config)))}\n`,
  };
  if (sizeBytes(annotations) <= MAX_ANNOTATIONS_BYTES) return withAnnotations(object, annotations);
  const { [LAST_APPLIED]: _, ...rest } = annotations;
  return withAnnotations(object, rest);
}

function annotationsOf({ metadata }: JsonObject): JsonObject {
  const annotations = isJsonObject(metadata) ? metadata['annotations'] : undefined;
  return isJsonObject(annotations) ? annotations : {};
}

function lastAppliedText(object: JsonObject): string {
  const text = annotationsOf(object)[LAST_APPLIED];
  return typeof text === 'string' ? text : '';
}

/** Whatever stands in an annotation may be anything. */
function parseConfig(text: string): JsonObject | undefined {
  try {
    const config: unknown = JSON.parse(text);
    return isJsonObject(config) ? config : undefined;
  } catch {
    return undefined;
  }
}

function withoutAnnotation(config: JsonObject): JsonObject {
  if (lastAppliedText(config) === '') return config;
  const { [LAST_APPLIED]: _, ...rest } = annotationsOf(config);
  return withAnnotations(config, rest);
}

function withAnnotations(object: JsonObject, annotations: JsonObject): JsonObject {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {};
  return { ...object, metadata: { ...metadata, annotations } };
}

function sizeBytes(annotations: JsonObject): number {
  return Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0,
  );
}

/** Go writes the keys of maps in alphabetical order. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isJsonObject(value)) return value;
  const result: JsonObject = {};
  for (const key of Object.keys(value).sort()) setKey(result, key, sortKeys(value[key]));
  return result;
}
