/**
 * The OpenAPI 3.0 document of one group and version, as kubectl reads it for `explain`, `apply`, `edit` and `diff`. Derived
 * from the kinds alone and built on demand: a document of the core group has some hundred kilobytes, so that callers
 * should keep its text at most, not the value.
 */
import type { TSchema } from 'typebox';
import type { JsonObject } from '../machinery/json.ts';
import type { Kind } from './define-kind.ts';
import { type GroupVersionKind, OpenApiComponents } from './openapi-components.ts';
import { kindPaths } from './openapi-paths.ts';
import { schemaNode } from './schema-node.ts';

/** A kind that is only a body: Eviction, Scale, TokenRequest. */
export interface BodyKind extends GroupVersionKind {
  schema: TSchema;
}

export interface OpenApiOptions {
  /** Of one group and version. */
  kinds: readonly Kind[];
  /** Described beside the kinds, of any group. */
  bodies?: readonly BodyKind[];
  /** Version of the server. */
  version: string;
}

export function openApiDocument({ kinds, bodies = [], version }: OpenApiOptions): JsonObject {
  const components = new OpenApiComponents();
  const names = new Map(bodies.map((body) => [body.kind, components.addKind(body, schemaNode(body.schema))]));
  const paths: JsonObject = {};
  for (const kind of kinds) {
    const object = components.addKind(kind, schemaNode(kind.schema));
    const list = components.addList(kind, object);
    const patch = components.addPatch();
    Object.assign(paths, kindPaths(kind, { object, list, patch, scale: names.get('Scale') }));
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths,
    components: { schemas: components.toJson() },
  };
}
