/**
 * Writes to /status look at the status alone: the rest of the object, often many times larger, is neither decoded nor
 * checked again. This is what most writes of a busy cluster are.
 */
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import type { AnyKind } from '../storage/api-object.ts';

const PARTS: readonly string[] = ['apiVersion', 'kind', 'metadata', 'status'];

/** Subresources through which only the status is written. */
export function isStatusLike(subresource: string): boolean {
  return subresource === 'status' || subresource === 'approval';
}

export function statusPartOf<T extends JsonObject>(value: T): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => PARTS.includes(key)));
}

/** The kind as if it had nothing but a status. Defaults that depend on other fields were filled in when it was created. */
export function statusKindOf(kind: AnyKind): Pick<AnyKind, 'group' | 'version' | 'kind' | 'schema'> {
  const { group, version, schema } = kind;
  const properties: unknown = Reflect.get(schema, 'properties');
  const part = isJsonObject(properties) ? { ...schema, properties: statusPartOf(properties), required: [] } : schema;
  return { group, version, kind: kind.kind, schema: part };
}
