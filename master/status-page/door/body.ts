/** The body of a request as a JSON object, bounded. */
import type { IncomingMessage } from 'node:http';
import { badRequest, StatusError } from '../../../shared/machinery/errors.ts';
import { isJsonObject, type JsonObject } from '../../../shared/machinery/json.ts';

export const MAX_BODY_BYTES = 16 * 1024;

/** Rejects with a StatusError. */
export async function readJson(request: IncomingMessage): Promise<JsonObject> {
  // A form of another site can send texts, never this type.
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    throw new StatusError('UnsupportedMediaType', 'send application/json');
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new StatusError('RequestEntityTooLarge', `at most ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return parse(Buffer.concat(chunks).toString('utf8'));
}

function parse(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // Said below.
  }
  throw badRequest('the body must be a JSON object');
}
