/**
 * Field schemas as OpenAPI 3.0 schemas: shared objects and special values become components that the fields refer to, our
 * own keywords go, Kubernetes' extensions stay.
 * Source: OpenAPI 3.0.3, "Schema Object"; the documents that Kubernetes serves below /openapi/v3.
 */
import type { JsonObject } from '../machinery/json.ts';
import {
  type ComponentPackage,
  componentRef,
  FORMAT_COMPONENTS,
  formatComponent,
  groupPackage,
  META_PACKAGE,
  objectPackage,
} from './openapi-names.ts';
import { mapValueNode, type SchemaNode } from './schema-node.ts';

export interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

/** The components of one document; each name is described once, by the first schema that has it. */
export class OpenApiComponents {
  readonly #schemas = new Map<string, JsonObject>();

  /** Adds a kind with all that it contains; returns its component's name. */
  addKind(gvk: GroupVersionKind, node: SchemaNode): string {
    const name = `${objectPackage(gvk.kind, groupPackage(gvk.group, gvk.version))}.${gvk.kind}`;
    this.#addObject(name, node);
    const schema = this.#schemas.get(name);
    if (schema !== undefined) schema[GVK] = [gvkOf(gvk)];
    return name;
  }

  /** Adds the list of a kind, whose own component has the name `item`; returns the list's name. */
  addList(gvk: GroupVersionKind, item: string): string {
    const metadata = this.#add(`${META_PACKAGE}.ListMeta`, LIST_META);
    return this.#add(`${item}List`, {
      type: 'object',
      description: `A list of objects of the kind ${gvk.kind}`,
      required: ['items'],
      properties: {
        apiVersion: { type: 'string', description: 'group and version of the list' },
        items: { type: 'array', description: 'the objects', items: componentRef(item) },
        kind: { type: 'string', description: `always ${gvk.kind}List` },
        metadata: { allOf: [componentRef(metadata)], description: 'where the list stands', default: {} },
      },
      [GVK]: [gvkOf({ ...gvk, kind: `${gvk.kind}List` })],
    });
  }

  /** The body of a patch, whatever its format. */
  addPatch(): string {
    return this.#add(`${META_PACKAGE}.Patch`, { type: 'object', description: 'changes of an object' });
  }

  /** By name, sorted, so that equal kinds give equal documents. */
  toJson(): JsonObject {
    return Object.fromEntries([...this.#schemas].sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  #add(name: string, schema: JsonObject): string {
    if (!this.#schemas.has(name)) this.#schemas.set(name, schema);
    return name;
  }

  #addObject(name: string, node: SchemaNode): void {
    if (this.#schemas.has(name)) return;
    const schema: JsonObject = { type: 'object', ...descriptionOf(node['x-description'] ?? node.description) };
    this.#schemas.set(name, schema);
    const parent = name.slice(0, name.lastIndexOf('.'));
    const properties = Object.entries(node.properties ?? {}).map(([key, field]) => [key, this.#field(field, parent)]);
    if (node.required !== undefined && node.required.length > 0) schema['required'] = [...node.required];
    if (properties.length > 0) schema['properties'] = Object.fromEntries(properties);
    if (node['x-kubernetes-map-type'] !== undefined) schema['x-kubernetes-map-type'] = node['x-kubernetes-map-type'];
  }

  /** A field, with its description; siblings of a `$ref` mean nothing, so that it is wrapped into `allOf`. */
  #field(node: SchemaNode, parent: ComponentPackage): JsonObject {
    const component = this.#componentOf(node, parent);
    if (component === undefined) return this.#inline(node, parent);
    return { allOf: [componentRef(component)], ...keywordsOf(node) };
  }

  #inline(node: SchemaNode, parent: ComponentPackage): JsonObject {
    const { type, format, enum: values, minimum, maximum, items } = node;
    const mapValue = mapValueNode(node);
    return {
      ...(type === undefined ? {} : { type }),
      ...(format === undefined ? {} : { format }),
      ...(values === undefined ? {} : { enum: values }),
      ...(minimum === undefined ? {} : { minimum }),
      ...(maximum === undefined ? {} : { maximum }),
      ...(items === undefined ? {} : { items: this.#element(items, parent) }),
      ...(mapValue === undefined ? {} : { additionalProperties: this.#element(mapValue, parent) }),
      ...keywordsOf(node),
    };
  }

  /** An item of a list or the value of a map: a plain reference where there is a component. */
  #element(node: SchemaNode, parent: ComponentPackage): JsonObject {
    const component = this.#componentOf(node, parent);
    return component === undefined ? this.#inline(node, parent) : componentRef(component);
  }

  #componentOf(node: SchemaNode, parent: ComponentPackage): string | undefined {
    const special = formatComponent(node['x-format'], parent);
    if (special !== undefined) return this.#add(special, FORMAT_SCHEMAS[special] ?? { type: 'object' });
    const shared = node['x-name'];
    if (shared === undefined || node.type !== 'object') return undefined;
    const name = `${objectPackage(shared, parent)}.${shared}`;
    this.#addObject(name, node);
    return name;
  }
}

const GVK = 'x-kubernetes-group-version-kind';

/** Kubernetes' order of members. */
export function gvkOf({ group, kind, version }: GroupVersionKind): JsonObject {
  return { group, kind, version };
}

const FORMAT_SCHEMAS: Readonly<Record<string, JsonObject>> = {
  [FORMAT_COMPONENTS.quantity ?? '']: {
    description: 'An amount: a number with a suffix such as m, k, M, G or Ki, Mi, Gi (500m, 1.5, 64Mi)',
    oneOf: [{ type: 'string' }, { type: 'number' }],
  },
  [FORMAT_COMPONENTS['int-or-string'] ?? '']: {
    description: 'A whole number or a string',
    format: 'int-or-string',
    oneOf: [{ type: 'integer' }, { type: 'string' }],
  },
  [FORMAT_COMPONENTS.time ?? '']: { type: 'string', format: 'date-time', description: 'RFC 3339, to the second' },
  [FORMAT_COMPONENTS['micro-time'] ?? '']: {
    type: 'string',
    format: 'date-time',
    description: 'RFC 3339, to the microsecond',
  },
  [FORMAT_COMPONENTS.duration ?? '']: { type: 'string', description: 'A duration such as 1h30m' },
  [FORMAT_COMPONENTS.raw ?? '']: { type: 'object', description: 'Any object, kept as it is' },
};

const LIST_META: JsonObject = {
  type: 'object',
  description: 'Where a list stands in the history of the cluster, and how to get its next page',
  properties: {
    continue: { type: 'string', description: 'set when there are more objects: gets the next page' },
    remainingItemCount: { type: 'integer', format: 'int64', description: 'objects after this page' },
    resourceVersion: { type: 'string', description: 'revision at which the list was taken; a watch starts from it' },
    selfLink: { type: 'string', description: 'no longer filled in' },
  },
};

function descriptionOf(description: string | undefined): JsonObject {
  return description === undefined ? {} : { description };
}

const KEPT_KEYWORDS = [
  'description',
  'default',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-patch-strategy',
] as const;

/** What a field says beside its type. A shared object's map type is the component's. */
function keywordsOf(node: SchemaNode): JsonObject {
  const kept: JsonObject = {};
  for (const keyword of KEPT_KEYWORDS) {
    const isComponents = keyword === 'x-kubernetes-map-type' && node['x-name'] !== undefined;
    if (node[keyword] !== undefined && !isComponents) kept[keyword] = node[keyword];
  }
  return kept;
}
