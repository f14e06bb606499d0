/**
 * A read-only view of a field's schema: the few JSON Schema keywords that fields.ts writes, and our own. Validation,
 * defaulting, OpenAPI and the protobuf decoder walk kinds through this view.
 */
import type { TSchema } from 'typebox';
import { isJsonArray, isJsonObject } from '../machinery/json.ts';
import type { FieldKeywords } from './fields.ts';

export interface SchemaNode extends Readonly<FieldKeywords> {
  /** Absent for int-or-string. */
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  /** Maps: TypeBox writes one pattern that fits every key. */
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
}

/** Kinds are written with fields.ts only, so that each of their schemas is such a node. */
export function schemaNode(schema: TSchema): SchemaNode {
  return schema;
}

/** The schema of a map's values; undefined for other objects. */
export function mapValueNode(node: SchemaNode): SchemaNode | undefined {
  return Object.values(node.patternProperties ?? {})[0];
}

/** Any JSON object goes here, nothing of it is known. */
export function isOpaque(node: SchemaNode): boolean {
  return node['x-kubernetes-preserve-unknown-fields'] === true;
}

/** A member of a value together with its schema and the path that error messages give. */
export interface Member {
  key: string | number;
  value: unknown;
  node: SchemaNode;
  path: string;
}

/** The known members of an object, list or map; none for scalars and opaque objects. Absent fields are left out. */
export function membersOf(node: SchemaNode, value: unknown, path: string): Member[] {
  if (isOpaque(node)) return [];
  const { items } = node;
  if (isJsonArray(value)) {
    return items === undefined
      ? []
      : value.map((item, index) => ({ key: index, value: item, node: items, path: `${path}[${index}]` }));
  }
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const known = memberNode(node, key);
    if (known === undefined || member === undefined) return [];
    return [{ key, value: member, node: known, path: memberPath(node, path, key) }];
  });
}

/** The schema of a field or of a map's value; undefined for an unknown field. */
export function memberNode(node: SchemaNode, key: string): SchemaNode | undefined {
  const { properties } = node;
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key];
  return mapValueNode(node);
}

/** `spec.replicas` for a field, `data[key]` for a map's entry. */
export function memberPath(node: SchemaNode, path: string, key: string): string {
  if (mapValueNode(node) !== undefined) return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}
