/**
 * JSON Merge Patch (RFC 7396, which replaced RFC 7386): objects are merged, null removes, everything else replaces.
 * The result shares nothing with the inputs.
 */
import { cloneJson, getKey, isJsonObject, type JsonObject, setKey } from '../json.ts';

/** RFC 7396, section 2. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  return mergeInto(isJsonObject(patch) ? cloneJson(target) : undefined, patch);
}

/** `target` is ours to change. */
function mergeInto(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return cloneJson(patch);
  const result: JsonObject = isJsonObject(target) ? target : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (value !== undefined) setKey(result, key, mergeInto(getKey(result, key), value));
  }
  return result;
}
