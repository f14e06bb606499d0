/** Random objects of a kind, in normal form, with a few of their fields; no zero values, whose presence protobuf loses. */
import fc from 'fast-check';
import type { TSchema } from 'typebox';
import { formatMicroTime, formatTime } from '../../shared/platform/clock.ts';
import { isOpaque, mapValueNode, type SchemaNode, schemaNode } from '../../shared/schema/schema-node.ts';

/** Fields of one object that a random object has at most. */
const MAX_FIELDS = 4;

export function objectArbitrary(schema: TSchema, depth = 6): fc.Arbitrary<Record<string, unknown>> {
  return fieldsArbitrary(schemaNode(schema), depth);
}

function fieldsArbitrary(node: SchemaNode, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.entries(node.properties ?? {}).filter(([, field]) => isUsable(field, depth));
  const maxLength = Math.min(MAX_FIELDS, fields.length);
  return fc.subarray(fields, { minLength: 1, maxLength }).chain((chosen) => {
    const values = chosen.map(([key, field]) => [key, valueArbitrary(field, depth - 1)]);
    return fc.record<Record<string, unknown>>(Object.fromEntries(values), { noNullPrototype: true });
  });
}

/** Fields without a number are not in protobuf; deep ones are left out, so that objects stay small and none is empty. */
function isUsable(field: SchemaNode, depth: number): boolean {
  return field.pb !== undefined && hasValues(field, depth);
}

function hasValues(node: SchemaNode, depth: number): boolean {
  if (depth <= 0) return false;
  if (node.items !== undefined) return hasValues(node.items, depth - 1);
  if (node.properties === undefined) return true;
  return Object.values(node.properties).some((field) => isUsable(field, depth - 1));
}

function valueArbitrary(node: SchemaNode, depth: number): fc.Arbitrary<unknown> {
  const mapValue = mapValueNode(node);
  if (isOpaque(node))
    return fc.dictionary(fc.string(), fc.integer(), { minKeys: 1, maxKeys: 3, noNullPrototype: true });
  if (mapValue !== undefined) {
    const value = valueArbitrary(mapValue, depth);
    return fc.dictionary(fc.string(), value, { minKeys: 1, maxKeys: 3, noNullPrototype: true });
  }
  if (node.type === 'object') return fieldsArbitrary(node, depth);
  if (node.type === 'array')
    return fc.array(valueArbitrary(node.items ?? {}, depth - 1), { minLength: 1, maxLength: 3 });
  return scalarArbitrary(node);
}

const text = fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).filter((value) => value !== 0);
const timeMs = fc.integer({ min: 0, max: 4_000_000_000_000 });

function scalarArbitrary(node: SchemaNode): fc.Arbitrary<unknown> {
  switch (node['x-format']) {
    case 'int64':
      return fc.maxSafeInteger().filter((value) => value !== 0);
    case 'double':
      return fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => value !== 0);
    case 'quantity':
      return fc.constantFrom('500m', '1', '64Mi', '1536Mi', '2k');
    case 'int-or-string':
      return fc.oneof(int32, text);
    case 'time':
      return timeMs.map(formatTime);
    case 'micro-time':
      return timeMs.map(formatMicroTime);
    case 'bytes':
      return fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    default:
      return plainArbitrary(node);
  }
}

function plainArbitrary({ type, enum: values }: SchemaNode): fc.Arbitrary<unknown> {
  if (values !== undefined) return fc.constantFrom(...values.filter((value) => value !== ''));
  if (type === 'boolean') return fc.constant(true);
  return type === 'string' ? text : int32;
}
