/**
 * The API as a function from request to response over the store. No sockets here: the doors in master/gateway authenticate
 * callers and turn bytes into request values; components in the same process call `handle` directly.
 * Invariant: every request is authorised before anything else is done for it.
 */
import { badRequest, internalError, type StatusError } from '../../shared/machinery/errors.ts';
import { parseFieldSelector } from '../../shared/machinery/field-selector.ts';
import { parseLabelSelector, SelectorError } from '../../shared/machinery/label-selector.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import { queryValue, type Request, type Response } from '../../shared/protocol/exchange.ts';
import type { ApiServerOptions } from './api-server-options.ts';
import { type AuthorizationAttributes, forbiddenError } from './authorization/authorizer.ts';
import { impersonate, isImpersonating } from './authorization/impersonation.ts';
import { composeServer, type ServerParts } from './compose.ts';
import type { ServedResource } from './discovery/served-resource.ts';
import { methodNotAllowed } from './endpoints/endpoint.ts';
import { answerPath, unknownPath } from './endpoints/paths.ts';
import { endpointOf } from './endpoints/router.ts';
import { toStatusError } from './errors.ts';
import type { RequestMetrics } from './health/request-metrics.ts';
import type { RequestContext } from './request/request-context.ts';
import { parseRequestInfo, type RequestInfo, type ResourceRequestInfo } from './request/request-info.ts';
import type { UserInfo } from './user-info.ts';

export interface ApiServer extends Component {
  /** Rejects with a StatusError, which the door turns into a `Status` body. */
  handle(request: Request, user: UserInfo): Promise<Response>;
  readonly metrics: RequestMetrics;
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  return new Server(options);
}

class Server implements ApiServer {
  readonly #options: ApiServerOptions;
  readonly #parts: ServerParts;
  #ready = false;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#parts = composeServer(options, () => this.#ready);
  }

  get metrics(): RequestMetrics {
    return this.#parts.metrics;
  }

  async start(): Promise<void> {
    await startAll(this.#parts.components);
    this.#ready = true;
  }

  async stop(): Promise<void> {
    this.#ready = false;
    await stopAll(this.#parts.components);
  }

  async handle(request: Request, user: UserInfo): Promise<Response> {
    const startMs = this.#options.clock.monotonicMs();
    const info = parseRequestInfo(request);
    const finish = this.#parts.metrics.begin(info);
    try {
      const response = await this.#answer(request, user, info);
      this.#record(info, response.code, startMs);
      return response;
    } catch (error) {
      const status = this.#statusErrorOf(error, info);
      this.#record(info, status.code, startMs);
      throw status;
    } finally {
      finish();
    }
  }

  async #answer(request: Request, user: UserInfo, info: RequestInfo): Promise<Response> {
    const { authorize } = this.#parts.services;
    const { headers } = request;
    const actor = isImpersonating(headers) ? await impersonate(authorize, user, headers) : user;
    const attributes = { user: actor, request: info, ...selectorsOf(request, info) };
    const decision = await authorize(attributes);
    if (decision !== 'allow') throw forbiddenError(attributes, decision.deny);
    if (!info.isResource) return answerPath(this.#parts.paths, request);
    return this.#answerResource(request, actor, info);
  }

  #answerResource(request: Request, user: UserInfo, info: ResourceRequestInfo): Promise<Response> {
    const { catalog, virtual, services } = this.#parts;
    const served = catalog.find(info, info.resource);
    if (served === undefined || !fitsScope(served, info)) throw unknownPath();
    checkVerb(served, info);
    const context: RequestContext = { request, user, info, served, warnings: [] };
    const computed = virtual.find((candidate) => candidate.served === served);
    if (computed !== undefined) return computed.answer(services, context);
    const endpoint = endpointOf(info.subresource);
    if (endpoint === undefined || served.stored === undefined) throw unknownPath();
    return endpoint(services, { ...context, kind: served.stored });
  }

  #statusErrorOf(error: unknown, { verb, path }: RequestInfo): StatusError {
    const known = toStatusError(error);
    if (known !== undefined) return known;
    this.#options.logger.error('a request has failed', { verb, path, error });
    return internalError("an internal error has occurred; the master's log says more");
  }

  #record(info: RequestInfo, code: number, startMs: number): void {
    const isServed = info.isResource && this.#parts.catalog.find(info, info.resource) !== undefined;
    const durationMs = this.#options.clock.monotonicMs() - startMs;
    this.#parts.metrics.record({ info, isServed, code, durationMs });
  }
}

/** Only what chooses objects has a say in what a list or watch may see. */
function selectorsOf(
  request: Request,
  info: RequestInfo,
): Pick<AuthorizationAttributes, 'fieldSelector' | 'labelSelector'> {
  if (!info.isResource || info.name !== '') return { fieldSelector: [] };
  const labels = queryValue(request, 'labelSelector');
  try {
    const fieldSelector = parseFieldSelector(queryValue(request, 'fieldSelector') ?? '');
    return { fieldSelector, ...(labels ? { labelSelector: parseLabelSelector(labels) } : {}) };
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(`invalid selector: ${error.message}`);
    throw error;
  }
}

/** Cluster-scoped resources are in no namespace; an object of a namespaced one is named together with its namespace. */
function fitsScope(served: ServedResource, { namespace, name, resource }: ResourceRequestInfo): boolean {
  if (!served.namespaced) return namespace === '' || resource === 'namespaces';
  return namespace !== '' || name === '';
}

function checkVerb(served: ServedResource, { verb, subresource }: ResourceRequestInfo): void {
  const target = subresource === '' ? served : served.subresources.find(({ name }) => name === subresource);
  if (target === undefined) throw unknownPath();
  if (!target.verbs.includes(verb)) throw methodNotAllowed();
}
