/**
 * An object of a kind before anybody has set anything. It is what a create is compared with: structs that Go always writes
 * (`metadata`, `spec`, `strategy`…) are there, so that whoever creates the object does not own them as such.
 */
import type { TSchema } from 'typebox';
import { isJsonObject, type JsonObject } from '../../machinery/json.ts';
import { isPlainStruct } from '../protobuf-zeros.ts';
import { type SchemaNode, schemaNode } from '../schema-node.ts';
import { isAtomicMap } from './structure.ts';

export function emptyObject(schema: TSchema): JsonObject {
  const object = emptyValue(schemaNode(schema));
  return isJsonObject(object) ? object : {};
}

function emptyValue(node: SchemaNode): JsonObject | readonly never[] | undefined {
  if (node.type === 'array') return [];
  if (node.properties === undefined || isAtomicMap(node)) return undefined;
  const members = Object.entries(node.properties)
    .filter(([key, member]) => isAlwaysThere(node, key, member))
    .map(([key, member]) => [key, emptyValue(member)] as const);
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}

function isAlwaysThere({ required = [] }: SchemaNode, key: string, member: SchemaNode): boolean {
  return required.includes(key) || (isPlainStruct(key) && member.default !== undefined);
}
