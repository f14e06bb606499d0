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

export async function ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    const response = await fetch(path, {
      method,
      signal: abort.signal,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new RequestError(response.status, errorOf(answer));
    return answer as T;
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw new RequestError(0, 'The master does not answer.');
  } finally {
    clearTimeout(timer);
  }
}

function errorOf(answer: unknown): string {
  const isError =
    typeof answer === 'object' && answer !== null && 'error' in answer && typeof answer.error === 'string';
  return isError ? String(answer.error) : 'That did not work.';
}
