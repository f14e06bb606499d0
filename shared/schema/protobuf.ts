/**
 * Reads the protobuf bodies that kubectl sends for built-in kinds into the objects that their JSON would give. Driven by
 * the field numbers in the kinds' schemas; unknown fields are skipped. Answers are always JSON, so nothing is encoded.
 * Source: Kubernetes, "API Concepts: Kubernetes Protobuf encoding".
 */
import type { TSchema } from 'typebox';
import { isJsonArray, isJsonObject, type JsonObject, setKey } from '../machinery/json.ts';
import { decodeText, isPackable, message, readScalar } from './protobuf-scalars.ts';
import { DecodeError, malformed, type Tag, WIRE, WireReader } from './protobuf-wire.ts';
import { isUnset } from './protobuf-zeros.ts';
import { isOpaque, mapValueNode, type SchemaNode, schemaNode } from './schema-node.ts';

export { DecodeError, type DecodeErrorReason } from './protobuf-wire.ts';

/** The schema of a body by what it says it is; undefined for unknown kinds. */
export type SchemaLookup = (apiVersion: string, kind: string) => TSchema | undefined;

export interface DecodedBody {
  apiVersion: string;
  kind: string;
  /** As JSON.parse would give it, apiVersion and kind included; neither validated nor defaulted. */
  object: JsonObject;
}

/** The four bytes `k8s\0` in front of each body. */
const MAGIC = [0x6b, 0x38, 0x73, 0x00];

/** Throws DecodeError: malformed, or unknownKind when `lookup` finds no schema. */
export function decodeProtobuf(lookup: SchemaLookup, bytes: Uint8Array): DecodedBody {
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) throw malformed('it does not begin with k8s and a zero');
  const { apiVersion, kind, raw } = readEnvelope(new WireReader(bytes.subarray(MAGIC.length)));
  const schema = lookup(apiVersion, kind);
  if (schema === undefined) {
    throw new DecodeError('unknownKind', `no kind "${kind}" is registered for version "${apiVersion}"`);
  }
  const object: JsonObject = { apiVersion, kind };
  readMessage(schemaNode(schema), new WireReader(raw), object);
  return { apiVersion, kind, object };
}

/** `runtime.Unknown {typeMeta = 1, raw = 2, contentEncoding = 3, contentType = 4}`. */
function readEnvelope(reader: WireReader): { apiVersion: string; kind: string; raw: Uint8Array } {
  const envelope: Record<number, Uint8Array> = readByteFields(reader);
  const typeMeta = readByteFields(new WireReader(envelope[1] ?? new Uint8Array()));
  if ((envelope[3]?.length ?? 0) > 0) throw malformed('it has a content encoding');
  return {
    apiVersion: decodeText(typeMeta[1] ?? new Uint8Array()),
    kind: decodeText(typeMeta[2] ?? new Uint8Array()),
    raw: envelope[2] ?? new Uint8Array(),
  };
}

function readByteFields(reader: WireReader): Record<number, Uint8Array> {
  const fields: Record<number, Uint8Array> = {};
  while (!reader.isAtEnd()) {
    const { field, wireType } = reader.tag();
    if (wireType === WIRE.bytes) fields[field] = reader.bytes();
    else reader.skip(wireType);
  }
  return fields;
}

/** A field of a message, or the fields of a message that JSON inlines: Volume's `hostPath` is '2.1'. */
type MessageField = { key: string; node: SchemaNode } | { embedded: MessageFields };
type MessageFields = Map<number, MessageField>;

function messageFields(node: SchemaNode): MessageFields {
  const fields: MessageFields = new Map();
  for (const [key, field] of Object.entries(node.properties ?? {})) {
    if (field.pb !== undefined) addField(fields, String(field.pb).split('.').map(Number), { key, node: field });
  }
  return fields;
}

function addField(fields: MessageFields, path: readonly number[], field: MessageField): void {
  const [number = 0, ...rest] = path;
  if (rest.length === 0) {
    fields.set(number, field);
    return;
  }
  const present = fields.get(number);
  const embedded = present !== undefined && 'embedded' in present ? present.embedded : new Map();
  fields.set(number, { embedded });
  addField(embedded, rest, field);
}

/** Reads into `target`, then drops what Go wrote for fields that nobody set. */
function readMessage(node: SchemaNode, reader: WireReader, target: JsonObject): void {
  readFields(messageFields(node), reader, target);
  for (const [key, value] of Object.entries(target)) if (isUnset(node, key, value)) delete target[key];
}

function readFields(fields: MessageFields, reader: WireReader, target: JsonObject): void {
  while (!reader.isAtEnd()) {
    const tag = reader.tag();
    const field = fields.get(tag.field);
    if (field === undefined) reader.skip(tag.wireType);
    else if ('embedded' in field) readFields(field.embedded, message(reader, tag), target);
    else readField(field, { reader, tag, target });
  }
}

interface FieldReading {
  reader: WireReader;
  tag: Tag;
  target: JsonObject;
}

function readField({ key, node }: { key: string; node: SchemaNode }, { reader, tag, target }: FieldReading): void {
  const present = target[key];
  if (node.type === 'array') {
    const list = isJsonArray(present) ? present : [];
    readItems(node.items ?? {}, { reader, tag, list });
    target[key] = list;
  } else if (mapValueNode(node) !== undefined) {
    const map = isJsonObject(present) ? present : {};
    readMapEntry(mapValueNode(node) ?? {}, message(reader, tag), map);
    target[key] = map;
  } else {
    const value = readValue(node, { reader, tag, present });
    if (value !== undefined) target[key] = value;
  }
}

/** One value of a list, or several numbers packed into one field. */
function readItems(node: SchemaNode, { reader, tag, list }: { reader: WireReader; tag: Tag; list: unknown[] }): void {
  if (!isPackable(node) || tag.wireType !== WIRE.bytes) {
    list.push(readValue(node, { reader, tag, present: undefined }));
    return;
  }
  const packed = new WireReader(reader.bytes());
  const wireType = node.type === 'number' ? WIRE.fixed64 : WIRE.varint;
  while (!packed.isAtEnd()) list.push(readScalar(node, packed, { field: tag.field, wireType }));
}

/** `present` is what an earlier occurrence of the field gave: messages are merged, scalars replaced. */
function readValue(
  node: SchemaNode,
  { reader, tag, present }: { reader: WireReader; tag: Tag; present: unknown },
): unknown {
  if (node.type !== 'object' || isOpaque(node)) return readScalar(node, reader, tag);
  const target = isJsonObject(present) ? present : {};
  readMessage(node, message(reader, tag), target);
  return target;
}

/** `{key = 1, value = 2}`; one that is left out is empty. */
function readMapEntry(node: SchemaNode, reader: WireReader, map: JsonObject): void {
  let key = '';
  let value: unknown = node.type === 'array' ? [] : node['x-format'] === 'quantity' ? '0' : '';
  while (!reader.isAtEnd()) {
    const tag = reader.tag();
    if (tag.field === 1 && tag.wireType === WIRE.bytes) key = decodeText(reader.bytes());
    else if (tag.field === 2) value = readMapValue(node, reader, tag);
    else reader.skip(tag.wireType);
  }
  setKey(map, key, value);
}

/** A list as a map's value is wrapped into a message with the one field `items = 1` (ExtraValue). */
function readMapValue(node: SchemaNode, reader: WireReader, tag: Tag): unknown {
  if (node.type !== 'array') return readValue(node, { reader, tag, present: undefined });
  const list: unknown[] = [];
  const wrapper = message(reader, tag);
  while (!wrapper.isAtEnd()) {
    const item = wrapper.tag();
    if (item.field === 1) readItems(node.items ?? {}, { reader: wrapper, tag: item, list });
    else wrapper.skip(item.wireType);
  }
  return list;
}
