/**
 * Writes an object as the protobuf body that a Go client would send, by the field numbers of its schema. Fields that are
 * absent are left out (Go writes zeros for some of them; the unit tests have such bodies from a real kubectl).
 */
import type { TSchema } from 'typebox';
import { isJsonArray, isJsonObject } from '../../shared/machinery/json.ts';
import { assert } from '../../shared/platform/assert.ts';
import { isOpaque, mapValueNode, type SchemaNode, schemaNode } from '../../shared/schema/schema-node.ts';

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH = 2;
const MAGIC = [0x6b, 0x38, 0x73, 0x00];

/** `k8s\0` and a runtime.Unknown around the object. */
export function encodeProtobuf(schema: TSchema, object: Record<string, unknown>): Uint8Array {
  const typeMeta = [...textField(1, String(object['apiVersion'])), ...textField(2, String(object['kind']))];
  const raw = encodeMessage(schemaNode(schema), object);
  return Uint8Array.from([...MAGIC, ...bytesField(1, typeMeta), ...bytesField(2, raw)]);
}

export function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

export function bytesField(field: number, bytes: readonly number[]): number[] {
  return [...varint(BigInt(field * 8 + LENGTH)), ...varint(BigInt(bytes.length)), ...bytes];
}

export function varintField(field: number, value: bigint): number[] {
  return [...varint(BigInt(field * 8 + VARINT)), ...varint(value)];
}

export function textField(field: number, text: string): number[] {
  return bytesField(field, [...new TextEncoder().encode(text)]);
}

/** Fields whose number is a path ('2.1') go into embedded messages, one a field: decoders must merge them. */
function encodeMessage(node: SchemaNode, value: Record<string, unknown>): number[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, field]) => {
    if (field.pb === undefined || value[key] === undefined) return [];
    const path = String(field.pb).split('.').map(Number);
    const last = path.pop() ?? 0;
    return path.reduceRight((inner, number) => bytesField(number, inner), encodeField(field, last, value[key]));
  });
}

function encodeField(node: SchemaNode, field: number, value: unknown): number[] {
  const mapValue = mapValueNode(node);
  if (isJsonArray(value)) return value.flatMap((item) => encodeValue(node.items ?? {}, field, item));
  if (mapValue === undefined || !isJsonObject(value)) return encodeValue(node, field, value);
  return Object.entries(value).flatMap(([key, item]) => {
    const wrapped = isJsonArray(item) ? bytesField(2, encodeField(mapValue, 1, item)) : encodeValue(mapValue, 2, item);
    return bytesField(field, [...textField(1, key), ...wrapped]);
  });
}

function encodeValue(node: SchemaNode, field: number, value: unknown): number[] {
  if (isOpaque(node)) return bytesField(field, textField(1, JSON.stringify(value)));
  if (isJsonObject(value)) return bytesField(field, encodeMessage(node, value));
  switch (node['x-format']) {
    case 'quantity':
      return bytesField(field, textField(1, String(value)));
    case 'int-or-string':
      return bytesField(field, encodeIntOrString(value));
    case 'time':
    case 'micro-time':
      return bytesField(field, encodeTime(String(value)));
    case 'bytes':
      return bytesField(field, [...Buffer.from(String(value), 'base64')]);
    default:
      return encodeScalar(node, field, value);
  }
}

function encodeScalar({ type }: SchemaNode, field: number, value: unknown): number[] {
  if (typeof value === 'string') return textField(field, value);
  if (typeof value === 'boolean') return varintField(field, value ? 1n : 0n);
  assert(typeof value === 'number', `field ${field} has no value that can be encoded`);
  return type === 'number' ? doubleField(field, value) : varintField(field, BigInt(value));
}

function doubleField(field: number, value: number): number[] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return [...varint(BigInt(field * 8 + FIXED_64)), ...bytes];
}

function encodeIntOrString(value: unknown): number[] {
  if (typeof value === 'number') return [...varintField(1, 0n), ...varintField(2, BigInt(value))];
  return [...varintField(1, 1n), ...textField(3, String(value))];
}

function encodeTime(text: string): number[] {
  const [, micros = '0'] = /\.(\d{6})Z$/.exec(text) ?? [];
  const seconds = BigInt(Math.floor(Date.parse(text) / 1000));
  return [...varintField(1, seconds), ...varintField(2, BigInt(micros) * 1000n)];
}
