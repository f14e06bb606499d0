/**
 * The `continue` token of a paged list: the revision of its first page and where to go on. Opaque to clients; the key in it
 * is relative to the list's own prefix, so that a forged token reads nothing that the list would not.
 */
import { badRequest } from '../../../shared/machinery/errors.ts';
import { isJsonObject } from '../../../shared/machinery/json.ts';

export interface ContinueToken {
  revision: number;
  /** Key after which to go on, without the list's prefix. */
  startAfter: string;
}

const VERSION = 'bramble/v1';

/** Longest token that is decoded. */
const MAX_TOKEN_CHARS = 4096;

export function encodeContinue({ revision, startAfter }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: VERSION, rv: revision, start: startAfter })).toString('base64url');
}

/** Throws BadRequest. */
export function decodeContinue(text: string): ContinueToken {
  const value = text.length > MAX_TOKEN_CHARS ? undefined : parseJson(Buffer.from(text, 'base64url').toString());
  if (!isJsonObject(value) || value['v'] !== VERSION) throw invalidToken();
  const { rv, start } = value;
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv < 0 || typeof start !== 'string') throw invalidToken();
  return { revision: rv, startAfter: start };
}

function invalidToken(): Error {
  return badRequest('continue key is not valid: it was not made by this server');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
