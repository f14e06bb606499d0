/**
 * The words in which kinds are written. A field is a TypeBox schema with what Kubernetes needs beside its type: the protobuf
 * field number, the merge strategy, the default. Fields are optional unless wrapped in `required`.
 *
 *     const KeyToPath = object('KeyToPath', 'Maps one key to a file', {
 *       key: required(str(1, 'the key to project')),
 *       path: required(str(2, 'file name below the mount point')),
 *       mode: int32(3, 'permission bits of the file'),
 *     });
 *
 * `pb` is the field's number in Kubernetes' protobuf messages, with the path of embedded messages where JSON inlines them
 * (Volume embeds VolumeSource as field 2, so `hostPath` is '2.1'); undefined where a kind has no protobuf form.
 */
import Type, { type TOptional, type TProperties, type TSchema } from 'typebox';

export type ProtobufField = number | string | undefined;

/** What a value is on the wire beyond its JSON type; the protobuf decoder, OpenAPI and validation go by it. */
export type Format =
  | 'int32'
  | 'int64'
  | 'double'
  | 'quantity'
  | 'int-or-string'
  | 'time'
  | 'micro-time'
  | 'bytes'
  | 'raw'
  | 'duration';

/** The custom keywords that a field's schema may carry beside JSON Schema's. */
export interface FieldKeywords {
  description?: string;
  default?: unknown;
  enum?: readonly string[];
  minimum?: number;
  maximum?: number;
  format?: string;
  pb?: ProtobufField;
  /** Name of a shared object schema: becomes a component and `$ref` in OpenAPI, a message in protobuf. */
  'x-name'?: string;
  /** Of a shared object that stands in a field: its own description, while `description` is the field's. */
  'x-description'?: string;
  'x-format'?: Format;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-patch-merge-key'?: string;
  'x-kubernetes-patch-strategy'?: string;
  /** Any JSON object is taken as it is: its unknown fields are no errors. */
  'x-kubernetes-preserve-unknown-fields'?: boolean;
}

export interface FieldOptions {
  default?: unknown;
  minimum?: number;
  maximum?: number;
}

export interface ListOptions {
  /** Kubernetes' list types decide how server-side apply merges; `atomic` unless said. */
  type?: 'atomic' | 'set' | 'map';
  mapKeys?: readonly string[];
  /** Strategic merge patch: items with the same value of this key are merged. */
  mergeKey?: string;
  /** Strategic merge patch: `merge`, `retainKeys`, `merge,retainKeys`; `merge` when mergeKey is given. */
  strategy?: string;
  /** For required lists that clients send as null when they are empty. */
  default?: readonly [];
}

export interface MapOptions {
  /** Server-side apply takes the map as one value. */
  atomic?: boolean;
  /** Maps are granular anyway; said where Kubernetes says it, because clients can see it. */
  granular?: boolean;
}

export function str(pb: ProtobufField, description: string, options: FieldOptions = {}) {
  return Type.Optional(Type.String({ description, pb, ...options }));
}

/** A string of a closed set. */
export function oneOf<const T extends string>(
  pb: ProtobufField,
  values: readonly T[],
  description: string,
  options: { default?: T } = {},
) {
  return Type.Optional(Type.Unsafe<T>({ type: 'string', enum: values, description, pb, ...options }));
}

export function bool(pb: ProtobufField, description: string, options: FieldOptions = {}) {
  return Type.Optional(Type.Boolean({ description, pb, ...options }));
}

export function int32(pb: ProtobufField, description: string, options: FieldOptions = {}) {
  return Type.Optional(Type.Integer({ description, pb, 'x-format': 'int32', format: 'int32', ...options }));
}

export function int64(pb: ProtobufField, description: string, options: FieldOptions = {}) {
  return Type.Optional(Type.Integer({ description, pb, 'x-format': 'int64', format: 'int64', ...options }));
}

export function double(pb: ProtobufField, description: string, options: FieldOptions = {}) {
  return Type.Optional(Type.Number({ description, pb, 'x-format': 'double', format: 'double', ...options }));
}

/** An amount such as `500m` or `64Mi`; JSON numbers are accepted and become strings. */
export function quantity(pb: ProtobufField, description: string, options: { default?: string } = {}) {
  return Type.Optional(Type.Unsafe<string>({ type: 'string', description, pb, 'x-format': 'quantity', ...options }));
}

export function intOrString(pb: ProtobufField, description: string, options: { default?: number | string } = {}) {
  return Type.Optional(
    Type.Unsafe<number | string>({ description, pb, 'x-format': 'int-or-string', format: 'int-or-string', ...options }),
  );
}

/** RFC 3339, seconds; null in requests means absent. */
export function time(pb: ProtobufField, description: string) {
  return Type.Optional(
    Type.Unsafe<string>({ type: 'string', description, pb, 'x-format': 'time', format: 'date-time' }),
  );
}

export function microTime(pb: ProtobufField, description: string) {
  return Type.Optional(
    Type.Unsafe<string>({ type: 'string', description, pb, 'x-format': 'micro-time', format: 'date-time' }),
  );
}

/** Base64 in JSON. */
export function bytes(pb: ProtobufField, description: string) {
  return Type.Optional(Type.Unsafe<string>({ type: 'string', description, pb, 'x-format': 'bytes', format: 'byte' }));
}

/** Any JSON object, kept as it is. */
export function raw(pb: ProtobufField, description: string) {
  return Type.Optional(
    Type.Unsafe<Record<string, unknown>>({
      type: 'object',
      description,
      pb,
      'x-format': 'raw',
      'x-kubernetes-preserve-unknown-fields': true,
    }),
  );
}

export function strings(pb: ProtobufField, description: string, options: ListOptions = {}) {
  return Type.Optional(Type.Array(Type.String(), { description, pb, ...listKeywords(options) }));
}

export function list<T extends TSchema>(pb: ProtobufField, items: T, description: string, options: ListOptions = {}) {
  return Type.Optional(Type.Array(items, { description, pb, ...listKeywords(options) }));
}

/** A map from string to string. */
export function stringMap(pb: ProtobufField, description: string, options: MapOptions = {}) {
  return Type.Optional(Type.Record(Type.String(), Type.String(), { description, pb, ...mapKeywords(options) }));
}

/** A map from string to list of strings; in protobuf each list is a message of its own with the strings as field 1. */
export function stringListMap(pb: ProtobufField, description: string) {
  return Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()), { description, pb }));
}

/** A map from string to base64 bytes. */
export function bytesMap(pb: ProtobufField, description: string) {
  const value = Type.Unsafe<string>({ type: 'string', 'x-format': 'bytes', format: 'byte' });
  return Type.Optional(Type.Record(Type.String(), value, { description, pb }));
}

/** A map from string to time. */
export function timeMap(pb: ProtobufField, description: string) {
  const value = Type.Unsafe<string>({ type: 'string', 'x-format': 'time', format: 'date-time' });
  return Type.Optional(Type.Record(Type.String(), value, { description, pb }));
}

/** A map from resource name to quantity: `{cpu: '500m', memory: '64Mi'}`. */
export function quantities(pb: ProtobufField, description: string) {
  const value = Type.Unsafe<string>({ type: 'string', 'x-format': 'quantity' });
  return Type.Optional(Type.Record(Type.String(), value, { description, pb }));
}

/** A field whose value is one of the shared objects; `default: {}` where Kubernetes fills it in. */
export function ref<T extends TSchema>(
  pb: ProtobufField,
  schema: T,
  description: string,
  options: { default?: unknown; patchStrategy?: string } = {},
) {
  const { patchStrategy, ...rest } = options;
  const strategy = patchStrategy === undefined ? {} : { 'x-kubernetes-patch-strategy': patchStrategy };
  const shared: FieldKeywords = schema;
  const own = { 'x-description': shared['x-description'] ?? shared.description };
  return Type.Optional({ ...schema, ...own, description, pb, ...rest, ...strategy } as T);
}

/** A shared object schema; its name is the last part of Kubernetes' own (`Container`, `PodSpec`). */
export function object<T extends TProperties>(
  name: string,
  description: string,
  properties: T,
  options: { atomic?: boolean } = {},
) {
  return Type.Object(properties, { description, 'x-name': name, ...mapKeywords(options) });
}

/** Marks a field as required. */
export function required<T extends TSchema>(field: TOptional<T>): T {
  const copy: Record<string, unknown> = {};
  for (const key of Object.getOwnPropertyNames(field)) {
    if (key !== '~optional') Object.defineProperty(copy, key, Object.getOwnPropertyDescriptor(field, key) ?? {});
  }
  return copy as T;
}

/**
 * Marks a field that is optional in requests and always present in stored objects, because the server fills in its
 * default: clients may leave it out (it is not in `required`), readers need not check for undefined.
 */
export function defaulted<T extends TSchema>(field: TOptional<T>): T {
  return field;
}

function listKeywords(options: ListOptions): Record<string, unknown> {
  const { type = 'atomic', mapKeys, mergeKey, strategy } = options;
  return {
    'x-kubernetes-list-type': type,
    ...(options.default ? { default: options.default } : {}),
    ...(mapKeys ? { 'x-kubernetes-list-map-keys': mapKeys } : {}),
    ...(mergeKey ? { 'x-kubernetes-patch-merge-key': mergeKey } : {}),
    ...(mergeKey || strategy ? { 'x-kubernetes-patch-strategy': strategy ?? 'merge' } : {}),
  };
}

function mapKeywords({ atomic, granular }: MapOptions): Record<string, unknown> {
  if (granular) return { 'x-kubernetes-map-type': 'granular' };
  return atomic ? { 'x-kubernetes-map-type': 'atomic' } : {};
}
