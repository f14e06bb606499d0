/** Answers that are text and not API objects: health, metrics, YAML. */
import type { BytesResponse } from '../../../shared/protocol/exchange.ts';

const ENCODER = new TextEncoder();

export function textResponse(text: string, code = 200, contentType = 'text/plain; charset=utf-8'): BytesResponse {
  return { type: 'bytes', code, contentType, chunks: oneChunk(ENCODER.encode(text)) };
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
