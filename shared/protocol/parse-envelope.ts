/** Reads frames from bytes that anybody may have sent. Unknown members are ignored, so that later versions can add some. */
import type { Status } from '../machinery/errors.ts';
import {
  type ClientFrame,
  type EndFrame,
  EnvelopeError,
  type RequestFrame,
  type ServerFrame,
  type ServerItem,
  type StreamFrame,
  type StreamKind,
} from './envelope.ts';
import type { JsonValue, Request } from './exchange.ts';
import { MAX_ENVELOPE_BYTES, MAX_ID_CHARS } from './limits.ts';

type Fields = Readonly<Record<string, unknown>>;

const METHODS: readonly Request['method'][] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const STREAM_KINDS: readonly StreamKind[] = ['events', 'bytes', 'channels', 'object'];

/** Channel numbers fit one byte, as in Kubernetes' channel protocols. */
const MAX_CHANNEL = 255;

/** Throws EnvelopeError. */
export function parseClientFrame(payload: Uint8Array): ClientFrame {
  const fields = parseFields(payload);
  const id = readId(fields);
  return withId(id, () => {
    switch (fields['type'] ?? 'request') {
      case 'request':
        return parseRequest(id, fields);
      case 'item':
        return { type: 'item', id, seq: readCount(fields, 'seq'), ...parseChannelItem(fields) };
      case 'credit':
        return { type: 'credit', id, upTo: readCount(fields, 'upTo'), probe: fields['probe'] === true };
      case 'cancel':
        return { type: 'cancel', id };
      default:
        throw malformed('type must be one of request, item, credit, cancel');
    }
  });
}

/** Throws EnvelopeError. */
export function parseServerFrame(payload: Uint8Array): ServerFrame {
  const fields = parseFields(payload);
  const id = readId(fields);
  return withId(id, () => {
    switch (fields['type']) {
      case 'response':
        return { type: 'response', id, ...parseHead(fields), body: fields['body'] };
      case 'stream':
        return parseStream(id, fields);
      case 'item':
        return { type: 'item', id, seq: readCount(fields, 'seq'), ...parseServerItem(fields) };
      case 'credit':
        return { type: 'credit', id, upTo: readCount(fields, 'upTo') };
      case 'position':
        return { type: 'position', id, seq: readCount(fields, 'seq'), ...optionalCount(fields, 'upTo') };
      case 'end':
        return parseEnd(id, fields);
      default:
        throw malformed('type must be one of response, stream, item, credit, position, end');
    }
  });
}

function parseFields(payload: Uint8Array): Fields {
  if (payload.byteLength > MAX_ENVELOPE_BYTES) {
    throw new EnvelopeError('too-large', `an envelope may have ${MAX_ENVELOPE_BYTES} bytes, not ${payload.byteLength}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'));
  } catch {
    throw malformed('an envelope is one JSON object');
  }
  if (!isFields(value)) throw malformed('an envelope is one JSON object');
  return value;
}

function readId(fields: Fields): string {
  const id = fields['id'];
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID_CHARS) {
    throw malformed(`id must be a string of 1 to ${MAX_ID_CHARS} characters`);
  }
  return id;
}

/** Errors below name the frame, so that its sender can be answered. */
function withId<T>(id: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof EnvelopeError ? new EnvelopeError(error.reason, error.message, id) : error;
  }
}

function parseRequest(id: string, fields: Fields): RequestFrame {
  const method = METHODS.find((known) => known === fields['method']);
  if (method === undefined) throw malformed(`method must be one of ${METHODS.join(', ')}`);
  if (fields['body'] !== undefined && fields['bodyBase64'] !== undefined) {
    throw malformed('a request has body or bodyBase64, not both');
  }
  const { path, query } = parsePath(fields['path']);
  return {
    type: 'request',
    id,
    method,
    path,
    query: { ...query, ...parseQuery(fields['query']) },
    headers: parseHeaders(fields['headers']),
    ...(isJsonValue(fields['body']) ? { body: fields['body'] } : {}),
    ...(fields['bodyBase64'] === undefined ? {} : { bodyBase64: readString(fields, 'bodyBase64') }),
    ...optionalCount(fields, 'window'),
  };
}

/** `/api/v1/pods?labelSelector=app%3Dweb` works too: it is what people copy from documentation. */
function parsePath(value: unknown): { path: string; query: Record<string, string[]> } {
  if (typeof value !== 'string' || !value.startsWith('/')) throw malformed('path must be a string that starts with /');
  const mark = value.indexOf('?');
  if (mark < 0) return { path: value, query: {} };
  return { path: value.slice(0, mark), query: parseQueryString(value.slice(mark + 1)) };
}

/** Repeated parameters keep their order: `command=ls&command=-l`. */
export function parseQueryString(text: string): Record<string, string[]> {
  const query = new Map<string, string[]>();
  for (const [name, one] of new URLSearchParams(text)) {
    const values = query.get(name);
    if (values === undefined) query.set(name, [one]);
    else values.push(one);
  }
  return Object.fromEntries(query);
}

function parseQuery(value: unknown): Record<string, string[]> {
  if (value === undefined) return {};
  if (!isFields(value)) throw malformed('query must map names to strings or lists of strings');
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, parseQueryValues(one)]));
}

function parseQueryValues(value: unknown): string[] {
  const values = Array.isArray(value) ? value : [value];
  return values.map((one) => {
    if (typeof one === 'string') return one;
    if (typeof one === 'number' || typeof one === 'boolean') return String(one);
    throw malformed('query must map names to strings or lists of strings');
  });
}

function parseHeaders(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isFields(value)) throw malformed('headers must map names to strings');
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => {
      if (typeof one !== 'string') throw malformed('headers must map names to strings');
      return [name.toLowerCase(), one];
    }),
  );
}

function parseHead(fields: Fields): Pick<StreamFrame, 'code' | 'contentType' | 'headers'> {
  return {
    code: readCount(fields, 'code'),
    ...(fields['contentType'] === undefined ? {} : { contentType: readString(fields, 'contentType') }),
    ...(fields['headers'] === undefined ? {} : { headers: parseHeaders(fields['headers']) }),
  };
}

function parseStream(id: string, fields: Fields): StreamFrame {
  const stream = STREAM_KINDS.find((known) => known === fields['stream']);
  if (stream === undefined) throw malformed(`stream must be one of ${STREAM_KINDS.join(', ')}`);
  return { type: 'stream', id, stream, ...parseHead(fields), ...optionalCount(fields, 'window') };
}

function parseServerItem(fields: Fields): ServerItem {
  if (fields['channel'] !== undefined) return parseChannelItem(fields);
  if ('event' in fields) return { event: fields['event'] };
  return { data: readString(fields, 'data') };
}

function parseChannelItem(fields: Fields): { channel: number; data: string } | { channel: number; close: true } {
  const channel = readCount(fields, 'channel');
  if (channel > MAX_CHANNEL) throw malformed(`channel must be at most ${MAX_CHANNEL}`);
  return fields['close'] === true ? { channel, close: true } : { channel, data: readString(fields, 'data') };
}

function parseEnd(id: string, fields: Fields): EndFrame {
  const status = fields['status'];
  return { type: 'end', id, ...optionalCount(fields, 'seq'), ...(isStatus(status) ? { status } : {}) };
}

function isStatus(value: unknown): value is Status {
  return isFields(value) && value['kind'] === 'Status' && typeof (value['message'] ?? '') === 'string';
}

function optionalCount<const Name extends string>(fields: Fields, name: Name): Partial<Record<Name, number>> {
  const entry: Partial<Record<Name, number>> = {};
  if (fields[name] !== undefined) entry[name] = readCount(fields, name);
  return entry;
}

function readCount(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw malformed(`${name} must be a whole number, 0 or more`);
  }
  return value;
}

function readString(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw malformed(`${name} must be a string`);
  return value;
}

/** Whatever JSON.parse made is a JSON value; only its absence is not. */
function isJsonValue(value: unknown): value is JsonValue {
  return value !== undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): EnvelopeError {
  return new EnvelopeError('malformed', message);
}
