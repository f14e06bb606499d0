/** Response values as HTTP answers, of either version. A stream goes on only as fast as the client reads. */
import type { EventEmitter } from 'node:events';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { type Status, StatusError, toStatus } from '../../../shared/machinery/errors.ts';
import { unreachable } from '../../../shared/platform/assert.ts';
import type { ObjectResponse, Response } from '../../../shared/protocol/exchange.ts';

/** What ServerResponse and Http2ServerResponse have in common; their own declarations do not fit each other. */
export interface HttpResponse extends EventEmitter {
  readonly headersSent: boolean;
  writeHead(code: number, headers: HttpHeaders): unknown;
  /** Both have it; the types of HTTP/2 leave it out. */
  flushHeaders?(): void;
  /** False: wait for `drain`. */
  write(chunk: Uint8Array): boolean;
  end(chunk?: string | Uint8Array): unknown;
  destroy(): unknown;
}

/** Smaller bodies are not worth the time; the figure is Kubernetes' own. */
export const GZIP_MIN_BYTES = 128 * 1024;

const JSON_TYPE = 'application/json';
const compress = promisify(gzip);

type HttpHeaders = Record<string, string | number>;

export interface WriteOptions {
  /** Accept-Encoding of the request. */
  acceptEncoding: string;
  /** Aborted when the client is gone. */
  signal: AbortSignal;
}

/** Resolves when everything is handed to the socket, or the client is gone. */
export async function writeResponse(http: HttpResponse, response: Response, options: WriteOptions): Promise<void> {
  switch (response.type) {
    case 'object':
      return writeObject(http, response, options);
    case 'events':
      startStream(http, response.code, response.contentType ?? JSON_TYPE);
      return writeChunks(http, encodeEvents(response.events), options.signal);
    case 'bytes':
      startStream(http, response.code, response.contentType);
      return writeChunks(http, response.chunks, options.signal);
    case 'channels':
      throw new StatusError('BadRequest', 'this path speaks WebSocket only: send Connection: Upgrade');
    default:
      unreachable(response);
  }
}

/** Nothing is written when an answer has begun: the connection is closed instead, so that nobody takes it for whole. */
export function writeError(http: HttpResponse, error: unknown): void {
  if (http.headersSent) {
    http.destroy();
    return;
  }
  const status = toStatus(error);
  const text = encodeBody(status);
  http.writeHead(status.code ?? 500, {
    'content-type': JSON_TYPE,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
    ...retryAfter(status),
  });
  http.end(text);
}

export function retryAfter(status: Status): Record<string, string> {
  const seconds = status.details?.retryAfterSeconds;
  return seconds === undefined ? {} : { 'retry-after': String(seconds) };
}

/** Kubernetes ends each JSON body with a newline, and clients compare bytes. */
export function encodeBody(body: unknown): string {
  return `${JSON.stringify(body)}\n`;
}

async function writeObject(http: HttpResponse, response: ObjectResponse, options: WriteOptions): Promise<void> {
  const { code, contentType = JSON_TYPE, headers, body } = response;
  const isText = typeof body === 'string' && !contentType.startsWith(JSON_TYPE);
  const plain = Buffer.from(isText ? body : encodeBody(body));
  const isZipped = plain.byteLength >= GZIP_MIN_BYTES && /\bgzip\b/.test(options.acceptEncoding);
  const bytes = isZipped ? await compress(plain, { level: constants.Z_BEST_SPEED }) : plain;
  if (options.signal.aborted) return;
  const all: HttpHeaders = {
    'content-type': contentType,
    'content-length': bytes.byteLength,
    'cache-control': 'no-cache, private',
    vary: 'accept-encoding',
    ...(isZipped ? { 'content-encoding': 'gzip' } : {}),
    ...headers,
  };
  http.writeHead(code, all);
  http.end(bytes);
}

function startStream(http: HttpResponse, code: number, contentType: string): void {
  http.writeHead(code, { 'content-type': contentType, 'cache-control': 'no-cache, private' });
  // The client goes on when it sees the headers; the first event may be far off.
  http.flushHeaders?.();
}

/** One JSON value a line. What fails on the way is told as a watch's own ERROR event. */
async function* encodeEvents(events: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  try {
    for await (const event of events) yield Buffer.from(encodeBody(event));
  } catch (error) {
    yield Buffer.from(encodeBody({ type: 'ERROR', object: toStatus(error) }));
    if (!(error instanceof StatusError)) throw error;
  }
}

async function writeChunks(http: HttpResponse, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  for await (const chunk of chunks) {
    if (signal.aborted) return;
    if (!http.write(chunk)) await drained(http, signal);
  }
  if (!signal.aborted) http.end();
}

function drained(http: HttpResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      http.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    http.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
