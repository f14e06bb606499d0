/**
 * From a JSON value to an object of a kind: right types, no unknown fields, normal form, defaults. Whatever is still wrong
 * with it (missing fields, values that are not allowed) is returned, because admission has the first word.
 */
import { badRequest, type FieldError } from '../../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import { applySchemaDefaults } from '../../../shared/schema/defaulting.ts';
import { apiVersionOf } from '../../../shared/schema/define-kind.ts';
import { normalizeObject } from '../../../shared/schema/normalize.ts';
import { pruneObject } from '../../../shared/schema/prune.ts';
import { unknownFieldMessage, validateObject } from '../../../shared/schema/validate.ts';
import type { FieldValidation } from '../request/write-options.ts';
import type { AnyKind, ApiObject } from '../storage/api-object.ts';

export interface DecodeOptions {
  kind: Pick<AnyKind, 'group' | 'version' | 'kind' | 'schema' | 'applyDefaults'>;
  fieldValidation: FieldValidation;
  warn(message: string): void;
  /** Makes the error of a strict request with unknown fields; a create's unless given. */
  strictError?(message: string): Error;
  /** Changes the object after unknown fields are gone and before defaults are filled in. */
  prepare?(object: ApiObject): void;
}

export interface Decoded {
  /** Belongs to the caller. */
  object: ApiObject;
  errors: FieldError[];
}

/** Throws BadRequest. */
export function decodeObject(value: JsonObject, options: DecodeOptions): Decoded {
  const { kind } = options;
  const typed = withTypeMeta(value, kind);
  const found = validateObject(kind.schema, typed);
  if (found.typeErrors.length > 0) {
    throw undecodable(kind, found.typeErrors.map(({ message }) => message).join(', '));
  }
  reportUnknownFields(found.unknownFields, options);
  const object = completeObject(typed, options, found.unknownFields.length > 0);
  return { object, errors: validateObject(kind.schema, object).errors };
}

function completeObject(typed: JsonObject, options: DecodeOptions, hasUnknown: boolean): ApiObject {
  const { schema, applyDefaults } = options.kind;
  const normal = normalizeObject(schema, typed);
  const object = asObject(hasUnknown ? pruneObject(schema, normal) : normal);
  object.metadata ??= { name: '', uid: '', resourceVersion: '', creationTimestamp: '' };
  options.prepare?.(object);
  applySchemaDefaults(schema, object);
  applyDefaults?.(object);
  return object;
}

/** The edge: a value whose types were checked against the kind's schema is an object of that kind. */
function asObject(value: unknown): ApiObject {
  return value as ApiObject;
}

/** `Deployment in version "v1" cannot be handled as a Deployment: …`, as upstream begins. */
export function undecodable({ kind, version }: Pick<AnyKind, 'kind' | 'version'>, why: string): Error {
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
}

function reportUnknownFields(paths: readonly string[], options: DecodeOptions): void {
  if (paths.length === 0 || options.fieldValidation === 'Ignore') return;
  const messages = paths.map(unknownFieldMessage);
  if (options.fieldValidation === 'Warn') {
    for (const message of messages) options.warn(message);
    return;
  }
  const message = `strict decoding error: ${messages.join(', ')}`;
  throw options.strictError?.(message) ?? undecodable(options.kind, message);
}

/** Clients may leave out what the path already says; they may not contradict it. */
function withTypeMeta(value: JsonObject, kind: DecodeOptions['kind']): JsonObject {
  const apiVersion = apiVersionOf(kind);
  const { apiVersion: givenVersion, kind: givenKind } = value;
  if (isGiven(givenVersion) && givenVersion !== apiVersion) {
    const data = `the API version in the data (${String(givenVersion)})`;
    throw badRequest(`${data} does not match the expected API version (${apiVersion})`);
  }
  if (isGiven(givenKind) && givenKind !== kind.kind) {
    throw badRequest(`${String(givenKind)} in version "${apiVersion}" cannot be handled as a ${kind.kind}`);
  }
  const { apiVersion: _, kind: __, metadata, ...rest } = value;
  const kept = isJsonObject(metadata) ? { metadata: withoutServerFields(metadata) } : {};
  return { apiVersion, kind: kind.kind, ...(metadata === undefined ? {} : { metadata }), ...kept, ...rest };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** Kept by the server alone, whatever a client sends. */
function withoutServerFields(metadata: JsonObject): JsonObject {
  const { selfLink: _, managedFields: __, ...rest } = metadata;
  return rest;
}
