/**
 * Fills in the static defaults that a kind's schema carries, in every object that is present, outermost first: a default
 * of `{}` makes an object, whose own fields then get theirs. Defaults that depend on other fields are `Kind.applyDefaults`.
 */
import type { TSchema } from 'typebox';
import { cloneJson, isJsonObject } from '../machinery/json.ts';
import { membersOf, type SchemaNode, schemaNode } from './schema-node.ts';

/** Changes `object` in place, like `Kind.applyDefaults`. Idempotent. */
export function applySchemaDefaults(schema: TSchema, object: unknown): void {
  fill(schemaNode(schema), object);
}

function fill(node: SchemaNode, value: unknown): void {
  if (isJsonObject(value)) {
    for (const [key, field] of Object.entries(node.properties ?? {})) {
      if (value[key] === undefined && field.default !== undefined) value[key] = cloneJson(field.default);
    }
  }
  for (const member of membersOf(node, value, '')) fill(member.node, member.value);
}
