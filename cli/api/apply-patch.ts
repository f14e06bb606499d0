/**
 * What `apply` sends for an object that exists: everything that the manifest says, and a deletion for everything that the
 * manifest before said and this one does not. What others have set stays. Without a schema (a kind that this command does not
 * know) lists are replaced as a whole and the result is a plain merge patch.
 * Source: Kubernetes, "Declarative Management of Kubernetes Objects", how apply calculates differences.
 */
import { getKey, isJsonArray, isJsonObject, type JsonObject, jsonEqual, setKey } from '../../shared/machinery/json.ts';
import {
  memberSchema,
  type PatchSchema,
  patchMergeKey,
  patchStrategy,
} from '../../shared/machinery/patch/patch-schema.ts';

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** The manifest with itself as an annotation: what the next apply compares with. kubectl reads and writes the same. */
export function withLastApplied(manifest: JsonObject): JsonObject {
  const metadata = isJsonObject(manifest['metadata']) ? manifest['metadata'] : {};
  const annotations = { ...(isJsonObject(metadata['annotations']) ? metadata['annotations'] : {}) };
  delete annotations[LAST_APPLIED];
  const plain = { ...manifest, metadata: { ...metadata, annotations } };
  return {
    ...manifest,
    metadata: { ...metadata, annotations: { ...annotations, [LAST_APPLIED]: `${JSON.stringify(plain)}\n` } },
  };
}

/** The manifest that was applied before; empty when none was, or when somebody has damaged it. */
export function readLastApplied(object: JsonObject): JsonObject {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {};
  const annotations = isJsonObject(metadata['annotations']) ? metadata['annotations'] : {};
  try {
    const value: unknown = JSON.parse(String(annotations[LAST_APPLIED]));
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

export function computeApplyPatch(before: JsonObject, wanted: JsonObject, schema?: PatchSchema): JsonObject {
  const patch: JsonObject = {};
  for (const [key, value] of Object.entries(wanted)) {
    const last = getKey(before, key);
    const member = memberSchema(schema, key);
    if (isJsonObject(value)) setKey(patch, key, computeMember(last, value, member));
    else if (isJsonArray(value)) addList(patch, { key, last, value, schema: member });
    else setKey(patch, key, value);
  }
  for (const key of Object.keys(before)) if (!Object.hasOwn(wanted, key)) setKey(patch, key, null);
  return patch;
}

function computeMember(last: unknown, value: JsonObject, schema: PatchSchema | undefined): JsonObject {
  const patch = computeApplyPatch(isJsonObject(last) ? last : {}, value, schema);
  // Members that exclude each other, such as a Deployment's strategies: the server drops those that are not named.
  if (schema?.['x-kubernetes-patch-strategy']?.includes('retainKeys')) patch['$retainKeys'] = Object.keys(value).sort();
  return patch;
}

interface ListMember {
  key: string;
  last: unknown;
  value: unknown[];
  schema: PatchSchema | undefined;
}

function addList(patch: JsonObject, { key, last, value, schema }: ListMember): void {
  const before = isJsonArray(last) ? last : [];
  const mergeKey = patchMergeKey(schema);
  if (patchStrategy(schema) !== 'merge') {
    setKey(patch, key, value);
  } else if (mergeKey === undefined) {
    setKey(patch, key, value);
    const gone = before.filter((item) => !value.some((present) => jsonEqual(present, item)));
    if (gone.length > 0) setKey(patch, `$deleteFromPrimitiveList/${key}`, gone);
  } else {
    setKey(patch, key, computeItems(before, value, { mergeKey, schema }));
    setKey(
      patch,
      `$setElementOrder/${key}`,
      value.map((item) => pick(item, mergeKey)),
    );
  }
}

function computeItems(
  before: readonly unknown[],
  value: readonly unknown[],
  { mergeKey, schema }: { mergeKey: string; schema: PatchSchema | undefined },
): JsonObject[] {
  const old = new Map(before.filter(isJsonObject).map((item) => [item[mergeKey], item]));
  const items = value.filter(isJsonObject);
  const names = new Set(items.map((item) => item[mergeKey]));
  const kept = items.map((item) => computeMember(old.get(item[mergeKey]), item, schema?.items));
  const gone = [...old.keys()].filter((name) => !names.has(name));
  return [...kept, ...gone.map((name) => ({ $patch: 'delete', [mergeKey]: name }))];
}

function pick(item: unknown, key: string): JsonObject {
  return isJsonObject(item) ? { [key]: item[key] } : {};
}
