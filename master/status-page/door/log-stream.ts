/**
 * The log of one container over a WebSocket, as it is written. The next piece is taken from the agent when the last one has
 * left for the page: nothing is buffered here, and a page that takes nothing for a while is dropped.
 */
import type { WebSocket } from 'ws';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Handler } from '../../../shared/protocol/exchange.ts';
import { MAX_STALL_MS } from '../live/reader.ts';

export interface LogQuery {
  namespace: string;
  pod: string;
  container: string;
  previous: boolean;
}

/** Lines of the past that are shown first. */
export const TAIL_LINES = 500;

/** One line may be as long as a file: a message holds no more than this. */
const MAX_MESSAGE_BYTES = 64 * 1024;

export function parseLogQuery(url: URL): LogQuery | undefined {
  const query = {
    namespace: url.searchParams.get('namespace') ?? '',
    pod: url.searchParams.get('pod') ?? '',
    container: url.searchParams.get('container') ?? '',
    previous: url.searchParams.get('previous') === 'true',
  };
  return query.namespace === '' || query.pod === '' ? undefined : query;
}

/** Resolves when the log or the page has ended; the page is told why. */
export async function streamLog(
  socket: WebSocket,
  handler: Handler,
  { query, clock }: { query: LogQuery; clock: Clock },
): Promise<void> {
  const abort = new AbortController();
  socket.on('close', () => abort.abort());
  try {
    const chunks = await openLog(handler, query, abort.signal);
    const decoder = new TextDecoder();
    for await (const chunk of chunks) {
      for (let start = 0; start < chunk.length; start += MAX_MESSAGE_BYTES) {
        const text = decoder.decode(chunk.subarray(start, start + MAX_MESSAGE_BYTES), { stream: true });
        await send(socket, clock, { type: 'text', text });
      }
    }
    await send(socket, clock, { type: 'end', reason: 'The container has ended.' });
  } catch (error) {
    if (abort.signal.aborted) return;
    const reason = isStatusError(error) ? error.message : 'The log cannot be read now.';
    await send(socket, clock, { type: 'end', reason }).catch(() => undefined);
  } finally {
    abort.abort();
    socket.close();
  }
}

async function openLog(handler: Handler, query: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const { namespace, pod, container, previous } = query;
  const response = await handler({
    method: 'GET',
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log`,
    query: {
      ...(previous ? { previous: ['true'] } : { follow: ['true'] }),
      ...(container === '' ? {} : { container: [container] }),
      tailLines: [String(TAIL_LINES)],
      timestamps: ['true'],
    },
    headers: { accept: '*/*' },
    signal,
  });
  if (response.type === 'bytes') return response.chunks;
  return oneText(response.type === 'object' && typeof response.body === 'string' ? response.body : '');
}

async function* oneText(text: string): AsyncIterable<Uint8Array> {
  yield new TextEncoder().encode(text);
}

function send(socket: WebSocket, clock: Clock, message: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(MAX_STALL_MS, () => socket.terminate());
    socket.send(JSON.stringify(message), (error) => {
      timer.cancel();
      if (error) reject(error);
      else resolve();
    });
  });
}
