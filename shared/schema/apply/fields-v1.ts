/**
 * Field sets as Kubernetes writes them in `managedFields[].fieldsV1`: objects in objects, `{}` for a member without members,
 * `.` for a field that is a member itself beside some of its own members.
 *
 *     {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}}
 */
import { isJsonObject, type JsonObject } from '../../machinery/json.ts';
import { EMPTY_FIELD_SET, type FieldNode, type FieldSet, sortedNodes } from './field-set.ts';
import { ManagedFieldsError, type PathElement, parsePathElement } from './path-element.ts';

const SELF = '.';

/** Steps of an unknown type are left out, as later versions of Kubernetes may write some. Throws ManagedFieldsError. */
export function parseFieldsV1(fields: unknown): FieldSet {
  return fields === undefined || fields === null ? EMPTY_FIELD_SET : parseNode(fields).children;
}

function parseNode(value: unknown): FieldNode {
  if (!isJsonObject(value ?? {})) throw new ManagedFieldsError('a field set consists of objects only');
  const children = new Map<PathElement, FieldNode>();
  for (const [key, member] of Object.entries(value ?? {})) {
    if (key === SELF) continue;
    const element = parsePathElement(key);
    if (element !== undefined) children.set(element, parseNode(member));
  }
  const hasSelf = isJsonObject(value) && Object.hasOwn(value, SELF);
  return { owned: hasSelf || children.size === 0, children };
}

export function formatFieldsV1(set: FieldSet): JsonObject {
  const result: JsonObject = {};
  for (const [element, { owned, children }] of sortedNodes(set)) {
    const self = owned && children.size > 0 ? { [SELF]: {} } : {};
    result[element] = { ...self, ...formatFieldsV1(children) };
  }
  return result;
}
