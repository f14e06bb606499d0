/** 401 with a sentence that says what to do; kubectl shows it. */
import { StatusError } from '../../../shared/machinery/errors.ts';

export function unauthorized(message: string): StatusError {
  return new StatusError('Unauthorized', message);
}
