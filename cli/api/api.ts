/** Requests as the commands need them: one JSON object, a stream of events, a stream of bytes. Errors are StatusErrors. */
import { fromStatus, internalError, type Status } from '../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/machinery/json.ts';
import type { ChannelsResponse, Handler, JsonValue, Request, Response } from '../../shared/protocol/exchange.ts';

export interface ApiCall {
  method?: Request['method'];
  path: string;
  query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  accept?: string;
  contentType?: string;
  body?: JsonValue;
}

/** What the server prints for people. Source: Kubernetes API concepts, "Receiving resources as Tables". */
export const TABLE_ACCEPT = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export interface Api {
  object(call: ApiCall): Promise<JsonObject>;
  events(call: ApiCall): Promise<AsyncIterable<unknown>>;
  bytes(call: ApiCall): Promise<AsyncIterable<Uint8Array>>;
  /** Resolves with what takes over the stream, once. */
  channels(call: ApiCall): Promise<ChannelsResponse['serve']>;
}

/** Every call ends when `signal` aborts. */
export function createApi(handler: Handler, signal: AbortSignal): Api {
  const send = async (call: ApiCall): Promise<Response> => {
    const response = await handler(renderRequest(call, signal));
    if (response.type === 'object' && response.code >= 400) throw statusError(response.body);
    return response;
  };
  return {
    async object(call) {
      const response = await send(call);
      if (response.type !== 'object' || !isJsonObject(response.body)) throw unexpected(call, 'an object');
      return response.body;
    },
    async events(call) {
      const response = await send(call);
      if (response.type !== 'events') throw unexpected(call, 'events');
      return response.events;
    },
    async bytes(call) {
      const response = await send(call);
      if (response.type !== 'bytes') throw unexpected(call, 'bytes');
      return response.chunks;
    },
    async channels(call) {
      const response = await send(call);
      if (response.type !== 'channels') throw unexpected(call, 'channels');
      return response.serve;
    },
  };
}

function renderRequest(call: ApiCall, signal: AbortSignal): Request {
  const query: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) query[name] = typeof value === 'string' ? [value] : value;
  }
  return {
    method: call.method ?? 'GET',
    path: call.path,
    query,
    headers: {
      accept: call.accept ?? 'application/json',
      'user-agent': 'bramble',
      ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
    },
    ...(call.body === undefined ? {} : { body: call.body }),
    signal,
  };
}

function statusError(body: unknown): Error {
  return isStatus(body) ? fromStatus(body) : internalError('the master sent an error without saying which');
}

function isStatus(body: unknown): body is Status {
  return isJsonObject(body) && body['kind'] === 'Status';
}

function unexpected(call: ApiCall, wanted: string): Error {
  return internalError(`${call.path} did not answer with ${wanted}`);
}
