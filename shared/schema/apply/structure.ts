/**
 * How server-side apply takes a value apart, by its schema: what is owned and replaced as a whole (a leaf), what is merged
 * field by field (a map), what is merged item by item (a list). Where nothing is known of a value (opaque objects),
 * objects are maps and lists are leaves.
 * Source: Kubernetes documentation, "Server-Side Apply", merge strategy.
 */
import { getKey, isJsonArray, isJsonObject, type JsonObject, jsonEqual } from '../../machinery/json.ts';
import { applySchemaDefaults } from '../defaulting.ts';
import { normalizeObject } from '../normalize.ts';
import { memberNode, type SchemaNode } from '../schema-node.ts';
import { keyElement, type PathElement, valueElement } from './path-element.ts';

export type Shape = 'leaf' | 'map' | 'list';

export function shapeOf(node: SchemaNode | undefined, value: unknown): Shape {
  if (isJsonObject(value)) return isAtomicMap(node) ? 'leaf' : 'map';
  return isJsonArray(value) && isKeyedList(node) ? 'list' : 'leaf';
}

/**
 * The shape by which two states of a value are taken apart. Null and undefined fit any; a value whose states are all empty
 * is a leaf, so that `{}` is kept apart from nothing; `mixed` when the states have nothing in common.
 */
export function sharedShape(node: SchemaNode | undefined, left: unknown, right: unknown): Shape | 'mixed' {
  const present = [left, right].filter((value) => !isAbsent(value));
  if (present.every(isEmptyContainer)) return 'leaf';
  const shapes = new Set(present.map((value) => shapeOf(node, value)));
  const [shape = 'leaf'] = shapes;
  return shapes.size > 1 ? 'mixed' : shape;
}

export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

export function isEmptyContainer(value: unknown): boolean {
  return isJsonArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0;
}

export function isAtomicMap(node: SchemaNode | undefined): boolean {
  return node?.['x-kubernetes-map-type'] === 'atomic';
}

export function isKeyedList(node: SchemaNode | undefined): boolean {
  const type = node?.['x-kubernetes-list-type'];
  return type === 'map' || type === 'set';
}

export function memberOf(node: SchemaNode | undefined, key: string): SchemaNode | undefined {
  return node === undefined ? undefined : memberNode(node, key);
}

/** A field that the schema names, other than an entry of a map: it is there because something in it is. */
export function isNamedField(node: SchemaNode | undefined, key: string): boolean {
  return node?.properties !== undefined && Object.hasOwn(node.properties, key);
}

/** The step to an item of a keyed list. Keys that the item leaves out have their defaults; `k:{}` has none at all. */
export function itemElement(node: SchemaNode | undefined, item: unknown): PathElement {
  const keys = node?.['x-kubernetes-list-map-keys'];
  if (keys === undefined || !isJsonObject(item)) return valueElement(item);
  const values: JsonObject = {};
  for (const key of keys) {
    const value = getKey(item, key) ?? node?.items?.properties?.[key]?.default;
    if (value !== undefined) values[key] = value;
  }
  return keyElement(values);
}

/** Whether two leaves mean the same: `1` and `1000m` of CPU do, and a whole object with and without its defaults. */
export function sameLeaf(node: SchemaNode | undefined, left: unknown, right: unknown): boolean {
  if (jsonEqual(left, right)) return true;
  if (node === undefined || isAbsent(left) || isAbsent(right)) return false;
  return jsonEqual(completeLeaf(node, left), completeLeaf(node, right));
}

function completeLeaf(node: SchemaNode, value: unknown): unknown {
  const complete = normalizeObject(node, value);
  applySchemaDefaults(node, complete);
  return complete;
}
