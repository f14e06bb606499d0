/**
 * Client over any Handler. This is the edge: bodies that come back are checked for their shape as API objects and are then
 * believed to be of the kind that was asked for; the server has validated them.
 */
import { badRequest, fromStatus, internalError, type Status } from '../machinery/errors.ts';
import type { Handler, JsonValue, Request, Response } from '../protocol/exchange.ts';
import { apiVersionOf } from '../schema/define-kind.ts';
import type { KubernetesObject } from '../schema/object-meta.ts';
import type { Client, KindRef, List, ListOptions, ObjectKey, Patch, WatchEvent } from './client.ts';

const PATCH_CONTENT_TYPES: Record<Patch['type'], string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

type Query = Record<string, readonly string[]>;

interface Call {
  method: Request['method'];
  path: string;
  query?: Query;
  contentType?: string;
  body?: JsonValue;
  signal?: AbortSignal;
}

export function createClient(handler: Handler): Client {
  const call = async ({ method, path, query = {}, contentType, body, signal }: Call): Promise<Response> =>
    handler({
      method,
      path,
      query,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': contentType ?? JSON_TYPE }),
      },
      ...(body === undefined ? {} : { body }),
      signal: signal ?? NEVER,
    });
  const callForObject = async <T extends KubernetesObject>(request: Call): Promise<T> =>
    expectObject<T>(bodyOf(await call(request)));

  return {
    get: (kind, key) => callForObject({ method: 'GET', path: objectPath(kind, key) }),
    async list<T extends KubernetesObject>(kind: KindRef<T>, options: ListOptions = {}) {
      const path = collectionPath(kind, options.namespace);
      return expectList<T>(bodyOf(await call({ method: 'GET', path, query: listQuery(options) })), kind);
    },
    async *watch<T extends KubernetesObject>(kind: KindRef<T>, options: ListOptions & { signal: AbortSignal }) {
      const query = { ...listQuery(options), watch: ['true'], allowWatchBookmarks: ['true'] };
      const path = collectionPath(kind, options.namespace);
      const response = await call({ method: 'GET', path, query, signal: options.signal });
      if (response.type !== 'events') throw unexpected(bodyOf(response));
      for await (const event of response.events) yield expectEvent<T>(event);
    },
    create: (kind, object) => {
      const path = collectionPath(kind, object.metadata.namespace);
      return callForObject({
        method: 'POST',
        path,
        body: { apiVersion: apiVersionOf(kind), kind: kind.kind, ...object },
      });
    },
    update: (kind, object, subresource) =>
      callForObject({ method: 'PUT', path: objectPath(kind, object.metadata, subresource), body: asBody(object) }),
    patch: (kind, key, patch) =>
      callForObject({
        method: 'PATCH',
        path: objectPath(kind, key, patch.subresource),
        query: patch.fieldManager === undefined ? {} : { fieldManager: [patch.fieldManager] },
        contentType: PATCH_CONTENT_TYPES[patch.type],
        body: patch.body,
      }),
    async delete(kind, key, options) {
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', ...options };
      bodyOf(await call({ method: 'DELETE', path: objectPath(kind, key), body }));
    },
    post: async (kind, key, subresource, body) =>
      bodyOf(await call({ method: 'POST', path: objectPath(kind, key, subresource), body })),
  };
}

const EMPTY_FAILURE: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' };
const JSON_TYPE = 'application/json';
/** A signal that nobody aborts: unary calls end by the handler's own time-out. */
const NEVER = new AbortController().signal;

/** `/api/v1/namespaces/default/pods`, `/apis/apps/v1/deployments`. */
export function collectionPath<T extends KubernetesObject>(kind: KindRef<T>, namespace?: string): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope = kind.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${scope}/${kind.plural}`;
}

export function objectPath<T extends KubernetesObject>(kind: KindRef<T>, key: ObjectKey, subresource?: string): string {
  if (key.name === '') throw badRequest(`a ${kind.kind} needs a name`);
  const path = `${collectionPath(kind, key.namespace)}/${encodeURIComponent(key.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

function listQuery(options: ListOptions): Query {
  const { namespace: _, ...rest } = options;
  const query: Record<string, readonly string[]> = {};
  for (const name of ['labelSelector', 'fieldSelector', 'resourceVersion', 'limit', 'continue'] as const) {
    const value = rest[name];
    if (value !== undefined) query[name] = [String(value)];
  }
  return query;
}

function asBody(object: object): JsonValue {
  return { ...object };
}

function bodyOf(response: Response): unknown {
  if (response.type !== 'object') throw internalError(`expected one object, got a stream of ${response.type}`);
  if (response.code >= 400) throw unexpected(response.body);
  return response.body;
}

function unexpected(body: unknown): Error {
  return isRecord(body) && body['kind'] === 'Status' ? fromStatus(asStatus(body)) : internalError('not an API answer');
}

function asStatus(body: Record<string, unknown>): Status {
  return { ...EMPTY_FAILURE, ...body };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function expectObject<T extends KubernetesObject>(body: unknown): T {
  if (!isRecord(body) || !isRecord(body['metadata'])) throw internalError('the answer is not an API object');
  return body as Record<string, unknown> & T;
}

function expectList<T extends KubernetesObject>(body: unknown, kind: KindRef<T>): List<T> {
  if (!isRecord(body) || !isRecord(body['metadata']) || !Array.isArray(body['items'])) {
    throw internalError(`the answer is not a list of ${kind.plural}`);
  }
  const metadata = { ...body['metadata'], resourceVersion: String(body['metadata']['resourceVersion'] ?? '') };
  return { metadata, items: body['items'].map((item) => expectObject<T>(item)) };
}

function expectEvent<T extends KubernetesObject>(event: unknown): WatchEvent<T> {
  if (!isRecord(event)) throw internalError('the watch sent something that is no event');
  const { type, object } = event;
  if (type === 'ERROR') throw unexpected(object);
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object: expectObject<T>(object) };
  if (type === 'BOOKMARK' && isRecord(object) && isRecord(object['metadata'])) {
    return { type, object: { metadata: { resourceVersion: String(object['metadata']['resourceVersion']) } } };
  }
  throw internalError(`the watch sent an event of the unknown type ${String(type)}`);
}
