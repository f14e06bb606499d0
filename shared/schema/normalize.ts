/**
 * Brings a request's object into the one form that is stored and compared: no nulls, quantities as canonical strings, times
 * in UTC. What cannot be read stays as it is, for validation to name it; so do unknown fields and opaque objects.
 */
import type { TSchema } from 'typebox';
import { cloneJson, isJsonArray, isJsonObject, type JsonObject, setKey } from '../machinery/json.ts';
import { canonicalQuantity, QuantityError } from '../machinery/quantity.ts';
import { formatTime, parseTime } from '../platform/clock.ts';
import { isOpaque, mapValueNode, memberNode, type SchemaNode, schemaNode } from './schema-node.ts';

/** A new value; the input stays as it is. Idempotent. */
export function normalizeObject(schema: TSchema, value: unknown): unknown {
  return normalize(schemaNode(schema), value);
}

function normalize(node: SchemaNode | undefined, value: unknown): unknown {
  if (node === undefined || isOpaque(node)) return cloneJson(value);
  if (isJsonArray(value)) {
    return value.filter((item) => item !== null).map((item) => normalize(node.items, item));
  }
  return isJsonObject(value) ? normalizeMembers(node, value) : normalizeScalar(node, value);
}

function normalizeMembers(node: SchemaNode, value: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    if (member !== null) setKey(result, key, normalize(memberNode(node, key), member));
    else if (isStringMap(node)) setKey(result, key, '');
  }
  return result;
}

/** In a map from string to string Go reads null as the empty string and keeps the key: `data: {empty: null}`. */
function isStringMap(node: SchemaNode): boolean {
  const value = mapValueNode(node);
  return value?.type === 'string' && value['x-format'] === undefined;
}

function normalizeScalar(node: SchemaNode, value: unknown): unknown {
  switch (node['x-format']) {
    case 'quantity':
      return normalizeQuantity(value);
    case 'time':
      return normalizeTime(value);
    case 'micro-time':
      return normalizeMicroTime(value);
    default:
      return value;
  }
}

function normalizeQuantity(value: unknown): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') return value;
  try {
    return canonicalQuantity(String(value).trim());
  } catch (error) {
    if (error instanceof QuantityError) return value;
    throw error;
  }
}

function normalizeTime(value: unknown): unknown {
  const ms = typeof value === 'string' ? parseTime(value) : undefined;
  return ms === undefined ? value : formatTime(ms);
}

/** Keeps microseconds, which a Date does not: the fraction is copied as text. */
function normalizeMicroTime(value: unknown): unknown {
  const ms = typeof value === 'string' ? parseTime(value) : undefined;
  if (ms === undefined) return value;
  const [, digits = ''] = /\.(\d+)/.exec(String(value)) ?? [];
  return `${formatTime(ms).slice(0, 19)}.${digits.slice(0, 6).padEnd(6, '0')}Z`;
}
