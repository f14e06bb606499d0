/** Programmer errors crash at once; they are never handled. Operating errors are values or typed errors, see machinery/errors. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** For the default arm of a switch over a closed union: a new member does not compile until it is handled. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}

/** Narrows away undefined where the surrounding code has made sure of it. */
export function defined<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AssertionError(`${what} must be defined`);
  return value;
}

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}
