/**
 * Kubernetes' small value messages as the JSON scalars that they are in the API: quantities, times, durations, values that
 * are a number or a text, raw JSON.
 * Source: generated.proto of k8s.io/apimachinery (resource, meta/v1, runtime, util/intstr).
 */
import { formatTime } from '../platform/clock.ts';
import { malformed, type Tag, WIRE, WireReader } from './protobuf-wire.ts';
import type { SchemaNode } from './schema-node.ts';

/** The JSON value of a scalar field; undefined when the message says that there is none (a zero time). */
export function readScalar(node: SchemaNode, reader: WireReader, tag: Tag): unknown {
  switch (node['x-format']) {
    case 'quantity':
      return readText(message(reader, tag), 1) ?? '0';
    case 'int-or-string':
      return readIntOrString(message(reader, tag));
    case 'time':
      return readTime(message(reader, tag), 'time');
    case 'micro-time':
      return readTime(message(reader, tag), 'micro-time');
    case 'duration':
      return formatDuration(readNumbers(message(reader, tag))[1] ?? 0n);
    case 'raw':
      return readRawJson(message(reader, tag));
    case 'bytes':
      return Buffer.from(lengthDelimited(reader, tag)).toString('base64');
    default:
      return readPlain(node, reader, tag);
  }
}

/** Whether a list of such values may come packed into one field. */
export function isPackable({ type }: SchemaNode): boolean {
  return type === 'integer' || type === 'number' || type === 'boolean';
}

export function message(reader: WireReader, tag: Tag): WireReader {
  return new WireReader(lengthDelimited(reader, tag));
}

export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed('a string is not UTF-8');
  }
}

function readPlain({ type }: SchemaNode, reader: WireReader, tag: Tag): unknown {
  switch (type) {
    case 'string':
      return decodeText(lengthDelimited(reader, tag));
    case 'boolean':
      return expect(tag, WIRE.varint) && reader.varint() !== 0n;
    case 'integer':
      return expect(tag, WIRE.varint) && Number(reader.signedVarint());
    case 'number':
      return expect(tag, WIRE.fixed64) && reader.double();
    default:
      throw malformed(`field ${tag.field} has no scalar type`);
  }
}

function lengthDelimited(reader: WireReader, tag: Tag): Uint8Array {
  expect(tag, WIRE.bytes);
  return reader.bytes();
}

function expect({ field, wireType }: Tag, expected: number): true {
  if (wireType !== expected) throw malformed(`field ${field} has the wire type ${wireType}, not ${expected}`);
  return true;
}

/** The last text of one field of a small message. */
function readText(reader: WireReader, wanted: number): string | undefined {
  let text: string | undefined;
  while (!reader.isAtEnd()) {
    const tag = reader.tag();
    if (tag.field === wanted && tag.wireType === WIRE.bytes) text = decodeText(reader.bytes());
    else reader.skip(tag.wireType);
  }
  return text;
}

/** All whole numbers of a small message, by field number. */
function readNumbers(reader: WireReader): Record<number, bigint> {
  const numbers: Record<number, bigint> = {};
  while (!reader.isAtEnd()) {
    const { field, wireType } = reader.tag();
    if (wireType === WIRE.varint) numbers[field] = reader.signedVarint();
    else reader.skip(wireType);
  }
  return numbers;
}

/** `{type = 1, intVal = 2, strVal = 3}`; type 0 is a number. */
function readIntOrString(reader: WireReader): number | string {
  const found: { type: bigint; intVal: number; strVal: string } = { type: 0n, intVal: 0, strVal: '' };
  while (!reader.isAtEnd()) {
    const tag = reader.tag();
    if (tag.field === 1 && tag.wireType === WIRE.varint) found.type = reader.varint();
    else if (tag.field === 2 && tag.wireType === WIRE.varint) found.intVal = Number(reader.signedVarint());
    else if (tag.field === 3 && tag.wireType === WIRE.bytes) found.strVal = decodeText(reader.bytes());
    else reader.skip(tag.wireType);
  }
  return found.type === 0n ? found.intVal : found.strVal;
}

/** Years 1 to 9999, what RFC 3339 can say. */
const MIN_SECONDS = -62_135_596_800n;
const MAX_SECONDS = 253_402_300_799n;

/** `{seconds = 1, nanos = 2}`. The zero time of Go is an empty message. */
function readTime(reader: WireReader, format: 'time' | 'micro-time'): string | undefined {
  if (reader.isAtEnd()) return undefined;
  const { 1: seconds = 0n, 2: nanos = 0n } = readNumbers(reader);
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) throw malformed('a time is out of range');
  const text = formatTime(Number(seconds) * 1000);
  if (format === 'time') return text;
  return `${text.slice(0, -1)}.${String(nanos / 1000n).padStart(6, '0')}Z`;
}

/** FieldsV1 and RawExtension: field 1 holds JSON bytes. */
function readRawJson(reader: WireReader): unknown {
  const text = readText(reader, 1);
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('a raw field does not hold JSON');
  }
}

const SECOND = 1_000_000_000n;

/** Go's text of a duration in nanoseconds: `1h0m30s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(nanos: bigint): string {
  if (nanos === 0n) return '0s';
  if (nanos < 0n) return `-${formatDuration(-nanos)}`;
  if (nanos < 1000n) return `${nanos}ns`;
  if (nanos < 1_000_000n) return `${withFraction(nanos, 1000n)}µs`;
  if (nanos < SECOND) return `${withFraction(nanos, 1_000_000n)}ms`;
  const minutes = nanos / (60n * SECOND);
  const seconds = `${withFraction(nanos % (60n * SECOND), SECOND)}s`;
  if (minutes === 0n) return seconds;
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

function withFraction(value: bigint, unit: bigint): string {
  const digits = String(unit).length - 1;
  const fraction = String(value % unit)
    .padStart(digits, '0')
    .replace(/0+$/, '');
  return fraction === '' ? `${value / unit}` : `${value / unit}.${fraction}`;
}
