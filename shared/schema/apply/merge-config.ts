/**
 * Merges an applied configuration into the live object: what the configuration says wins, nothing is taken away. Parts of
 * both are shared with the result.
 */
import type { TSchema } from 'typebox';
import { getKey, isJsonArray, isJsonObject, type JsonObject, setKey } from '../../machinery/json.ts';
import { type SchemaNode, schemaNode } from '../schema-node.ts';
import type { PathElement } from './path-element.ts';
import { itemElement, memberOf, sharedShape } from './structure.ts';

/** Nulls of the configuration stand in the result where they replace a leaf; normal form leaves such fields out. */
export function mergeConfig(schema: TSchema, live: JsonObject, config: JsonObject): JsonObject {
  return mergeMaps(schemaNode(schema), live, config);
}

function merge(node: SchemaNode | undefined, live: unknown, config: unknown): unknown {
  if (config === undefined) return live;
  switch (sharedShape(node, live, config)) {
    case 'map':
      return mergeMaps(node, asObject(live), asObject(config));
    case 'list':
      return mergeLists(node, asList(live), asList(config));
    case 'leaf':
    case 'mixed':
      return config;
  }
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function asList(value: unknown): readonly unknown[] {
  return isJsonArray(value) ? value : [];
}

function mergeMaps(node: SchemaNode | undefined, live: JsonObject, config: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const key of new Set([...Object.keys(live), ...Object.keys(config)])) {
    setKey(result, key, merge(memberOf(node, key), getKey(live, key), getKey(config, key)));
  }
  return result;
}

interface Item {
  element: PathElement;
  value: unknown;
}

/**
 * Items of both lists come in the configuration's order. Items that only the live list has stay where they were among their
 * neighbours; items that only the configuration has come right before the next item of both.
 */
function mergeLists(node: SchemaNode | undefined, live: readonly unknown[], config: readonly unknown[]): unknown[] {
  const present = indexItems(node, live);
  const wanted = indexItems(node, config);
  const liveValues = uniqueValues(present);
  const wantedElements = new Set(wanted.map(({ element }) => element));
  const shared = wanted.map(({ element }) => element).filter((element) => liveValues.has(element));
  const result: unknown[] = [];
  let next = 0;
  /** Up to the next item of both: what is only live is kept, what the configuration has elsewhere comes there. */
  const keepLive = (): void => {
    for (let item = present[next]; item !== undefined && item.element !== shared[0]; item = present[++next]) {
      if (!wantedElements.has(item.element)) result.push(item.value);
    }
  };
  for (const { element, value } of wanted) {
    keepLive();
    result.push(merge(node?.items, liveValues.get(element), value));
    if (element !== shared[0]) continue;
    shared.shift();
    if (present[next]?.element === element) next += 1;
  }
  keepLive();
  return result;
}

function indexItems(node: SchemaNode | undefined, items: readonly unknown[]): Item[] {
  return items.map((value) => ({ element: itemElement(node, value), value }));
}

/** Of live items with equal keys none can be merged with: the configuration's item takes the place of all. */
function uniqueValues(items: readonly Item[]): Map<PathElement, unknown> {
  const values = new Map<PathElement, unknown>();
  for (const { element, value } of items) values.set(element, values.has(element) ? undefined : value);
  return values;
}
