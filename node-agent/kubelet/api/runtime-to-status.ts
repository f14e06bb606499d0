/** The one place that maps the runtime's errors to what the API answers. */
import { StatusError, type StatusReason } from '../../../shared/machinery/errors.ts';
import { RuntimeError, type RuntimeErrorReason } from '../../container-runtime/runtime.ts';

const REASONS: Record<RuntimeErrorReason, StatusReason> = {
  unavailable: 'ServiceUnavailable',
  'not-found': 'NotFound',
  conflict: 'BadRequest',
  'image-not-found': 'BadRequest',
  'pull-failed': 'InternalError',
  invalid: 'BadRequest',
  'no-space': 'InsufficientStorage',
  'start-failed': 'BadRequest',
  failed: 'InternalError',
};

/** A runtime's error as the API's; any other value as it is. */
export function fromRuntimeError(error: unknown): unknown {
  return error instanceof RuntimeError ? new StatusError(REASONS[error.reason], error.message) : error;
}
