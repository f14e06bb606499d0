/**
 * What an applied configuration must not be: a list of type map or set whose items cannot be told apart, or a configuration
 * with its own idea of who manages it. Check its types against the schema before.
 */
import type { TSchema } from 'typebox';
import { isJsonArray, isJsonObject, type JsonObject } from '../../machinery/json.ts';
import { type SchemaNode, schemaNode } from '../schema-node.ts';
import {
  fieldElement,
  formatPath,
  formatPathElement,
  keyElement,
  type Path,
  type PathElement,
} from './path-element.ts';
import { isAbsent, itemElement, memberOf, shapeOf } from './structure.ts';

/** The client's mistake: BadRequest. */
export class ApplyConfigError extends Error {
  override readonly name = 'ApplyConfigError';
  /** `.spec.template.spec.containers`; empty for the whole configuration. */
  readonly field: string;

  constructor(field: string, why: string) {
    super(field === '' ? why : `${field}: ${why}`);
    this.field = field;
  }
}

/** Throws ApplyConfigError. */
export function checkConfig(schema: TSchema, config: JsonObject): void {
  const { metadata } = config;
  if (isJsonObject(metadata) && !isAbsent(metadata['managedFields'])) {
    throw new ApplyConfigError('', 'metadata.managedFields must be nil');
  }
  check(schemaNode(schema), config, []);
}

function check(node: SchemaNode | undefined, value: unknown, path: Path): void {
  if (shapeOf(node, value) === 'leaf') return;
  if (isJsonArray(value)) checkItems(node, value, path);
  if (!isJsonObject(value)) return;
  for (const [key, member] of Object.entries(value)) check(memberOf(node, key), member, [...path, fieldElement(key)]);
}

const NO_KEYS = keyElement({});

function checkItems(node: SchemaNode | undefined, items: readonly unknown[], path: Path): void {
  const seen = new Set<PathElement>();
  for (const [index, item] of items.entries()) {
    const element = itemElement(node, item);
    if (isAbsent(item)) throw new ApplyConfigError(formatPath(path), `element ${index}: must not be null`);
    if (element === NO_KEYS) {
      const keys = (node?.['x-kubernetes-list-map-keys'] ?? []).map((key) => JSON.stringify(key)).join(', ');
      throw new ApplyConfigError(formatPath(path), `element ${index}: has none of the key fields ${keys}`);
    }
    if (seen.has(element)) {
      throw new ApplyConfigError(formatPath(path), `duplicate entries for key ${formatPathElement(element)}`);
    }
    seen.add(element);
    check(node?.items, item, [...path, element]);
  }
}
