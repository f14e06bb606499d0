/**
 * The fields that a configuration sets: its leaves, the items of its lists and the entries of its maps. Objects that only
 * hold others are no members, unless they are empty.
 */
import type { TSchema } from 'typebox';
import { isJsonArray, isJsonObject, type JsonObject } from '../../machinery/json.ts';
import { type SchemaNode, schemaNode } from '../schema-node.ts';
import { EMPTY_FIELD_SET, type FieldNode, type FieldSet } from './field-set.ts';
import { fieldElement, type PathElement } from './path-element.ts';
import { isEmptyContainer, isNamedField, itemElement, memberOf, shapeOf } from './structure.ts';

/** Of items with equal keys, which an applied configuration may not have, only the item itself is a member. */
export function fieldsOf(schema: TSchema, value: JsonObject): FieldSet {
  return membersIn(schemaNode(schema), value);
}

function membersIn(node: SchemaNode | undefined, value: unknown): FieldSet {
  if (shapeOf(node, value) === 'leaf') return EMPTY_FIELD_SET;
  if (isJsonArray(value)) return itemsIn(node, value);
  return isJsonObject(value) ? fieldsIn(node, value) : EMPTY_FIELD_SET;
}

function fieldsIn(node: SchemaNode | undefined, value: JsonObject): FieldSet {
  const result = new Map<PathElement, FieldNode>();
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const known = memberOf(node, key);
    const children = membersIn(known, member);
    const isLeaf = shapeOf(known, member) === 'leaf' || (isJsonObject(member) && isEmptyContainer(member));
    const owned = isLeaf || !isNamedField(node, key);
    if (owned || children.size > 0) result.set(fieldElement(key), { owned, children });
  }
  return result;
}

function itemsIn(node: SchemaNode | undefined, items: readonly unknown[]): FieldSet {
  const result = new Map<PathElement, FieldNode>();
  for (const item of items) {
    const element = itemElement(node, item);
    const children = result.has(element) ? EMPTY_FIELD_SET : membersIn(node?.items, item);
    result.set(element, { owned: true, children });
  }
  return result;
}
