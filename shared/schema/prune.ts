/** Drops fields that the schema does not have, as Kubernetes does when a client did not ask for strict validation. */
import type { TSchema } from 'typebox';
import { cloneJson, isJsonArray, isJsonObject, type JsonObject, setKey } from '../machinery/json.ts';
import { isOpaque, memberNode, type SchemaNode, schemaNode } from './schema-node.ts';

/** A new value without unknown fields; the input stays as it is. Opaque objects are kept whole. */
export function pruneObject(schema: TSchema, value: unknown): unknown {
  return prune(schemaNode(schema), value);
}

function prune(node: SchemaNode, value: unknown): unknown {
  if (isOpaque(node)) return cloneJson(value);
  const { items } = node;
  if (isJsonArray(value)) return items === undefined ? cloneJson(value) : value.map((item) => prune(items, item));
  if (!isJsonObject(value)) return value;
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    const known = memberNode(node, key);
    if (known !== undefined) setKey(result, key, prune(known, member));
  }
  return result;
}
