/** Reading and changing JSON values by the names of nested members. Stored values are shared: changes make copies. */
import { getKey, isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';

/** The value at a path of member names; undefined where the path leaves the objects. */
export function getPath(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const name of path) {
    if (!isJsonObject(current)) return undefined;
    current = getKey(current, name);
  }
  return current;
}

/** The text at a path; empty when there is none. */
export function stringAt(value: unknown, path: readonly string[]): string {
  const found = getPath(value, path);
  return typeof found === 'string' ? found : '';
}

/** A copy in which the value at `path` is `next`; only the objects on the path are copied. */
export function withPath<T extends object>(value: T, path: readonly string[], next: unknown): T {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  const child = getPath(value, [name]);
  const changed = rest.length === 0 ? next : withPath(isJsonObject(child) ? child : ({} as JsonObject), rest, next);
  return { ...value, [name]: changed };
}
