/** Paths that are no resources: discovery, OpenAPI, version, health, metrics. */
import { StatusError } from '../../../shared/machinery/errors.ts';
import { objectResponse, queryFlag, type Request, type Response } from '../../../shared/protocol/exchange.ts';
import { aggregatedContentType, renderAggregated } from '../discovery/aggregated.ts';
import type { Catalog } from '../discovery/catalog.ts';
import type { OpenApiDocuments } from '../discovery/openapi-documents.ts';
import { renderApiGroup, renderApiGroupList, renderApiResourceList, renderApiVersions } from '../discovery/plain.ts';
import { answerHealth, type HealthCheck, parseHealthPath } from '../health/health-checks.ts';
import { negotiate } from '../request/media-type.ts';
import { textResponse } from '../response/text.ts';
import type { VersionInfo } from '../version-info.ts';

export interface PathServices {
  catalog: Catalog;
  documents: OpenApiDocuments;
  version: VersionInfo;
  checks: readonly HealthCheck[];
  renderMetrics(): string;
}

/** 404 in upstream's words: the path means nothing here. */
export function unknownPath(): StatusError {
  return new StatusError('NotFound', 'the server could not find the requested resource', {});
}

const ROOT_PATHS = ['/api', '/api/v1', '/apis', '/healthz', '/livez', '/metrics', '/openapi/v3', '/readyz', '/version'];

export async function answerPath(services: PathServices, request: Request): Promise<Response> {
  if (request.method !== 'GET') throw unknownPath();
  const path = request.path.length > 1 ? request.path.replace(/\/+$/, '') : request.path;
  const health = parseHealthPath(path);
  if (health !== undefined) return answerHealth(services.checks, health, queryFlag(request, 'verbose'));
  switch (path) {
    case '/':
      return objectResponse({ paths: ROOT_PATHS });
    case '/version':
      return objectResponse(services.version);
    case '/metrics':
      return textResponse(services.renderMetrics(), 200, 'text/plain; version=0.0.4; charset=utf-8');
    case '/api':
      return discovery(services, request, 'core');
    case '/apis':
      return discovery(services, request, 'groups');
    default:
      return answerTree(services, path);
  }
}

function discovery({ catalog }: PathServices, request: Request, part: 'core' | 'groups'): Response {
  const { as } = negotiate(request.headers['accept']);
  if (as === 'discovery-v2' || as === 'discovery-v2beta1') {
    const version = as === 'discovery-v2' ? 'v2' : 'v2beta1';
    const contentType = aggregatedContentType(version);
    return { type: 'object', code: 200, contentType, body: renderAggregated(catalog, part, version) };
  }
  return objectResponse(part === 'core' ? renderApiVersions(catalog) : renderApiGroupList(catalog));
}

const OPENAPI_ROOT = '/openapi/v3';

function answerTree({ catalog, documents }: PathServices, path: string): Response {
  if (path === OPENAPI_ROOT) return objectResponse(documents.index());
  if (path.startsWith(`${OPENAPI_ROOT}/`)) return openApi(documents, path.slice(OPENAPI_ROOT.length + 1));
  const [, root, first = '', second] = path.split('/');
  const [group, version] = root === 'api' ? ['', first] : [first, second];
  if (root === 'apis' && second === undefined) {
    const found = first === '' ? undefined : catalog.group(first);
    if (found !== undefined) return objectResponse(renderApiGroup(found));
  } else if ((root === 'api' || root === 'apis') && version !== undefined) {
    const found = catalog.version(group, version);
    if (found !== undefined) return objectResponse(renderApiResourceList(found));
  }
  throw unknownPath();
}

/** A document's URL holds its hash, so that what was fetched once never goes stale. */
function openApi(documents: OpenApiDocuments, path: string): Response {
  const document = documents.document(path);
  if (document === undefined) throw unknownPath();
  const headers = { etag: `"${document.hash}"`, 'cache-control': 'public, immutable' };
  return { type: 'object', code: 200, headers, body: document.body };
}
