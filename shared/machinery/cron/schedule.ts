/**
 * Schedules in the language of cron: five fields (minute, hour, day of month, month, day of week), or one of the words that
 * stand for them. Parsing only; `slots.ts` knows when they fall due. Source: Kubernetes, "CronJob: Schedule syntax"; the
 * dialect is that of github.com/robfig/cron's standard parser: 7 is no Sunday, `?` is `*`, `2/3` is `2-59/3`.
 */

/** Numbers that fit, and whether the field was written as `*`: then it says nothing. */
export interface CronField {
  readonly values: ReadonlySet<number>;
  readonly isAny: boolean;
}

export interface CalendarSchedule {
  readonly type: 'calendar';
  readonly minutes: CronField;
  readonly hours: CronField;
  readonly daysOfMonth: CronField;
  /** 1 is January. */
  readonly months: CronField;
  /** 0 is Sunday. */
  readonly daysOfWeek: CronField;
}

/** `@every 1h30m`: not on the calendar but counted from a start. */
export interface IntervalSchedule {
  readonly type: 'interval';
  readonly intervalMs: number;
}

export type CronSchedule = CalendarSchedule | IntervalSchedule;

/** The message says what is wrong in words that follow `Invalid value: "…": `. */
export class CronScheduleError extends Error {
  override readonly name = 'CronScheduleError';
}

interface Range {
  name: string;
  min: number;
  max: number;
  /** Names of the numbers from `min` on. */
  names?: readonly string[];
}

const MINUTES: Range = { name: 'minute', min: 0, max: 59 };
const HOURS: Range = { name: 'hour', min: 0, max: 23 };
const DAYS_OF_MONTH: Range = { name: 'day of month', min: 1, max: 31 };
const MONTHS: Range = {
  name: 'month',
  min: 1,
  max: 12,
  names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
};
const DAYS_OF_WEEK: Range = {
  name: 'day of week',
  min: 0,
  max: 6,
  names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
};

const WORDS: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

/** Jobs are named after the minute of their slot, so that slots must not come closer. */
const MIN_INTERVAL_MS = 60_000;

/** Longest text that is looked at. */
const MAX_SCHEDULE_CHARS = 1_000;

export function parseCronSchedule(text: string): CronSchedule {
  if (text.length > MAX_SCHEDULE_CHARS) throw new CronScheduleError('is too long');
  const trimmed = text.trim();
  if (trimmed.startsWith('@every ')) return { type: 'interval', intervalMs: parseInterval(trimmed.slice(7).trim()) };
  if (trimmed.startsWith('@') && !WORDS.has(trimmed)) {
    throw new CronScheduleError(`unrecognized descriptor: ${trimmed}`);
  }
  const fields = (WORDS.get(trimmed) ?? trimmed).split(/\s+/);
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = fields;
  if (fields.length !== 5) {
    throw new CronScheduleError(`expected exactly 5 fields, found ${trimmed === '' ? 0 : fields.length}`);
  }
  return {
    type: 'calendar',
    minutes: parseField(minute, MINUTES),
    hours: parseField(hour, HOURS),
    daysOfMonth: parseField(dayOfMonth, DAYS_OF_MONTH),
    months: parseField(month, MONTHS),
    daysOfWeek: parseField(dayOfWeek, DAYS_OF_WEEK),
  };
}

function parseField(text: string, range: Range): CronField {
  const values = new Set<number>();
  let isAny = false;
  for (const part of text.split(',')) {
    const parsed = parsePart(part, range);
    isAny ||= parsed.isAny;
    for (let value = parsed.from; value <= parsed.to; value += parsed.step) values.add(value);
  }
  return { values, isAny };
}

/** `*`, `5`, `mon`, `1-5`, any of them with `/step`. */
function parsePart(part: string, range: Range): { from: number; to: number; step: number; isAny: boolean } {
  const [span = '', stepText, ...tooMany] = part.split('/');
  if (tooMany.length > 0) throw new CronScheduleError(`too many slashes: ${part}`);
  const step = stepText === undefined ? 1 : parseNumber(stepText, part);
  if (step === 0) throw new CronScheduleError(`step of range must be a positive number: ${part}`);
  if (span === '*' || span === '?') return { from: range.min, to: range.max, step, isAny: step === 1 };
  const [first = '', last, ...more] = span.split('-');
  if (more.length > 0) throw new CronScheduleError(`too many hyphens: ${part}`);
  const from = parseValue(first, part, range);
  const openEnd = stepText === undefined ? from : range.max;
  const to = last === undefined ? openEnd : parseValue(last, part, range);
  if (from > to) throw new CronScheduleError(`beginning of range (${from}) beyond end of range (${to}): ${part}`);
  return { from, to, step, isAny: false };
}

function parseValue(text: string, part: string, { name, min, max, names = [] }: Range): number {
  const index = names.indexOf(text.toLowerCase());
  const value = index === -1 ? parseNumber(text, part) : min + index;
  if (value < min || value > max) {
    throw new CronScheduleError(`${name} must be from ${min} to ${max}, found ${value}: ${part}`);
  }
  return value;
}

function parseNumber(text: string, part: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new CronScheduleError(`failed to parse number: ${part}`);
  return Number(text);
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** `1h30m`, as Go writes durations. */
function parseInterval(text: string): number {
  if (!/^(\d{1,9}(\.\d{1,9})?(ms|h|m|s))+$/.test(text)) throw new CronScheduleError(`failed to parse duration ${text}`);
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g);
  const sumMs = [...parts].reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (UNIT_MS[unit] ?? 0), 0);
  if (sumMs < MIN_INTERVAL_MS) throw new CronScheduleError(`must be at least one minute: ${text}`);
  return Math.floor(sumMs / 1_000) * 1_000;
}
