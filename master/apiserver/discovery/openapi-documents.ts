/**
 * The OpenAPI v3 documents, one a group and version. They are built when somebody asks and not kept: a document of the core
 * group weighs more than a board should spare. Its hash, which is all that the index needs, is kept.
 */
import { createHash } from 'node:crypto';
import { REQUEST_SCHEMAS, type RequestSchema } from '../../../shared/api/registry.ts';
import type { JsonObject } from '../../../shared/machinery/json.ts';
import { openApiDocument } from '../../../shared/schema/openapi.ts';
import type { AnyKind } from '../storage/api-object.ts';
import type { Catalog, ServedVersion } from './catalog.ts';

export interface OpenApiDocument {
  body: JsonObject;
  hash: string;
}

export class OpenApiDocuments {
  readonly #catalog: Catalog;
  readonly #version: string;
  readonly #hashes = new Map<string, string>();

  constructor(catalog: Catalog, version: string) {
    this.#catalog = catalog;
    this.#version = version;
  }

  /** `/openapi/v3` */
  index(): JsonObject {
    const versions = this.#catalog.groups.flatMap((group) => group.versions);
    const paths = versions.map((served) => {
      const path = pathOf(served);
      const hash = this.#hashes.get(path) ?? this.#build(served).hash;
      return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const;
    });
    return { paths: Object.fromEntries(paths) };
  }

  /** `path` is `api/v1` or `apis/apps/v1`; undefined for what is not served. */
  document(path: string): OpenApiDocument | undefined {
    const [root, ...rest] = path.split('/');
    const [group = '', version = ''] = root === 'api' ? ['', ...rest] : rest;
    const served = this.#catalog.version(group, version);
    return served === undefined || pathOf(served) !== path ? undefined : this.#build(served);
  }

  #build(served: ServedVersion): OpenApiDocument {
    const kinds = served.resources.flatMap(({ stored, described }) => stored ?? described ?? []);
    const body = openApiDocument({ kinds, bodies: bodiesOf(served, kinds), version: this.#version });
    const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex').toUpperCase();
    this.#hashes.set(pathOf(served), hash);
    return { body, hash };
  }
}

/** Bodies of the version's own reviews, and of its kinds' subresources. */
function bodiesOf(served: ServedVersion, kinds: readonly AnyKind[]): RequestSchema[] {
  const subresources = served.resources.flatMap((resource) => resource.subresources.map(({ kind }) => kind));
  const wanted = [...served.resources, ...subresources];
  return REQUEST_SCHEMAS.filter(
    (body) =>
      !kinds.some(({ kind }) => kind === body.kind) &&
      wanted.some(({ group, version, kind }) => {
        return group === body.group && version === body.version && kind === body.kind;
      }),
  );
}

function pathOf({ group, version }: { group: string; version: string }): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}
