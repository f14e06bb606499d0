/**
 * From the body of a request to a JSON value that belongs to the callee. Bytes are decoded by their content type; values of
 * in-process callers are copied, because callers may share them with others.
 */
import { isAlias, LineCounter, parseDocument, visit } from 'yaml';
import { badRequest, StatusError } from '../../../shared/machinery/errors.ts';
import { cloneJson, isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';
import type { Request } from '../../../shared/protocol/exchange.ts';
import { MEDIA_TYPE, parseMediaType } from './media-type.ts';

/** Kubernetes' limit of a request body; larger ones are refused before they are decoded. */
export const MAX_REQUEST_BODY_BYTES = 3 * 1024 * 1024;

/** Values nested deeper than this are refused: no kind comes near it, and every walker may recurse. */
const MAX_NESTING = 200;

export type ProtobufDecoder = (bytes: Uint8Array) => unknown;

export interface DecodedBody {
  value: unknown;
  /** Media type that decided how the body was read; patches need it. */
  type: string;
}

/** Content types of objects; patches have their own. */
export const OBJECT_TYPES: readonly string[] = [MEDIA_TYPE.json, MEDIA_TYPE.yaml, MEDIA_TYPE.protobuf];

export const PATCH_TYPES: readonly string[] = [
  MEDIA_TYPE.jsonPatch,
  MEDIA_TYPE.mergePatch,
  MEDIA_TYPE.strategicMergePatch,
  MEDIA_TYPE.applyPatch,
];

/** `accepted` is the closed list of content types that the endpoint takes; its first is meant when the header is missing. */
export function decodeBody(
  request: Pick<Request, 'body' | 'headers'>,
  accepted: readonly string[],
  decodeProtobuf: ProtobufDecoder,
): DecodedBody {
  const type = contentTypeOf(request.headers['content-type'], accepted);
  const { body } = request;
  if (body === undefined) return { value: undefined, type };
  if (!(body instanceof Uint8Array)) return { value: copyValue(body), type };
  if (body.byteLength > MAX_REQUEST_BODY_BYTES) throw tooLarge();
  return { value: body.byteLength === 0 ? undefined : decodeBytes(body, type, decodeProtobuf), type };
}

export function expectRecord(value: unknown): JsonObject {
  if (isJsonObject(value)) return value;
  throw badRequest(value === undefined ? 'the request has no body' : 'the body of the request is not an object');
}

function contentTypeOf(header: string | undefined, accepted: readonly string[]): string {
  const type = parseMediaType(header ?? '').type || (accepted[0] ?? '');
  // A patch of unknown kind must not be guessed; for objects some clients (python) send */*.
  if (accepted.includes(type)) return type;
  if (type === '*/*' && accepted === OBJECT_TYPES) return MEDIA_TYPE.json;
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  throw new StatusError('UnsupportedMediaType', message);
}

function tooLarge(): StatusError {
  return new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${MAX_REQUEST_BODY_BYTES}`);
}

function copyValue(value: unknown): unknown {
  assertNesting(value, MAX_NESTING);
  return cloneJson(value);
}

function decodeBytes(bytes: Uint8Array, type: string, decodeProtobuf: ProtobufDecoder): unknown {
  if (type === MEDIA_TYPE.protobuf) return decodeProtobuf(bytes);
  const text = decodeUtf8(bytes);
  const value = isYaml(type) ? parseYaml(text) : parseJson(text);
  assertNesting(value, MAX_NESTING);
  return value;
}

function isYaml(type: string): boolean {
  return type === MEDIA_TYPE.yaml || type === MEDIA_TYPE.applyPatch;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw badRequest('the body of the request is not valid UTF-8');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`the body of the request is not valid JSON: ${messageOf(error)}`);
  }
}

/** YAML 1.2 as a superset of JSON; aliases are refused, because a few bytes of them can mean gigabytes. */
function parseYaml(text: string): unknown {
  const document = parseDocument(text, { lineCounter: new LineCounter(), uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) throw badRequest(`the body of the request is not valid YAML: ${error.message}`);
  visit(document, (_key, node) => {
    if (isAlias(node)) throw badRequest('the body of the request uses YAML aliases, which are not supported');
  });
  return document.toJS();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function assertNesting(value: unknown, left: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (left === 0) throw badRequest(`the body of the request is nested deeper than ${MAX_NESTING} levels`);
  for (const child of Object.values(value)) assertNesting(child, left - 1);
}
