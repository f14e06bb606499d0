/**
 * What a request is about, read from its method, path and the one query parameter that changes the verb. Pure.
 * Source: Kubernetes, "API concepts", resource URIs.
 */
import { badRequest } from '../../../shared/machinery/errors.ts';
import { queryFlag, type Request } from '../../../shared/protocol/exchange.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export interface ResourceRequestInfo {
  isResource: true;
  verb: Verb;
  path: string;
  /** `''` is the core group. */
  group: string;
  version: string;
  /** Plural name, such as `pods`. */
  resource: string;
  /** `''` when the object itself is meant. */
  subresource: string;
  /** `''` for cluster-scoped resources and across all namespaces. */
  namespace: string;
  /** `''` for collections. */
  name: string;
}

export interface PathRequestInfo {
  isResource: false;
  /** The method in lower case. */
  verb: string;
  path: string;
}

export type RequestInfo = ResourceRequestInfo | PathRequestInfo;

/** Throws BadRequest for a path that is not properly encoded. */
export function parseRequestInfo(request: Pick<Request, 'method' | 'path' | 'query'>): RequestInfo {
  const pathInfo: PathRequestInfo = { isResource: false, verb: request.method.toLowerCase(), path: request.path };
  const groupVersion = splitGroupVersion(decodeSegments(request.path));
  if (groupVersion === undefined) return pathInfo;
  const target = splitTarget(groupVersion.rest);
  if (target === undefined) return pathInfo;
  const { group, version } = groupVersion;
  const verb = verbOf(request, target.name);
  return { isResource: true, verb, path: request.path, group, version, ...target };
}

function decodeSegments(path: string): string[] {
  try {
    return path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent);
  } catch {
    throw badRequest(`the path ${JSON.stringify(path)} is not properly percent-encoded`);
  }
}

/** `/api/v1/…` and `/apis/G/V/…`; undefined where nothing follows the version. */
function splitGroupVersion(
  segments: readonly string[],
): { group: string; version: string; rest: readonly string[] } | undefined {
  const [root, first = '', second = ''] = segments;
  if (root === 'api' && segments.length > 2) return { group: '', version: first, rest: segments.slice(2) };
  if (root === 'apis' && segments.length > 3) return { group: first, version: second, rest: segments.slice(3) };
  return undefined;
}

type Target = Pick<ResourceRequestInfo, 'resource' | 'subresource' | 'namespace' | 'name'>;

/** Subresources of Namespace itself; anything else below a namespace is a resource in it. */
const NAMESPACE_SUBRESOURCES: readonly string[] = ['status', 'finalize'];

function splitTarget(rest: readonly string[]): Target | undefined {
  const [first = '', second = '', third = ''] = rest;
  if (first === 'namespaces' && rest.length >= 3 && !NAMESPACE_SUBRESOURCES.includes(third)) {
    return targetIn(second, rest.slice(2));
  }
  // A namespace is in itself, as far as rights are concerned.
  return targetIn(first === 'namespaces' ? second : '', rest);
}

function targetIn(namespace: string, parts: readonly string[]): Target | undefined {
  const [resource = '', name = '', subresource = ''] = parts;
  // Below proxy the path is the node's.
  const isBelowProxy = resource === 'nodes' && subresource === 'proxy';
  if (resource === '' || (parts.length > 3 && !isBelowProxy)) return undefined;
  return { resource, name, subresource, namespace };
}

function verbOf(request: Pick<Request, 'method' | 'query'>, name: string): Verb {
  switch (request.method) {
    case 'GET':
      if (name !== '') return 'get';
      return queryFlag(request, 'watch') ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return name === '' ? 'deletecollection' : 'delete';
  }
}
