/** The one place where errors of other rooms become errors of the API. */
import { expired, isStatusError, StatusError } from '../../shared/machinery/errors.ts';
import { DecodeError } from '../../shared/schema/protobuf.ts';
import { StoreError } from '../store/store.ts';

/** undefined for programmer errors, which are logged and answered without their text. */
export function toStatusError(error: unknown): StatusError | undefined {
  if (isStatusError(error)) return error;
  if (error instanceof StoreError) return fromStoreError(error);
  if (error instanceof DecodeError) return new StatusError('BadRequest', error.message);
  return undefined;
}

function fromStoreError({ reason, message }: StoreError): StatusError {
  switch (reason) {
    case 'no-space':
      return new StatusError(
        'InsufficientStorage',
        `the change was not stored: ${message}. Free space on the master's disk, or delete objects that are not needed`,
      );
    case 'compacted':
      return expired(
        `The provided continue parameter or resourceVersion is too old to display a consistent list: ${message}. ` +
          'Start a new list without them',
      );
    case 'future-revision':
      return new StatusError('Timeout', `Too large resource version: ${message}`, {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      });
    case 'slow-watcher':
    case 'closed':
      return new StatusError('ServiceUnavailable', `the master is stopping or busy: ${message}`, {
        retryAfterSeconds: 1,
      });
    default:
      return new StatusError('InternalError', `the store has failed: ${message}`);
  }
}
