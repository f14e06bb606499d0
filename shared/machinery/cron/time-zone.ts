/**
 * What the clocks on the wall of a time zone show. The rules come from the ICU data that Node carries; nothing here reads
 * the machine's own zone, so that a schedule means the same on every board.
 */

/** Local time as a count: milliseconds since 1970-01-01T00:00 on the wall, as if there were no zones. */
export type WallMs = number;

export interface TimeZone {
  readonly name: string;
  wallMs(epochMs: number): WallMs;
}

export class TimeZoneError extends Error {
  override readonly name = 'TimeZoneError';
}

export const UTC: TimeZone = { name: 'UTC', wallMs: (epochMs) => epochMs };

/** Offsets such as `+01:00` are no names of zones. */
const NAME = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;

/** A zone of the IANA data base, such as `Europe/Berlin`. */
export function findTimeZone(name: string): TimeZone {
  if (name === 'UTC' || name === 'Etc/UTC') return UTC;
  if (!NAME.test(name) || name.toLowerCase() === 'local') throw new TimeZoneError(`unknown time zone ${name}`);
  return zoneOf(name, formatterOf(name));
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (error) {
    if (error instanceof RangeError) throw new TimeZoneError(`unknown time zone ${timeZone}`);
    throw error;
  }
}

/** Clocks change at quarters of an hour: within one the offset stays, and need not be asked for again. */
const QUARTER_MS = 15 * 60_000;

function zoneOf(name: string, formatter: Intl.DateTimeFormat): TimeZone {
  let quarter = Number.NaN;
  let offsetMs = 0;
  return {
    name,
    wallMs(epochMs) {
      const present = Math.floor(epochMs / QUARTER_MS);
      if (present !== quarter) {
        quarter = present;
        offsetMs = offsetAt(formatter, present * QUARTER_MS);
      }
      return epochMs + offsetMs;
    },
  };
}

/** `epochMs` is a whole second. */
function offsetAt(formatter: Intl.DateTimeFormat, epochMs: number): number {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
  for (const { type, value } of formatter.formatToParts(epochMs)) parts[type] = value;
  const { era, year, month, day, hour, minute, second } = parts;
  const signedYear = era === 'BC' ? 1 - Number(year) : Number(year);
  return Date.UTC(signedYear, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)) - epochMs;
}
