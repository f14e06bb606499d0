/**
 * Kubernetes' strategic merge patch: like a merge patch, but lists whose schema says so are merged by a key, and directives
 * (`$patch`, `$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`) say what JSON alone cannot.
 * The inputs stay as they are; no directive and no null gets into the result.
 * Source: Kubernetes, "Update API Objects in Place Using kubectl patch" and "Strategic Merge Patch" (sig-api-machinery).
 */
import { cloneJson, getKey, isJsonArray, isJsonObject, type JsonObject, jsonEqual, setKey } from '../json.ts';
import { type IdentityOf, orderElements } from './element-order.ts';
import { PatchError } from './patch-error.ts';
import { memberSchema, type PatchSchema, patchMergeKey, patchStrategy } from './patch-schema.ts';

const PATCH = '$patch';
const RETAIN_KEYS = '$retainKeys';
const SET_ELEMENT_ORDER = '$setElementOrder/';
const DELETE_FROM_PRIMITIVE_LIST = '$deleteFromPrimitiveList/';

/** Throws PatchError: malformed or inapplicable. Without a schema objects are merged and lists replaced. */
export function applyStrategicMergePatch(original: unknown, patch: unknown, schema?: PatchSchema): unknown {
  if (!isJsonObject(patch)) throw new PatchError('malformed', 'a strategic merge patch must be an object');
  return mergeObject(isJsonObject(original) ? cloneJson(original) : {}, patch, schema);
}

/** `original` is ours to change and becomes part of the result; `patch` is only read. */
function mergeObject(original: JsonObject, patch: JsonObject, schema: PatchSchema | undefined): JsonObject {
  switch (directiveOf(patch)) {
    case 'replace':
      return plainObject(patch);
    case 'delete':
      return {};
    case 'merge':
      break;
  }
  retainKeys(original, patch);
  const deletions: [key: string, value: unknown][] = [];
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(DELETE_FROM_PRIMITIVE_LIST)) deletions.push([key, value]);
    else if (key.startsWith(SET_ELEMENT_ORDER)) orderList(original, { patch, key, schema });
    else if (key !== PATCH && key !== RETAIN_KEYS && value !== undefined) {
      const isOrdered = getKey(patch, SET_ELEMENT_ORDER + key) !== undefined;
      if (!isOrdered) mergeMember(original, { key, value, schema: memberSchema(schema, key) });
    }
  }
  for (const [key, value] of deletions) deleteFromList(original, key.slice(DELETE_FROM_PRIMITIVE_LIST.length), value);
  return original;
}

interface MemberPatch {
  key: string;
  value: unknown;
  /** Of the member. */
  schema: PatchSchema | undefined;
}

function mergeMember(original: JsonObject, { key, value, schema }: MemberPatch): void {
  const present = getKey(original, key);
  if (value === null) {
    delete original[key];
  } else if (isJsonObject(value) && isJsonObject(present) && patchStrategy(schema) !== 'replace') {
    setKey(original, key, mergeObject(present, value, schema));
  } else if (isJsonArray(value) && isJsonArray(present) && patchStrategy(schema) === 'merge') {
    setKey(original, key, mergeList(present, value, schema));
  } else {
    const plain = plainValue(value);
    if (plain !== undefined) setKey(original, key, plain);
  }
}

function directiveOf(patch: JsonObject): 'merge' | 'replace' | 'delete' {
  const directive = patch[PATCH] ?? 'merge';
  if (directive === 'merge' || directive === 'replace' || directive === 'delete') return directive;
  throw new PatchError('malformed', `unknown ${PATCH} directive ${JSON.stringify(directive)}`);
}

/** Removes what the list does not name. The patch itself may set only what it names. */
function retainKeys(original: JsonObject, patch: JsonObject): void {
  const directive = patch[RETAIN_KEYS];
  if (directive === undefined) return;
  if (!isJsonArray(directive)) throw new PatchError('malformed', `${RETAIN_KEYS} must be a list of keys`);
  const retained = new Set(directive);
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null && !key.startsWith('$') && !retained.has(key)) {
      throw new PatchError('malformed', `the patch sets "${key}", which its ${RETAIN_KEYS} does not name`);
    }
  }
  for (const key of Object.keys(original)) if (!retained.has(key)) delete original[key];
}

/** `finalizers` with `$deleteFromPrimitiveList/finalizers: [a]` loses `a`. */
function deleteFromList(original: JsonObject, key: string, deleted: unknown): void {
  if (!isJsonArray(deleted)) throw new PatchError('malformed', `${DELETE_FROM_PRIMITIVE_LIST}${key} must be a list`);
  const present = getKey(original, key);
  if (!isJsonArray(present)) return;
  setKey(
    original,
    key,
    present.filter((item) => !deleted.some((gone) => jsonEqual(gone, item))),
  );
}

interface OrderPatch {
  patch: JsonObject;
  /** With the directive's prefix. */
  key: string;
  /** Of the object that holds the list. */
  schema: PatchSchema | undefined;
}

/** Merges the list of that name, if the patch has it, and brings it into the order that the directive gives. */
function orderList(original: JsonObject, { patch, key: directive, schema }: OrderPatch): void {
  const key = directive.slice(SET_ELEMENT_ORDER.length);
  const order = patch[directive];
  if (!isJsonArray(order)) throw new PatchError('malformed', `${directive} must be a list`);
  const listSchema = memberSchema(schema, key);
  const before = getKey(original, key);
  const listPatch = getKey(patch, key);
  if (listPatch !== undefined) {
    checkOrder(listPatch, { order, directive, mergeKey: patchMergeKey(listSchema) });
    mergeMember(original, { key, value: listPatch, schema: listSchema });
  }
  const merged = getKey(original, key);
  if (!isJsonArray(merged)) return;
  const identityOf = identityBy(patchMergeKey(listSchema));
  const originalOrder = isJsonArray(before) ? before.map(identityOf) : [];
  setKey(original, key, orderElements(merged, { identityOf, patchOrder: order.map(identityOf), originalOrder }));
}

/** Items of the patch must stand in the directive's list, in the same order; deletions need not. */
function checkOrder(
  listPatch: unknown,
  { order, directive, mergeKey }: { order: readonly unknown[]; directive: string; mergeKey: string | undefined },
): void {
  if (!isJsonArray(listPatch)) return;
  const identityOf = identityBy(mergeKey);
  const wanted = order.map(identityOf);
  let position = 0;
  for (const item of listPatch) {
    if (isJsonObject(item) && item[PATCH] !== undefined) continue;
    const found = wanted.indexOf(identityOf(item), position);
    if (found < 0) throw new PatchError('malformed', `the items of the patch do not follow the order of ${directive}`);
    position = found + 1;
  }
}

function identityBy(mergeKey: string | undefined): IdentityOf {
  return (item) => (mergeKey !== undefined && isJsonObject(item) ? getKey(item, mergeKey) : item);
}

function mergeList(original: unknown[], patch: readonly unknown[], schema: PatchSchema | undefined): unknown[] {
  const mergeKey = patchMergeKey(schema);
  if (mergeKey === undefined) return mergePrimitives(original, patch);
  const changes = patch.map((item) => listChange(item, mergeKey));
  const values = changes.flatMap((change) => (change.directive === 'merge' ? [change.item] : []));
  if (changes.some(({ directive }) => directive === 'replace')) return values.map(plainObject);
  const deleted = new Set(changes.flatMap((change) => (change.directive === 'delete' ? [change.identity] : [])));
  const identityOf = identityBy(mergeKey);
  const kept = original.filter((item) => !deleted.has(identityOf(item)));
  const merged = [...kept];
  for (const item of values) mergeItem(merged, item, { mergeKey, schema: schema?.items });
  const patchOrder = values.map(identityOf);
  return orderElements(merged, { identityOf, patchOrder, originalOrder: kept.map(identityOf) });
}

type ListChange = { directive: 'merge' | 'delete' | 'replace'; item: JsonObject; identity: unknown };

function listChange(item: unknown, mergeKey: string): ListChange {
  if (!isJsonObject(item)) throw new PatchError('malformed', `expected an object with the merge key "${mergeKey}"`);
  const directive = directiveOf(item);
  const identity = getKey(item, mergeKey);
  if (directive !== 'replace' && (identity === undefined || identity === null)) {
    throw new PatchError('inapplicable', `an item of the patch lacks the merge key "${mergeKey}"`);
  }
  return { directive, item, identity };
}

function mergeItem(
  merged: unknown[],
  item: JsonObject,
  { mergeKey, schema }: { mergeKey: string; schema: PatchSchema | undefined },
): void {
  const identity = getKey(item, mergeKey);
  const index = merged.findIndex((present) => isJsonObject(present) && getKey(present, mergeKey) === identity);
  const present = merged[index];
  if (isJsonObject(present)) merged[index] = mergeObject(present, item, schema);
  else merged.push(plainObject(item));
}

/** Primitives are merged as a set. */
function mergePrimitives(original: readonly unknown[], patch: readonly unknown[]): unknown[] {
  if ([...original, ...patch].some((item) => isJsonObject(item) || isJsonArray(item))) {
    throw new PatchError('inapplicable', 'a list of objects without a merge key cannot be merged');
  }
  const merged = [...new Set([...original, ...patch])];
  return orderElements(merged, { identityOf: (item) => item, patchOrder: patch, originalOrder: original });
}

/** A copy of a patch's value as the object holds it: without directives, nulls, and what they delete. */
function plainValue(value: unknown): unknown {
  if (isJsonArray(value)) return value.map(plainValue).filter((item) => item !== undefined);
  if (!isJsonObject(value)) return value;
  if (value[PATCH] === 'delete') return undefined;
  const plain = plainObject(value);
  const hadDirectives = Object.keys(value).some(isDirective);
  return hadDirectives && Object.keys(plain).length === 0 ? undefined : plain;
}

function plainObject(value: JsonObject): JsonObject {
  const plain: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    const kept = member === null || isDirective(key) ? undefined : plainValue(member);
    if (kept !== undefined) setKey(plain, key, kept);
  }
  return plain;
}

function isDirective(key: string): boolean {
  return (
    key === PATCH ||
    key === RETAIN_KEYS ||
    key.startsWith(SET_ELEMENT_ORDER) ||
    key.startsWith(DELETE_FROM_PRIMITIVE_LIST)
  );
}
