/** `GET /containerLogs/{namespace}/{pod}/{container}`: the log of a container's latest run, or of the one before. */
import { badRequest } from '../../../shared/machinery/errors.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { type BytesResponse, queryFlag, queryValue, type Request } from '../../../shared/protocol/exchange.ts';
import type { ContainerRuntime, LogChunk, LogOptions } from '../../container-runtime/runtime.ts';
import { fromRuntimeError } from './runtime-to-status.ts';

/** Throws BadRequest. */
export function parseLogOptions(request: Request, nowMs: number): LogOptions & { limitBytes: number } {
  const sinceSeconds = parseCount(request, 'sinceSeconds');
  const sinceTime = queryValue(request, 'sinceTime');
  return {
    follow: queryFlag(request, 'follow'),
    timestamps: queryFlag(request, 'timestamps'),
    tailLines: parseCount(request, 'tailLines'),
    sinceMs: sinceSeconds === undefined ? parseTime(sinceTime) : nowMs - sinceSeconds * 1000,
    limitBytes: parseCount(request, 'limitBytes') ?? Number.POSITIVE_INFINITY,
    signal: request.signal,
  };
}

function parseCount(request: Request, name: string): number | undefined {
  const text = queryValue(request, name);
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`${name} must be a number, not ${JSON.stringify(text)}`);
  return Number(text);
}

export async function answerLogs(
  runtime: ContainerRuntime,
  containerId: string,
  options: LogOptions & { limitBytes: number },
): Promise<BytesResponse> {
  const log = runtime.logs(containerId, options)[Symbol.asyncIterator]();
  // A follower of a silent container gets its answer at once; a log that cannot be read is an error, not an empty log.
  const first = log.next();
  if (!options.follow) await first.catch((error) => Promise.reject(fromRuntimeError(error)));
  first.catch(() => undefined);
  return { type: 'bytes', code: 200, contentType: 'text/plain', chunks: limited(log, first, options.limitBytes) };
}

async function* limited(
  log: AsyncIterator<LogChunk>,
  first: Promise<IteratorResult<LogChunk>>,
  limitBytes: number,
): AsyncGenerator<Uint8Array> {
  let left = limitBytes;
  try {
    for (let result = await first; !result.done && left > 0; result = await log.next()) {
      const bytes = result.value.bytes.subarray(0, left);
      left -= bytes.length;
      yield bytes;
    }
  } catch (error) {
    throw fromRuntimeError(error);
  } finally {
    await log.return?.();
  }
}
