/**
 * Docker's failures as the runtime's closed set of errors. Status codes and error codes decide, never the message text.
 * Source: Docker Engine API, "Errors"; errno(3).
 */
import { RuntimeError, type RuntimeErrorReason } from './runtime.ts';

const REASON_OF_STATUS: Readonly<Record<number, RuntimeErrorReason>> = {
  400: 'invalid',
  404: 'not-found',
  409: 'conflict',
};

/** What to do about each way in which a Unix socket does not answer. */
const UNAVAILABLE: Readonly<Record<string, string>> = {
  ENOENT: 'nothing is there: install and start Docker (apt-get install docker.io), or name its socket with --docker',
  ECONNREFUSED: 'nobody listens there: start Docker (systemctl start docker, or dockerd)',
  EACCES: 'no permission: run the agent as root or as a member of the group docker',
  ECONNRESET: 'the engine hung up: it may be restarting',
  EPIPE: 'the engine hung up: it may be restarting',
  ETIMEDOUT: 'the engine does not answer',
  ABORT_ERR: 'the engine does not answer in time',
};

/** Any value thrown by a Docker call as a RuntimeError. */
export function toRuntimeError(error: unknown, socketPath: string): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const status = statusOf(error);
  if (status !== undefined) return new RuntimeError(REASON_OF_STATUS[status] ?? 'failed', messageOf(error));
  const remedy = UNAVAILABLE[codeOf(error) ?? ''];
  if (remedy !== undefined) {
    return new RuntimeError('unavailable', `the Docker engine at ${socketPath} cannot be reached: ${remedy}`);
  }
  return new RuntimeError('failed', messageOf(error));
}

/** HTTP status of Docker's answer; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  const status = property(error, 'statusCode');
  return typeof status === 'number' ? status : undefined;
}

export function isRuntimeError(error: unknown, reason: RuntimeErrorReason): boolean {
  return error instanceof RuntimeError && error.reason === reason;
}

function codeOf(error: unknown): string | undefined {
  const code = property(error, 'code');
  if (typeof code === 'string') return code;
  return property(error, 'name') === 'AbortError' ? 'ABORT_ERR' : undefined;
}

/** Docker's own sentence (`{"message": …}`) where there is one. */
function messageOf(error: unknown): string {
  const text = property(property(error, 'json'), 'message') ?? property(error, 'message');
  return typeof text === 'string' ? text.trim() : String(error);
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined;
}
