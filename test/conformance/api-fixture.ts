/** The real API server over a real store in memory, and short ways to ask it. Errors come back as answers, as over HTTPS. */

import { type ApiServer, createApiServer } from '../../master/apiserver/api-server.ts';
import type { ApiServerOptions } from '../../master/apiserver/api-server-options.ts';
import { componentUser, GROUP, type UserInfo } from '../../master/apiserver/user-info.ts';
import { openSqliteStore, type SqliteStore } from '../../master/store/sqlite-store.ts';
import { ALL_KINDS } from '../../shared/api/registry.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { seededRandom } from '../../shared/platform/random.ts';
import type { Request, Response } from '../../shared/protocol/exchange.ts';
import { createVirtualClock, type VirtualClock } from '../support/virtual-clock.ts';

export const ACCEPT = {
  table:
    'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json',
  partial: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  aggregated:
    'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json',
} as const;

export const PATCH = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

export const admin: UserInfo = componentUser('admin');

export const VERSION = {
  major: '1',
  minor: '35',
  gitVersion: 'v1.35.0+bramble.test',
  gitCommit: 'none',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'linux/amd64',
};

export function nodeUser(node: string): UserInfo {
  return { name: `system:node:${node}`, uid: '', groups: [GROUP.nodes, GROUP.authenticated], extra: {} };
}

export interface Answer {
  code: number;
  body: Any;
  headers: Readonly<Record<string, string>>;
  contentType: string | undefined;
}

/** An answer's body as `JSON.parse` gives it: a test asks for paths in it, and finds undefined where there is nothing. */
export type Any = ReturnType<typeof JSON.parse>;

export interface AskOptions {
  user?: UserInfo;
  accept?: string;
  contentType?: string;
  body?: unknown;
}

export interface WatchReader {
  /** The next event; undefined when the watch is over. */
  next(): Promise<Any>;
  /** The next `count` events. */
  take(count: number): Promise<Any[]>;
  stop(): Promise<void>;
}

export interface ApiFixture {
  server: ApiServer;
  store: SqliteStore;
  clock: VirtualClock;
  /** `path` may have a query. */
  ask(method: Request['method'], path: string, options?: AskOptions): Promise<Answer>;
  get(path: string, options?: AskOptions): Promise<Answer>;
  post(path: string, body: unknown, options?: AskOptions): Promise<Answer>;
  put(path: string, body: unknown, options?: AskOptions): Promise<Answer>;
  patch(path: string, type: keyof typeof PATCH, body: unknown, options?: AskOptions): Promise<Answer>;
  delete(path: string, body?: unknown, options?: AskOptions): Promise<Answer>;
  watch(path: string, options?: AskOptions): Promise<WatchReader>;
  /** The answer itself, for streams. */
  handle(method: Request['method'], path: string, options?: AskOptions & { signal?: AbortSignal }): Promise<Response>;
  stop(): Promise<void>;
}

export async function startApi(options: Partial<ApiServerOptions> = {}): Promise<ApiFixture> {
  const clock = createVirtualClock();
  const store = await openSqliteStore({ path: ':memory:', clock, logger: silentLogger, schedule: queueMicrotask });
  const base = { store, kinds: ALL_KINDS, clock, random: seededRandom(7), logger: silentLogger, version: VERSION };
  const server = createApiServer({ ...base, ...options });
  await server.start();

  const handle: ApiFixture['handle'] = (method, path, { user = admin, signal, ...rest } = {}) =>
    server.handle(toRequest(method, path, rest, signal), user);
  const ask: ApiFixture['ask'] = async (method, path, rest = {}) => {
    try {
      return await toAnswer(await handle(method, path, rest));
    } catch (error) {
      if (!isStatusError(error)) throw error;
      return { code: error.code, body: error.status, headers: {}, contentType: undefined };
    }
  };
  return {
    server,
    store,
    clock,
    handle,
    ask,
    get: (path, rest) => ask('GET', path, rest),
    post: (path, body, rest) => ask('POST', path, { ...rest, body }),
    put: (path, body, rest) => ask('PUT', path, { ...rest, body }),
    patch: (path, type, body, rest) => ask('PATCH', path, { ...rest, body, contentType: PATCH[type] }),
    delete: (path, body, rest) => ask('DELETE', path, { ...rest, body }),
    async watch(path, rest = {}) {
      const abort = new AbortController();
      const response = await handle('GET', path, { ...rest, signal: abort.signal });
      if (response.type !== 'events') throw new Error(`${path} is no watch`);
      return readerOf(response.events, abort);
    },
    async stop() {
      await server.stop();
      await store.close();
    },
  };
}

function toRequest(
  method: Request['method'],
  path: string,
  { accept, contentType, body }: AskOptions,
  signal: AbortSignal = new AbortController().signal,
): Request {
  const [bare = '', search = ''] = path.split('?');
  const query: Record<string, string[]> = {};
  for (const [name, value] of new URLSearchParams(search)) query[name] = [...(query[name] ?? []), value];
  return {
    method,
    path: bare,
    query,
    headers: { ...(accept ? { accept } : {}), ...(contentType ? { 'content-type': contentType } : {}) },
    ...(body === undefined ? {} : { body: body as JsonObject }),
    signal,
  };
}

async function toAnswer(response: Response): Promise<Answer> {
  switch (response.type) {
    case 'object': {
      const { code, body, headers = {}, contentType } = response;
      // Through JSON, as a client gets it: what is undefined is not there.
      return { code, body: JSON.parse(JSON.stringify(body)), headers, contentType };
    }
    case 'bytes': {
      const chunks: Uint8Array[] = [];
      for await (const chunk of response.chunks) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      return { code: response.code, body, headers: {}, contentType: response.contentType };
    }
    default:
      throw new Error(`the answer is a stream of ${response.type}`);
  }
}

function readerOf(events: AsyncIterable<unknown>, abort: AbortController): WatchReader {
  const iterator = events[Symbol.asyncIterator]();
  const next = async (): Promise<Any> => {
    const result = await iterator.next();
    return result.done ? undefined : result.value;
  };
  return {
    next,
    async take(count) {
      const taken: Any[] = [];
      while (taken.length < count) taken.push(await next());
      return taken;
    },
    async stop() {
      abort.abort();
      await iterator.return?.();
    },
  };
}

export function configMap(name: string, data: Record<string, string> = {}): JsonObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

export function pod(name: string, changes: JsonObject = {}): JsonObject {
  const spec = { containers: [{ name: 'main', image: 'busybox:1.36' }], ...changes };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
}

export function deployment(name: string, changes: JsonObject = {}): JsonObject {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'nginx:1.27' }] } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: { selector: { matchLabels: labels }, template, ...changes },
  };
}

export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
export const PODS = '/api/v1/namespaces/default/pods';
export const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
