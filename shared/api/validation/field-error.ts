/** Complaints about fields in Kubernetes' words: clients and people know `Invalid value: "x": why`. */
import type { FieldError } from '../../machinery/errors.ts';

export function requiredValue(field: string, detail = ''): FieldError {
  return { type: 'required', field, message: `Required value${detail === '' ? '' : `: ${detail}`}` };
}

export function invalidValue(field: string, value: unknown, detail: string): FieldError {
  return { type: 'invalid', field, message: `Invalid value: ${shown(value)}: ${detail}` };
}

export function duplicateValue(field: string, value: unknown): FieldError {
  return { type: 'duplicate', field, message: `Duplicate value: ${shown(value)}` };
}

export function unsupportedValue(field: string, value: unknown, supported: readonly string[]): FieldError {
  const list = supported.map((one) => JSON.stringify(one)).join(', ');
  return { type: 'notSupported', field, message: `Unsupported value: ${shown(value)}: supported values: ${list}` };
}

export function forbiddenValue(field: string, detail: string): FieldError {
  return { type: 'forbidden', field, message: `Forbidden: ${detail}` };
}

export function valueNotFound(field: string, value: unknown): FieldError {
  return { type: 'notFound', field, message: `Not found: ${shown(value)}` };
}

export function tooLongBytes(field: string, maxBytes: number): FieldError {
  return { type: 'tooLong', field, message: `Too long: may not be more than ${maxBytes} bytes` };
}

/** One `Invalid value` for each complaint of a check in machinery/names. */
export function complaintsAbout(field: string, value: string, complaints: readonly string[]): FieldError[] {
  return complaints.map((complaint) => invalidValue(field, value, complaint));
}

/** Complains when `value` is set and outside of the bounds, which belong to the range. */
export function checkRange(field: string, value: number | undefined, min: number, max: number): FieldError[] {
  if (value === undefined || (value >= min && value <= max)) return [];
  return [invalidValue(field, value, `must be between ${min} and ${max}, inclusive`)];
}

export function checkNotNegative(field: string, value: number | undefined): FieldError[] {
  if (value === undefined || value >= 0) return [];
  return [invalidValue(field, value, 'must be greater than or equal to 0')];
}

/** Complains about each value that stood earlier in the list. */
export function checkUnique<T>(
  items: readonly T[],
  key: (item: T) => string | undefined,
  field: (index: number) => string,
): FieldError[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const value = key(item);
    if (value === undefined || !seen.has(value)) {
      if (value !== undefined) seen.add(value);
      return [];
    }
    return [duplicateValue(field(index), value)];
  });
}

/** Longest value that a complaint repeats. */
const MAX_SHOWN_CHARS = 1_000;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}
