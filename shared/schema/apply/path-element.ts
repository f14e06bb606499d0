/**
 * One step from a value to one of its members, in the text that fieldsV1 writes, always in one spelling so that equal steps
 * are equal strings:
 *
 *     f:replicas              a field of an object or an entry of a map
 *     k:{"name":"web"}        the item of a list of type map with these keys, in alphabetical order
 *     v:"example.com/hold"    an item of a list of type set
 *     i:0                     an index; read and kept, never made: lists without keys are owned as a whole
 *
 * Source: Kubernetes API reference, FieldsV1.
 */
import { isJsonArray, isJsonObject } from '../../machinery/json.ts';

export type PathElement = string;
export type Path = readonly PathElement[];

/** A field set, or a list of managers, that nobody can have been told by this server. */
export class ManagedFieldsError extends Error {
  override readonly name = 'ManagedFieldsError';
}

export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

export function keyElement(keys: Readonly<Record<string, unknown>>): PathElement {
  return `k:${canonicalJson(keys)}`;
}

export function valueElement(value: unknown): PathElement {
  return `v:${canonicalJson(value)}`;
}

/** The one spelling of `text`; undefined for steps of a type that nobody knows yet. Throws ManagedFieldsError. */
export function parsePathElement(text: string): PathElement | undefined {
  const content = text.slice(2);
  switch (text.slice(0, 2)) {
    case 'f:':
      return text;
    case 'k:': {
      const keys = parseJson(text, content);
      if (!isJsonObject(keys)) throw malformed(text);
      return keyElement(keys);
    }
    case 'v:':
      return valueElement(parseJson(text, content));
    case 'i:':
      if (!/^-?\d+$/.test(content)) throw malformed(text);
      return `i:${Number(content)}`;
    default:
      if (text[1] !== ':') throw malformed(text);
      return undefined;
  }
}

/** `.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"]`, as Kubernetes names fields in conflicts. */
export function formatPath(path: Path): string {
  return path.map(formatPathElement).join('');
}

export function formatPathElement(element: PathElement): string {
  const content = element.slice(2);
  switch (element.slice(0, 2)) {
    case 'f:':
      return `.${content}`;
    case 'k:':
      return `[${formatKeys(JSON.parse(content))}]`;
    case 'v:':
      return `[=${content}]`;
    default:
      return `[${content}]`;
  }
}

function formatKeys(keys: unknown): string {
  if (!isJsonObject(keys)) return '';
  return Object.entries(keys)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',');
}

function parseJson(element: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(element);
  }
}

function malformed(element: string): ManagedFieldsError {
  return new ManagedFieldsError(`${JSON.stringify(element)} names no field, key, value or index`);
}

function canonicalJson(value: unknown): string {
  if (isJsonArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value ?? null);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(',')}}`;
}
