/**
 * Fits a set that was written under an older schema to the present one: what has become a leaf since then is owned as a
 * whole by everybody who owned something in it.
 */
import type { TSchema } from 'typebox';
import { isOpaque, type SchemaNode, schemaNode } from '../schema-node.ts';
import { EMPTY_FIELD_SET, type FieldSet, mapNodes } from './field-set.ts';
import type { PathElement } from './path-element.ts';
import { isAtomicMap, isKeyedList, memberOf } from './structure.ts';

export function fitFieldSet(schema: TSchema, set: FieldSet): FieldSet {
  return fit(schemaNode(schema), set);
}

function fit(node: SchemaNode, set: FieldSet): FieldSet {
  return mapNodes(set, ({ owned, children }, element) => {
    const member = memberAt(node, element);
    if (member === undefined || isOpaque(member) || children.size === 0) return { owned, children };
    return isLeaf(member) ? { owned: true, children: EMPTY_FIELD_SET } : { owned, children: fit(member, children) };
  });
}

function memberAt(node: SchemaNode, element: PathElement): SchemaNode | undefined {
  return element.startsWith('f:') ? memberOf(node, element.slice(2)) : node.items;
}

function isLeaf(node: SchemaNode): boolean {
  if (node.type === 'array') return !isKeyedList(node);
  return node.type !== 'object' || isAtomicMap(node);
}
