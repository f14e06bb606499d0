/**
 * Takes away what a manager applied before and does not apply any more: fields, map entries and list items of its last
 * set, with all that is in them, unless some manager owns them now. What nobody owns beside them (defaults) stays.
 */
import type { TSchema } from 'typebox';
import { isJsonArray, isJsonObject, type JsonObject, setKey } from '../../machinery/json.ts';
import { type SchemaNode, schemaNode } from '../schema-node.ts';
import { EMPTY_FIELD_SET, type FieldNode, type FieldSet } from './field-set.ts';
import { fieldElement, type PathElement } from './path-element.ts';
import { isEmptyContainer, isNamedField, itemElement, memberOf, shapeOf } from './structure.ts';

export interface Claims {
  /** What the manager applied last time. */
  last: FieldSet;
  /** What any manager owns now, the applying one's new set included. */
  owned: FieldSet;
}

/** Shares parts with `object`. */
export function removeDropped(schema: TSchema, object: JsonObject, claims: Claims): JsonObject {
  return fieldsLeft(schemaNode(schema), object, claims);
}

function left(node: SchemaNode | undefined, value: unknown, claims: Claims): unknown {
  if (claims.last.size === 0 || shapeOf(node, value) === 'leaf') return value;
  if (isJsonArray(value)) return itemsLeft(node, value, claims);
  return isJsonObject(value) ? fieldsLeft(node, value, claims) : value;
}

function fieldsLeft(node: SchemaNode | undefined, value: JsonObject, claims: Claims): JsonObject {
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    const element = fieldElement(key);
    if (isDropped(element, claims, isNamedField(node, key))) continue;
    const rest = left(memberOf(node, key), member, claimsBelow(claims, element));
    // A container that only held what is gone goes with it, unless somebody wants it empty (`emptyDir: {}`).
    const isWanted = isEmptyContainer(member) || claims.owned.get(element)?.owned === true;
    if (isWanted || !isEmptyContainer(rest)) setKey(result, key, rest);
  }
  return result;
}

function itemsLeft(node: SchemaNode | undefined, items: readonly unknown[], claims: Claims): unknown[] {
  return items.flatMap((item) => {
    const element = itemElement(node, item);
    return isDropped(element, claims, false) ? [] : [left(node?.items, item, claimsBelow(claims, element))];
  });
}

/** A field that the schema names belongs to whoever owns something in it; entries and items are owned by themselves. */
function isDropped(element: PathElement, { last, owned }: Claims, isNamed: boolean): boolean {
  const holds = (node: FieldNode | undefined): boolean => node !== undefined && (node.owned || isNamed);
  return holds(last.get(element)) && !holds(owned.get(element));
}

function claimsBelow({ last, owned }: Claims, element: PathElement): Claims {
  return {
    last: last.get(element)?.children ?? EMPTY_FIELD_SET,
    owned: owned.get(element)?.children ?? EMPTY_FIELD_SET,
  };
}
