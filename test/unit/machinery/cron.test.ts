/** Schedules: what can be read, and when it falls due, compared with a look at every single minute. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CronScheduleError, parseCronSchedule } from '../../../shared/machinery/cron/schedule.ts';
import { countSlots, type Slots, slotsOf } from '../../../shared/machinery/cron/slots.ts';
import { findTimeZone, type TimeZone, TimeZoneError, UTC } from '../../../shared/machinery/cron/time-zone.ts';

const MINUTE_MS = 60_000;

const fields: [text: string, field: 'minutes' | 'hours' | 'daysOfMonth' | 'months' | 'daysOfWeek', values: number[]][] =
  [
    ['5 * * * *', 'minutes', [5]],
    ['*/15 * * * *', 'minutes', [0, 15, 30, 45]],
    ['50/4 * * * *', 'minutes', [50, 54, 58]],
    ['1-10/3,30 * * * *', 'minutes', [1, 4, 7, 10, 30]],
    ['@hourly', 'minutes', [0]],
    ['0 22-23 * * *', 'hours', [22, 23]],
    ['0 0 1,15 * *', 'daysOfMonth', [1, 15]],
    ['0 0 * jan-Mar,DEC *', 'months', [1, 2, 3, 12]],
    ['0 0 ? * mon-fri', 'daysOfWeek', [1, 2, 3, 4, 5]],
    ['@weekly', 'daysOfWeek', [0]],
    ['@yearly', 'months', [1]],
    ['  0   0 * * sun  ', 'daysOfWeek', [0]],
  ];

for (const [text, field, values] of fields) {
  test(`${text}: ${field} ${values}`, () => {
    const schedule = parseCronSchedule(text);
    assert.ok(schedule.type === 'calendar');
    assert.deepEqual([...schedule[field].values], values);
  });
}

test('@every counts from a start', () => {
  assert.deepEqual(parseCronSchedule('@every 1h30m'), { type: 'interval', intervalMs: 90 * MINUTE_MS });
  assert.deepEqual(parseCronSchedule('@every 90s'), { type: 'interval', intervalMs: 90_000 });
});

const refused = [
  '',
  '* * * *',
  '* * * * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '* * * * 7',
  '5-1 * * * *',
  '1-2-3 * * * *',
  '*/0 * * * *',
  '*/2/3 * * * *',
  'a * * * *',
  '* * * foo *',
  '-1 * * * *',
  '1.5 * * * *',
  '@toString',
  '@reboot',
  '@every 1x',
  '@every 30s',
  '@every',
  `${'1,'.repeat(600)}1 * * * *`,
];

for (const text of refused) {
  test(`refused: ${JSON.stringify(text.slice(0, 20))}`, () =>
    assert.throws(() => parseCronSchedule(text), CronScheduleError));
}

test('zones have the names of the IANA data base', () => {
  assert.equal(findTimeZone('UTC'), UTC);
  assert.equal(findTimeZone('Europe/Berlin').wallMs(Date.parse('2026-07-01T10:00:00.250Z')) % 1_000, 250);
  for (const name of ['Mars/Olympus', 'Local', 'local', '+01:00', '', 'Europe/Berlin '])
    assert.throws(() => findTimeZone(name), TimeZoneError, name);
});

function slots(schedule: string, zone = 'UTC'): Slots {
  return slotsOf(parseCronSchedule(schedule), findTimeZone(zone), 0);
}

function nextOnes(schedule: string, options: { zone?: string; from: string; count: number }): string[] {
  const { zone = 'UTC', from, count } = options;
  const of = slots(schedule, zone);
  const found: string[] = [];
  for (let at: number | undefined = Date.parse(from); found.length < count; ) {
    at = of.next(at);
    if (at === undefined) return [...found, 'none'];
    found.push(new Date(at).toISOString().slice(0, 16));
  }
  return found;
}

const calendars: [schedule: string, zone: string, from: string, slots: string[]][] = [
  ['0 0 * * *', 'UTC', '2026-01-01T00:00:00Z', ['2026-01-02T00:00', '2026-01-03T00:00']],
  ['59 23 31 12 *', 'UTC', '2026-01-01T00:00:00Z', ['2026-12-31T23:59', '2027-12-31T23:59']],
  ['0 12 13 * fri', 'UTC', '2026-02-06T13:00:00Z', ['2026-02-13T12:00', '2026-02-20T12:00']],
  ['0 0 29 2 *', 'UTC', '2096-03-01T00:00:00Z', ['2104-02-29T00:00']],
  ['0 0 30 2 *', 'UTC', '2026-01-01T00:00:00Z', ['none']],
  // What a zone skips in spring has no slot; what it shows twice in autumn has two.
  ['30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', ['2026-03-28T01:30', '2026-03-30T00:30']],
  ['30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', ['2026-10-25T00:30', '2026-10-25T01:30', '2026-10-26T01:30']],
  ['0 0 * * *', 'America/Sao_Paulo', '2018-11-03T12:00:00Z', ['2018-11-05T02:00']],
  ['0 9 * * *', 'Asia/Kathmandu', '2026-01-01T00:00:00Z', ['2026-01-01T03:15']],
];

for (const [schedule, zone, from, expected] of calendars) {
  test(`${schedule} in ${zone}`, () =>
    assert.deepEqual(nextOnes(schedule, { zone, from, count: expected.length }), expected));
}

test('slots of an interval, and how many there are', () => {
  const start = Date.parse('2026-01-01T00:00:30Z');
  const of = slotsOf(parseCronSchedule('@every 10m'), UTC, start);
  assert.equal(of.next(start), start + 10 * MINUTE_MS);
  assert.equal(of.latest(start + 9 * MINUTE_MS, start), undefined);
  assert.equal(of.latest(start + 25 * MINUTE_MS, start), start + 20 * MINUTE_MS);
  assert.equal(countSlots(of, start, start + 25 * MINUTE_MS, 100), 2);
  assert.equal(countSlots(slots('* * * * *'), 0, 10 * 365 * 86_400_000, 100), 100);
});

describe('searching finds what looking at each minute finds', () => {
  const ZONES = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Pacific/Chatham',
    'Africa/Casablanca',
  ];
  const changes = ['2026-03-08', '2026-03-22', '2026-03-29', '2026-04-05', '2026-09-27', '2026-10-25', '2026-11-01'];
  const minute = fc.oneof(
    fc.constantFrom('*', '*/7', '0', '30', '45', '0,30'),
    fc.integer({ min: 0, max: 59 }).map(String),
  );
  const hour = fc.oneof(
    fc.constantFrom('*', '1-3', '*/5', '2', '0', '23'),
    fc.integer({ min: 0, max: 23 }).map(String),
  );
  const dayOfMonth = fc.constantFrom('*', '*', '1', '25-31', '8', '*/2');
  const dayOfWeek = fc.constantFrom('*', '*', 'sun', 'mon-fri');
  const cases = fc.record({
    schedule: fc.tuple(minute, hour, dayOfMonth, fc.constant('*'), dayOfWeek).map((parts) => parts.join(' ')),
    zone: fc.constantFrom(...ZONES),
    change: fc.constantFrom(...changes),
    hours: fc.integer({ min: -40, max: 10 }),
  });

  test('next and latest', () => {
    fc.assert(fc.property(cases, compareWithWalk), { seed: 11, numRuns: 150 });
  });

  function compareWithWalk({
    schedule,
    zone,
    change,
    hours,
  }: {
    schedule: string;
    zone: string;
    change: string;
    hours: number;
  }): void {
    const startMs = Date.parse(`${change}T00:00:00Z`) + hours * 60 * MINUTE_MS;
    const endMs = startMs + 60 * 60 * MINUTE_MS;
    const walked = walk(schedule, findTimeZone(zone), startMs, endMs);
    const of = slots(schedule, zone);
    const forwards: number[] = [];
    for (let at = of.next(startMs); at !== undefined && at <= endMs; at = of.next(at)) forwards.push(at);
    assert.deepEqual(forwards, walked);
    const backwards: number[] = [];
    for (let at = of.latest(endMs, startMs); at !== undefined; at = of.latest(at - 1, startMs)) backwards.unshift(at);
    assert.deepEqual(backwards, walked);
  }

  /** Every minute after `startMs`, up to `endMs`. */
  function walk(text: string, zone: TimeZone, startMs: number, endMs: number): number[] {
    const schedule = parseCronSchedule(text);
    assert.ok(schedule.type === 'calendar');
    const found: number[] = [];
    for (let at = startMs + MINUTE_MS; at <= endMs; at += MINUTE_MS) {
      const wall = new Date(zone.wallMs(at));
      const isMonthDay = schedule.daysOfMonth.values.has(wall.getUTCDate());
      const isWeekDay = schedule.daysOfWeek.values.has(wall.getUTCDay());
      const isEither = !schedule.daysOfMonth.isAny && !schedule.daysOfWeek.isAny;
      const isDay = isEither ? isMonthDay || isWeekDay : isMonthDay && isWeekDay;
      if (isDay && schedule.hours.values.has(wall.getUTCHours()) && schedule.minutes.values.has(wall.getUTCMinutes())) {
        found.push(at);
      }
    }
    return found;
  }
});
