/** HTTP requests, of either version, as request values. Invariant: no more of a body is kept than the bound. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { badRequest, StatusError } from '../../../shared/machinery/errors.ts';
import type { Request } from '../../../shared/protocol/exchange.ts';
import { parseQueryString } from '../../../shared/protocol/parse-envelope.ts';

export type HttpRequest = IncomingMessage | Http2ServerRequest;

/** Kubernetes' bound on the body of a request. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

const METHODS: readonly Request['method'][] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Headers that mean something behind the doors. */
const KNOWN_HEADERS = ['accept', 'content-type', 'user-agent', 'if-none-match'] as const;

/** Rejects with a StatusError. */
export async function readRequest(request: HttpRequest, signal: AbortSignal): Promise<Request> {
  const head = readHead(request, signal);
  const body = head.method === 'GET' ? undefined : await readBody(request);
  return body === undefined ? head : { ...head, body };
}

/** Everything but the body. */
export function readHead(request: HttpRequest, signal: AbortSignal): Request {
  const method = METHODS.find((known) => known === request.method);
  if (method === undefined) {
    throw new StatusError('MethodNotAllowed', `the method ${request.method} is not served; use ${METHODS.join(', ')}`);
  }
  const { path, query } = splitUrl(request.url ?? '/');
  return { method, path, query, headers: readHeaders(request), signal };
}

function splitUrl(url: string): { path: string; query: Record<string, string[]> } {
  if (!url.startsWith('/')) throw badRequest('the request target must be a path');
  const mark = url.indexOf('?');
  if (mark < 0) return { path: url, query: {} };
  return { path: url.slice(0, mark), query: parseQueryString(url.slice(mark + 1)) };
}

/** Who the caller wants to be: several headers, some with names of their own. */
const IMPERSONATION = 'impersonate-';

function readHeaders({ headers }: HttpRequest): Record<string, string> {
  const known: Record<string, string> = {};
  for (const name of KNOWN_HEADERS) {
    const value = headers[name];
    if (typeof value === 'string') known[name] = value;
  }
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(IMPERSONATION) && value !== undefined) known[name] = [value].flat().join(', ');
  }
  return known;
}

/** Undefined when there is none. */
async function readBody(request: HttpRequest): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Kept open when the bound is passed: the client is still to get its answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return size === 0 ? undefined : Buffer.concat(chunks, size);
}

function tooLarge(): StatusError {
  return new StatusError('RequestEntityTooLarge', `the request body has more than ${MAX_BODY_BYTES} bytes`);
}
