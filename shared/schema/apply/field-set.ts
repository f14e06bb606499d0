/**
 * A set of fields as a tree: each node says whether the field itself is a member and which of its members are. Being a
 * member says nothing about the members of the field: a manager of `.spec.containers[name="web"]` need not manage its image.
 *
 * Sets are values, nothing changes them. No node is there for nothing: it is owned or has children.
 */
import { fieldElement, type Path, type PathElement } from './path-element.ts';

export interface FieldNode {
  readonly owned: boolean;
  readonly children: FieldSet;
}

export type FieldSet = ReadonlyMap<PathElement, FieldNode>;

export const EMPTY_FIELD_SET: FieldSet = new Map();

/** The set of the given paths; parents are not members by their children. */
export function fieldSetOf(paths: readonly Path[]): FieldSet {
  return paths.reduce((set, path) => unionOf(set, singleton(path)), EMPTY_FIELD_SET);
}

/** `['metadata', 'labels']` is the path of a field inside objects. */
export function fieldPath(names: readonly string[]): Path {
  return names.map(fieldElement);
}

function singleton([element, ...rest]: Path): FieldSet {
  if (element === undefined) return EMPTY_FIELD_SET;
  return new Map([[element, { owned: rest.length === 0, children: singleton(rest) }]]);
}

export function unionOf(left: FieldSet, right: FieldSet): FieldSet {
  if (left.size === 0) return right;
  if (right.size === 0) return left;
  const result = new Map(left);
  for (const [element, node] of right) {
    const other = left.get(element);
    result.set(element, other === undefined ? node : unionOfNodes(other, node));
  }
  return result;
}

function unionOfNodes(left: FieldNode, right: FieldNode): FieldNode {
  return { owned: left.owned || right.owned, children: unionOf(left.children, right.children) };
}

export function intersectionOf(left: FieldSet, right: FieldSet): FieldSet {
  return mapNodes(left, (node, element) => {
    const other = right.get(element);
    if (other === undefined) return undefined;
    return { owned: node.owned && other.owned, children: intersectionOf(node.children, other.children) };
  });
}

/** The members of `left` that are not members of `right`; a member of `right` takes its own members away only by name. */
export function differenceOf(left: FieldSet, right: FieldSet): FieldSet {
  if (right.size === 0) return left;
  return mapNodes(left, (node, element) => {
    const other = right.get(element);
    if (other === undefined) return node;
    return { owned: node.owned && !other.owned, children: differenceOf(node.children, other.children) };
  });
}

/** `set` without the members of `roots` and all that is below them. */
export function withoutSubtrees(set: FieldSet, roots: FieldSet): FieldSet {
  if (roots.size === 0) return set;
  return mapNodes(set, (node, element) => {
    const root = roots.get(element);
    if (root === undefined) return node;
    return root.owned ? undefined : { owned: node.owned, children: withoutSubtrees(node.children, root.children) };
  });
}

/** A new set of what `change` makes of each node; nodes that are there for nothing are left out. */
export function mapNodes(
  set: FieldSet,
  change: (node: FieldNode, element: PathElement) => FieldNode | undefined,
): FieldSet {
  const result = new Map<PathElement, FieldNode>();
  for (const [element, node] of set) {
    const changed = change(node, element);
    if (changed !== undefined && (changed.owned || changed.children.size > 0)) result.set(element, changed);
  }
  return result;
}

export function isEmptySet(set: FieldSet): boolean {
  return set.size === 0;
}

export function hasPath(set: FieldSet, path: Path): boolean {
  const [element, ...rest] = path;
  const node = element === undefined ? undefined : set.get(element);
  if (node === undefined) return false;
  return rest.length === 0 ? node.owned : hasPath(node.children, rest);
}

export function equalSets(left: FieldSet, right: FieldSet): boolean {
  if (left === right) return true;
  if (left.size !== right.size) return false;
  for (const [element, node] of left) {
    const other = right.get(element);
    if (other === undefined || other.owned !== node.owned || !equalSets(node.children, other.children)) return false;
  }
  return true;
}

/** Every member's path, parents before their children, siblings in alphabetical order. */
export function pathsOf(set: FieldSet): Path[] {
  return sortedNodes(set).flatMap(([element, node]) => [
    ...(node.owned ? [[element]] : []),
    ...pathsOf(node.children).map((path) => [element, ...path]),
  ]);
}

export function sortedNodes(set: FieldSet): [PathElement, FieldNode][] {
  return [...set].sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
}
