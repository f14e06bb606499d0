/** Structured logs: one line an entry, levels, fields; where it is written to is a parameter. */
import { type Clock, formatIsoTime } from './clock.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each entry. */
  with(fields: LogFields): Logger;
}

export interface LoggerOptions {
  level: LogLevel;
  format: 'text' | 'json';
  clock: Pick<Clock, 'nowMs'>;
  write(line: string): void;
}

const ORDER: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Longest field value that a text line shows; a stack trace is cut, never the line's structure. */
const FIELD_LIMIT_CHARS = 2_000;

export function createLogger(options: LoggerOptions, bound: LogFields = {}): Logger {
  const emit = (level: LogLevel, message: string, fields?: LogFields): void => {
    if (ORDER[level] < ORDER[options.level]) return;
    options.write(renderEntry(options, { level, message, fields: { ...bound, ...fields } }));
  };
  return {
    debug: (message, fields) => emit('debug', message, fields),
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields) => emit('warn', message, fields),
    error: (message, fields) => emit('error', message, fields),
    with: (fields) => createLogger(options, { ...bound, ...fields }),
  };
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
};

interface Entry {
  level: LogLevel;
  message: string;
  fields: LogFields;
}

function renderEntry(options: LoggerOptions, { level, message, fields }: Entry): string {
  const time = formatIsoTime(options.clock.nowMs());
  if (options.format === 'json') {
    return JSON.stringify({ time, level, message, ...mapValues(fields, renderJsonValue) });
  }
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${renderTextValue(value)}`);
  return [time, level.toUpperCase().padEnd(5), message, ...pairs].join(' ');
}

function renderJsonValue(value: unknown): unknown {
  return value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value;
}

function renderTextValue(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  const text = typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : (JSON.stringify(value) ?? 'undefined');
  return text.length > FIELD_LIMIT_CHARS ? `${text.slice(0, FIELD_LIMIT_CHARS)}…` : text;
}

function mapValues(fields: LogFields, map: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, map(value)]));
}
