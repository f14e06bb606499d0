/**
 * Checks a value against a kind's schema, whole and in one walk. Three outcomes are kept apart, because Kubernetes answers
 * them differently: a value of the wrong JSON type (400, always), a field that nobody knows (400 or a warning, by the
 * request's fieldValidation), and a value of the right type that is not allowed (422).
 *
 * Null counts as absent. Check types on the request as it came; check the rest after `normalizeObject` and
 * `applySchemaDefaults`, since a default can fill in a required field.
 */
import type { TSchema } from 'typebox';
import type { FieldError } from '../machinery/errors.ts';
import { isJsonObject } from '../machinery/json.ts';
import { findTypeMismatch, type TypeMismatch } from './field-types.ts';
import { isOpaque, memberNode, membersOf, type SchemaNode, schemaNode } from './schema-node.ts';

export interface Validation {
  /** Values that could not be read at all: BadRequest. */
  typeErrors: TypeMismatch[];
  /** Missing fields and values that are not allowed: Invalid. */
  errors: FieldError[];
  /** Paths of fields that the schema does not have: `spec.template.spec.contaners`. */
  unknownFields: string[];
}

/** Complaints of each sort beyond this many are left out: a hostile body must not become a huge answer. */
const MAX_COMPLAINTS = 100;

/** `schema` is the whole kind's, or that of a part with `path` in front of the complaints' paths. */
export function validateObject(schema: TSchema, value: unknown, path = ''): Validation {
  const found: Validation = { typeErrors: [], errors: [], unknownFields: [] };
  visit(schemaNode(schema), { value, path, found });
  return {
    typeErrors: found.typeErrors.slice(0, MAX_COMPLAINTS),
    errors: found.errors.slice(0, MAX_COMPLAINTS),
    unknownFields: found.unknownFields.slice(0, MAX_COMPLAINTS),
  };
}

/** `unknown field "spec.contaners"`, as kubectl shows it. */
export function unknownFieldMessage(path: string): string {
  return `unknown field "${path}"`;
}

interface Visit {
  value: unknown;
  path: string;
  found: Validation;
}

function visit(node: SchemaNode, { value, path, found }: Visit): void {
  if (value === null || value === undefined) return;
  const mismatch = findTypeMismatch(node, value, path);
  if (mismatch !== undefined) {
    found.typeErrors.push(mismatch);
    return;
  }
  found.errors.push(...rangeErrors(node, value, path));
  if (isJsonObject(value)) {
    found.errors.push(...missingFields(node, value, path));
    found.unknownFields.push(...unknownFields(node, value, path));
  }
  for (const member of membersOf(node, value, path)) {
    visit(member.node, { value: member.value, path: member.path, found });
  }
}

function missingFields(node: SchemaNode, value: Record<string, unknown>, path: string): FieldError[] {
  return (node.required ?? [])
    .filter((key) => value[key] === undefined || value[key] === null)
    .map((key) => ({ type: 'required', field: join(path, key), message: 'Required value' }));
}

function unknownFields(node: SchemaNode, value: Record<string, unknown>, path: string): string[] {
  if (isOpaque(node)) return [];
  return Object.keys(value)
    .filter((key) => memberNode(node, key) === undefined)
    .map((key) => join(path, key));
}

function rangeErrors(node: SchemaNode, value: unknown, path: string): FieldError[] {
  if (typeof value === 'number') return numberRangeErrors(node, value, path);
  if (typeof value !== 'string' || node.enum === undefined || node.enum.includes(value)) return [];
  const supported = [...node.enum].sort().map((text) => JSON.stringify(text));
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.join(', ')}`;
  return [{ type: 'notSupported', field: path, message }];
}

function numberRangeErrors({ minimum, maximum }: SchemaNode, value: number, path: string): FieldError[] {
  if (value >= (minimum ?? value) && value <= (maximum ?? value)) return [];
  return [{ type: 'invalid', field: path, message: `Invalid value: ${value}: ${rangeRule(minimum, maximum)}` }];
}

function rangeRule(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum !== undefined && maximum !== undefined) return `must be between ${minimum} and ${maximum}, inclusive`;
  if (minimum !== undefined) return `must be greater than or equal to ${minimum}`;
  return `must be less than or equal to ${maximum}`;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
