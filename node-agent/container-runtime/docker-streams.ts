/**
 * Docker's byte streams as async iterables. Nothing is buffered beyond one frame header: whoever reads slowly slows the
 * engine down. Source: Docker Engine API, ContainerAttach, "Stream format".
 */
import type { LogChunk } from './runtime.ts';

const HEADER_BYTES = 8;

/** Splits the multiplexed stream of a container without a terminal: [stream, 0, 0, 0, size (4 bytes, big endian)] payload. */
export async function* demultiplex(source: AsyncIterable<Uint8Array>): AsyncGenerator<LogChunk> {
  const header = Buffer.alloc(HEADER_BYTES);
  let headerFill = 0;
  let remaining = 0;
  for await (const chunk of source) {
    let offset = 0;
    while (offset < chunk.length) {
      if (remaining === 0) {
        const taken = Math.min(HEADER_BYTES - headerFill, chunk.length - offset);
        header.set(chunk.subarray(offset, offset + taken), headerFill);
        headerFill += taken;
        offset += taken;
        if (headerFill < HEADER_BYTES) continue;
        remaining = header.readUInt32BE(4);
        headerFill = 0;
        continue;
      }
      const bytes = chunk.subarray(offset, offset + remaining);
      offset += bytes.length;
      remaining -= bytes.length;
      yield { stream: header[0] === 2 ? 'stderr' : 'stdout', bytes };
    }
  }
}

/** A terminal has one output, without frames. */
export async function* plainOutput(source: AsyncIterable<Uint8Array>): AsyncGenerator<LogChunk> {
  for await (const bytes of source) yield { stream: 'stdout', bytes };
}

/** Longest line of a JSON stream; the engine's own are a few kilobytes. */
const MAX_LINE_CHARS = 1024 * 1024;

/** The values of a stream with one JSON value a line; what is no JSON is left out. */
export async function* jsonLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const bytes of source) {
    pending += decoder.decode(bytes, { stream: true });
    const lines = pending.split('\n');
    pending = (lines.pop() ?? '').slice(0, MAX_LINE_CHARS);
    for (const line of lines) yield* parseLine(line);
  }
  yield* parseLine(pending);
}

function* parseLine(line: string): Generator<unknown> {
  if (line.trim() === '') return;
  try {
    yield JSON.parse(line);
  } catch {
    // A line cut off by the engine's restart carries nothing to act on.
  }
}
