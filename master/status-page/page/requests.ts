/** The few requests beside the WebSocket. They reject with RequestError, whose message is for people. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const TIMEOUT_MS = 15_000;

/** A phone that changes its network breaks off what is under way; what only reads is asked again. */
export const MAX_READS = 3;
const READ_AGAIN_MS = 300;

type Method = 'GET' | 'POST' | 'DELETE';

export async function ask<T>(method: Method, path: string, body?: object): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    for (let left = method === 'GET' ? MAX_READS : 1; ; left -= 1) {
      try {
        return await askOnce<T>(method, path, { body, signal: abort.signal });
      } catch (error) {
        if (error instanceof RequestError) throw error;
        if (left <= 1 || abort.signal.aborted) throw new RequestError(0, 'The master does not answer.');
      }
      await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS));
    }
  } finally {
    clearTimeout(timer);
  }
}

async function askOnce<T>(
  method: Method,
  path: string,
  { body, signal }: { body: object | undefined; signal: AbortSignal },
): Promise<T> {
  const response = await fetch(path, {
    method,
    signal,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new RequestError(response.status, errorOf(answer));
  return answer as T;
}

function errorOf(answer: unknown): string {
  const isError =
    typeof answer === 'object' && answer !== null && 'error' in answer && typeof answer.error === 'string';
  return isError ? String(answer.error) : 'That did not work.';
}
