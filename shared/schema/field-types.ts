/**
 * Whether a JSON value can be read as a field's type at all, formats included: what Kubernetes refuses while it decodes a
 * request, before any validation.
 */
import { jsonTypeName } from '../machinery/json.ts';
import { parseQuantity, QuantityError } from '../machinery/quantity.ts';
import { parseTime } from '../platform/clock.ts';
import { isOpaque, type SchemaNode } from './schema-node.ts';

export interface TypeMismatch {
  /** `spec.replicas`. */
  field: string;
  /** `a whole number (int32)`. */
  expected: string;
  /** `the string "three"`. */
  found: string;
  /** `spec.replicas must be a whole number (int32), not the string "three"`. */
  message: string;
}

/** Longest value that a message repeats. */
const MAX_SHOWN_CHARS = 64;

/** Null and undefined are the caller's. */
export function findTypeMismatch(node: SchemaNode, value: unknown, field: string): TypeMismatch | undefined {
  const expected = isOpaque(node) ? opaqueExpectation(value) : expectation(node, value);
  if (expected === undefined) return undefined;
  const found = describe(value);
  return { field, expected, found, message: `${field === '' ? 'the body' : field} must be ${expected}, not ${found}` };
}

function opaqueExpectation(value: unknown): string | undefined {
  return jsonTypeName(value) === 'object' ? undefined : 'an object';
}

/** What the field wants, when `value` is not that. */
function expectation(node: SchemaNode, value: unknown): string | undefined {
  const format = node['x-format'];
  switch (format) {
    case 'int32':
    case 'int64':
      return isInteger(value, format) ? undefined : `a whole number (${format})`;
    case 'double':
      return typeof value === 'number' ? undefined : 'a number';
    case 'quantity':
      return isQuantity(value) ? undefined : 'a quantity such as 500m or 64Mi';
    case 'int-or-string':
      return typeof value === 'string' || isInteger(value, 'int32') ? undefined : 'a whole number (int32) or a string';
    case 'time':
    case 'micro-time':
      return isTime(value) ? undefined : 'an RFC 3339 time such as 2026-01-31T12:00:00Z';
    case 'bytes':
      return isBase64(value) ? undefined : 'a base64 string';
    case 'duration':
      return typeof value === 'string' && DURATION.test(value) ? undefined : 'a duration such as 1h30m';
    case 'raw':
    case undefined:
      return plainExpectation(node, value);
  }
}

function plainExpectation({ type }: SchemaNode, value: unknown): string | undefined {
  const found = jsonTypeName(value);
  switch (type) {
    case 'object':
      return found === 'object' ? undefined : 'an object';
    case 'array':
      return found === 'array' ? undefined : 'a list';
    case 'string':
      return found === 'string' ? undefined : 'a string';
    case 'boolean':
      return found === 'bool' ? undefined : 'true or false';
    case 'integer':
      return isInteger(value, 'int64') ? undefined : 'a whole number';
    case 'number':
      return found === 'number' ? undefined : 'a number';
    case undefined:
      return undefined;
  }
}

/** An int64 beyond 2^53 has already lost its last digits in JSON.parse, so that the largest one reads as 2^63. */
const MAX_INTEGER = { int32: 2 ** 31 - 1, int64: 2 ** 63 } as const;

function isInteger(value: unknown, format: 'int32' | 'int64'): boolean {
  const max = MAX_INTEGER[format];
  return typeof value === 'number' && Number.isInteger(value) && value >= -max - 1 && value <= max;
}

function isQuantity(value: unknown): boolean {
  if (typeof value === 'number') return true;
  if (typeof value !== 'string') return false;
  try {
    parseQuantity(value.trim());
    return true;
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function isTime(value: unknown): boolean {
  return typeof value === 'string' && RFC_3339.test(value) && parseTime(value) !== undefined;
}

/** RFC 4648, section 4, with padding; line breaks are skipped, as Go's decoder does. */
const BASE_64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function isBase64(value: unknown): boolean {
  return typeof value === 'string' && BASE_64.test(value.replaceAll(/[\r\n]/g, ''));
}

/** Go's form of a duration: `1h30m`, `1.5s`, `250ms`. */
const DURATION = /^[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/;

function describe(value: unknown): string {
  if (typeof value === 'string') {
    const shown = value.length > MAX_SHOWN_CHARS ? `${value.slice(0, MAX_SHOWN_CHARS)}…` : value;
    return `the string ${JSON.stringify(shown)}`;
  }
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return `${value}`;
  return Array.isArray(value) ? 'a list' : 'an object';
}
