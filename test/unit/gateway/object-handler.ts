/** A handler that keeps objects by path: get, list, watch, create, replace, delete. Enough of an API for the gateway. */
import { alreadyExists, conflict, notFound } from '../../../shared/machinery/errors.ts';
import {
  type Handler,
  objectResponse,
  queryFlag,
  queryValue,
  type Request,
} from '../../../shared/protocol/exchange.ts';

interface Stored {
  metadata: { name: string; uid: string; resourceVersion: string; [key: string]: unknown };
  [key: string]: unknown;
}

export interface ObjectHandler {
  handler: Handler;
  /** Puts an object without a request: what somebody else did. */
  put(collection: string, object: { metadata: { name: string } }): void;
  remove(path: string): void;
  get(path: string): Stored | undefined;
  /** Methods and paths of writing requests, in order. */
  readonly writes: string[];
}

interface Change {
  revision: number;
  path: string;
  event: unknown;
}

interface Watcher {
  collection: string;
  push(event: unknown): void;
}

export function createObjectHandler(): ObjectHandler {
  const objects = new Map<string, Stored>();
  const watchers = new Set<Watcher>();
  const history: Change[] = [];
  const writes: string[] = [];
  let revision = 1;

  const store = (path: string, value: Record<string, unknown>, type: string): Stored => {
    revision += 1;
    const metadata = { uid: `uid-${revision}`, ...asRecord(value['metadata']), resourceVersion: String(revision) };
    const stored = { ...value, metadata: { name: nameOf(path), ...metadata } };
    objects.set(path, stored);
    notify({ revision, path, event: { type, object: stored } });
    return stored;
  };
  const notify = (change: Change): void => {
    history.push(change);
    for (const { collection, push } of watchers) if (change.path.startsWith(`${collection}/`)) push(change.event);
  };
  const remove = (path: string): void => {
    const object = objects.get(path);
    if (object === undefined) return;
    revision += 1;
    objects.delete(path);
    const metadata = { ...object.metadata, resourceVersion: String(revision) };
    notify({ revision, path, event: { type: 'DELETED', object: { ...object, metadata } } });
  };
  const missing = (path: string) => notFound({ group: '', plural: path.split('/').at(-2) ?? '' }, nameOf(path));

  const handler: Handler = async (request: Request) => {
    const { method, path } = request;
    if (method !== 'GET') writes.push(`${method} ${path}`);
    const known = objects.get(path);
    switch (method) {
      case 'GET': {
        if (known !== undefined) return objectResponse(known);
        if (queryFlag(request, 'watch'))
          return { type: 'events', code: 200, events: watch(watchers, history, request) };
        const items = [...objects].filter(([key]) => key.startsWith(`${path}/`)).map(([, object]) => object);
        if (isCollection(path)) return objectResponse({ metadata: { resourceVersion: String(revision) }, items });
        throw missing(path);
      }
      case 'POST': {
        const body = asRecord(request.body);
        const target = `${path}/${String(asRecord(body['metadata'])['name'])}`;
        if (objects.has(target)) throw alreadyExists({ group: '', plural: '' }, nameOf(target));
        return objectResponse(store(target, body, 'ADDED'), 201);
      }
      case 'DELETE':
        if (known === undefined) throw missing(path);
        remove(path);
        return objectResponse(known);
      default: {
        const body = asRecord(request.body);
        const wanted = asRecord(body['metadata'])['resourceVersion'];
        if (known === undefined) throw missing(path);
        if (wanted !== known.metadata.resourceVersion) throw conflict({ group: '', plural: '' }, nameOf(path), 'stale');
        return objectResponse(store(path, body, 'MODIFIED'));
      }
    }
  };
  return {
    handler,
    put: (collection, object) => {
      const path = `${collection}/${object.metadata.name}`;
      store(path, { ...object }, objects.has(path) ? 'MODIFIED' : 'ADDED');
    },
    remove,
    get: (path) => objects.get(path),
    writes,
  };
}

/** Collections end in a plural. */
function isCollection(path: string): boolean {
  return /\/(nodes|leases|secrets|pods|serviceaccounts)$/.test(path);
}

function nameOf(path: string): string {
  return path.split('/').at(-1) ?? '';
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

async function* watch(watchers: Set<Watcher>, history: readonly Change[], request: Request): AsyncGenerator<unknown> {
  const { path: collection, signal } = request;
  const after = Number(queryValue(request, 'resourceVersion') ?? 0);
  const past = history.filter(({ revision, path }) => revision > after && path.startsWith(`${collection}/`));
  const queue = past.map(({ event }) => event);
  let news = Promise.withResolvers<void>();
  const watcher: Watcher = {
    collection,
    push(event) {
      queue.push(event);
      news.resolve();
    },
  };
  watchers.add(watcher);
  signal.addEventListener('abort', () => news.resolve());
  while (!signal.aborted) {
    yield* queue.splice(0);
    await news.promise;
    news = Promise.withResolvers<void>();
  }
  watchers.delete(watcher);
}
