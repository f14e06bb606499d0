/**
 * A request value and a response value or stream: what the API server answers, whatever door the request came through.
 * The agent answers the same shapes (logs, exec) to the master. Values are plain, so that a test needs no socket.
 */

export interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute path without query: `/api/v1/namespaces/default/pods`. */
  path: string;
  /** Decoded query parameters; one that is repeated (`command` of exec) has several values. */
  query: Readonly<Record<string, readonly string[]>>;
  /** Lower-case names; only those that mean something here: accept, content-type, user-agent. */
  headers: Readonly<Record<string, string>>;
  /** Bytes as they came over HTTPS, or the JSON value of an envelope or of an in-process caller. */
  body?: Uint8Array | JsonValue;
  /** Aborted when the caller went away; streams end then. */
  signal: AbortSignal;
}

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: unknown };

export type Response = ObjectResponse | EventsResponse | BytesResponse | ChannelsResponse;

/** One JSON body. */
export interface ObjectResponse {
  type: 'object';
  code: number;
  contentType?: string;
  /** Lower-case names; only those that mean something to clients: warning, etag, cache-control. */
  headers?: Readonly<Record<string, string>>;
  body: unknown;
}

/** A stream of JSON values, one a line over HTTPS: a watch. */
export interface EventsResponse {
  type: 'events';
  code: number;
  contentType?: string;
  events: AsyncIterable<unknown>;
}

/** A stream of bytes: logs, or a text such as /metrics. */
export interface BytesResponse {
  type: 'bytes';
  code: number;
  contentType: string;
  chunks: AsyncIterable<Uint8Array>;
}

/** A two-way stream of numbered channels: exec, attach, port-forward. */
export interface ChannelsResponse {
  type: 'channels';
  code: 101;
  /** Takes over the stream; resolves when it is over. Called once, by the door. */
  serve(channels: Channels): Promise<void>;
}

/** Channel numbers of Kubernetes' v5.channel.k8s.io (remotecommand): also used between master and agent. */
export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** `close` half-closes the channel: no more bytes will come on it. */
export type ChannelFrame = { channel: number; bytes: Uint8Array } | { channel: number; close: true };

export interface Channels {
  /** Frames from the peer, in order; ends when the peer is gone. One consumer. */
  readonly incoming: AsyncIterable<ChannelFrame>;
  /** Resolves when the peer has room for more; rejects when it is gone. */
  send(frame: ChannelFrame): Promise<void>;
  /** Idempotent. */
  close(): void;
}

/** Answers a request; rejects with a StatusError, which the door turns into a `Status` body. */
export type Handler = (request: Request) => Promise<Response>;

export function objectResponse(body: unknown, code = 200): ObjectResponse {
  return { type: 'object', code, body };
}

/** First value of a query parameter. */
export function queryValue(request: Pick<Request, 'query'>, name: string): string | undefined {
  return request.query[name]?.[0];
}

/** True for `true`, `1` and the bare parameter, as Kubernetes reads booleans. */
export function queryFlag(request: Pick<Request, 'query'>, name: string): boolean {
  const value = queryValue(request, name);
  return value !== undefined && value !== 'false' && value !== '0';
}
