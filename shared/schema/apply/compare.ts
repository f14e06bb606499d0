/**
 * What changed from one state of an object to another, field by field: no field is in two of the sets. An object or list
 * that came or went as a whole is in the set together with all that is in it.
 */
import type { TSchema } from 'typebox';
import { getKey, isJsonArray, isJsonObject, type JsonObject, jsonEqual } from '../../machinery/json.ts';
import { type SchemaNode, schemaNode } from '../schema-node.ts';
import { differenceOf, type FieldSet, mapNodes, unionOf, withoutSubtrees } from './field-set.ts';
import { fieldElement, type PathElement } from './path-element.ts';
import { isAbsent, itemElement, memberOf, sameLeaf, sharedShape } from './structure.ts';

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Null counts as absent beside undefined, and as a value that replaces others. */
export function compareObjects(schema: TSchema, before: JsonObject, after: JsonObject): Comparison {
  const { children } = compareValues(schemaNode(schema), before, after);
  return {
    added: selectChange(children, 'added'),
    modified: selectChange(children, 'modified'),
    removed: selectChange(children, 'removed'),
  };
}

/** What now has another value. */
export function writtenFields({ added, modified }: Comparison): FieldSet {
  return unionOf(added, modified);
}

export function changedFields(comparison: Comparison): FieldSet {
  return unionOf(writtenFields(comparison), comparison.removed);
}

/** Leaves out all that is below `roots`, and the fields of `names` themselves. */
export function filterComparison(comparison: Comparison, roots: FieldSet, names: FieldSet): Comparison {
  const filter = (set: FieldSet): FieldSet => differenceOf(withoutSubtrees(set, roots), names);
  return {
    added: filter(comparison.added),
    modified: filter(comparison.modified),
    removed: filter(comparison.removed),
  };
}

type Change = 'added' | 'modified' | 'removed';

interface ChangeNode {
  readonly change: Change | undefined;
  readonly children: ChangeTree;
}

type ChangeTree = ReadonlyMap<PathElement, ChangeNode>;

const NO_CHILDREN: ChangeTree = new Map();
const UNCHANGED: ChangeNode = { change: undefined, children: NO_CHILDREN };

function selectChange(tree: ChangeTree, change: Change): FieldSet {
  const result = new Map<PathElement, { owned: boolean; children: FieldSet }>();
  for (const [element, node] of tree) {
    result.set(element, { owned: node.change === change, children: selectChange(node.children, change) });
  }
  return mapNodes(result, (node) => node);
}

function compareValues(node: SchemaNode | undefined, before: unknown, after: unknown): ChangeNode {
  // Unchanged parts of an object are often shared by its states: most of the work ends here.
  if (before === after || (isAbsent(before) && isAbsent(after))) return UNCHANGED;
  switch (sharedShape(node, before, after)) {
    case 'leaf':
      return { change: leafChange(node, before, after), children: NO_CHILDREN };
    case 'map':
      return { change: presenceChange(before, after), children: compareMaps(node, before, after) };
    case 'list':
      return { change: presenceChange(before, after), children: compareLists(node, before, after) };
    case 'mixed':
      return { change: 'modified', children: replacedMembers(node, before, after) };
  }
}

function presenceChange(before: unknown, after: unknown): Change | undefined {
  if (before === undefined) return 'added';
  return after === undefined ? 'removed' : undefined;
}

function leafChange(node: SchemaNode | undefined, before: unknown, after: unknown): Change | undefined {
  return presenceChange(before, after) ?? (sameLeaf(node, before, after) ? undefined : 'modified');
}

/** Of a value that became one of another shape. */
function replacedMembers(node: SchemaNode | undefined, before: unknown, after: unknown): ChangeTree {
  const gone = compareValues(node, before, undefined).children;
  return new Map([...gone, ...compareValues(node, undefined, after).children]);
}

function compareMaps(node: SchemaNode | undefined, before: unknown, after: unknown): ChangeTree {
  const left = isJsonObject(before) ? before : {};
  const right = isJsonObject(after) ? after : {};
  const result = new Map<PathElement, ChangeNode>();
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const change = compareValues(memberOf(node, key), getKey(left, key), getKey(right, key));
    addChange(result, fieldElement(key), change);
  }
  return result;
}

function compareLists(node: SchemaNode | undefined, before: unknown, after: unknown): ChangeTree {
  const left = groupItems(node, before);
  const right = groupItems(node, after);
  const result = new Map<PathElement, ChangeNode>();
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    const change = compareItems(node?.items, left.get(element) ?? [], right.get(element) ?? []);
    addChange(result, element, change);
  }
  return result;
}

/** Items with equal keys, which old objects may have, are compared as a whole: nobody owns the members of one of them. */
function compareItems(node: SchemaNode | undefined, before: readonly unknown[], after: readonly unknown[]): ChangeNode {
  if (before.length <= 1 && after.length <= 1) return compareValues(node, before[0], after[0]);
  if (jsonEqual(before, after)) return UNCHANGED;
  const left = before.length === 1 ? before[0] : undefined;
  const right = after.length === 1 ? after[0] : undefined;
  const { children } = compareValues(node, left, right);
  const presence = presenceChange(before[0], after[0]);
  return { change: presence ?? 'modified', children };
}

function groupItems(node: SchemaNode | undefined, value: unknown): Map<PathElement, unknown[]> {
  return Map.groupBy(isJsonArray(value) ? value : [], (item) => itemElement(node, item));
}

function addChange(tree: Map<PathElement, ChangeNode>, element: PathElement, node: ChangeNode): void {
  if (node.change !== undefined || node.children.size > 0) tree.set(element, node);
}
