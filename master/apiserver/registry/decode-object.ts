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
  /** Changes the object before defaults are filled in; its fields may still have wrong types. */
  prepare?(object: ApiObject): void;
}

export interface Decoded {
  /** Belongs to the caller. */
  object: ApiObject;
  errors: FieldError[];
}

/**
 * One walk checks everything: normal form and defaults leave alone what has the wrong type, and a default may fill in what
 * is required. Throws BadRequest.
 */
export function decodeObject(value: JsonObject, options: DecodeOptions): Decoded {
  const { kind } = options;
  const object = asObject(normalizeObject(kind.schema, withTypeMeta(value, kind)));
  options.prepare?.(object);
  applySchemaDefaults(kind.schema, object);
  const { typeErrors, unknownFields, errors } = validateObject(kind.schema, object);
  if (typeErrors.length > 0) throw undecodable(kind, typeErrors.map(({ message }) => message).join(', '));
  reportUnknownFields(unknownFields, options);
  const known = unknownFields.length > 0 ? asObject(pruneObject(kind.schema, object)) : object;
  kind.applyDefaults?.(known);
  return { object: known, errors };
}

/** The edge: what is returned has been checked against the kind's schema; metadata is an object from the start. */
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
  return { apiVersion, kind: kind.kind, metadata: clientMetadata(metadata, kind), ...rest };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** Without what the server alone keeps, whatever a client sends. */
function clientMetadata(metadata: unknown, kind: DecodeOptions['kind']): JsonObject {
  if (metadata === undefined || metadata === null) return {};
  if (!isJsonObject(metadata)) throw undecodable(kind, 'metadata must be an object');
  const { selfLink: _, managedFields: __, ...rest } = metadata;
  return rest;
}
