/** Normal form, pruning and defaults. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applySchemaDefaults } from '../../../shared/schema/defaulting.ts';
import {
  int32,
  intOrString,
  list,
  microTime,
  object,
  quantities,
  quantity,
  raw,
  ref,
  str,
  stringMap,
  strings,
  time,
} from '../../../shared/schema/fields.ts';
import { normalizeObject } from '../../../shared/schema/normalize.ts';
import { pruneObject } from '../../../shared/schema/prune.ts';

const PartSchema = object('Part', 'a part', {
  protocol: str(1, 'protocol', { default: 'TCP' }),
  port: int32(2, 'port'),
});
const ThingSchema = object('Thing', 'a thing', {
  name: str(1, 'name'),
  limits: quantities(2, 'limits'),
  divisor: quantity(3, 'divisor'),
  data: stringMap(4, 'data'),
  at: time(5, 'when'),
  exactly: microTime(6, 'when exactly'),
  surge: intOrString(7, 'surge', { default: '25%' }),
  parts: list(8, PartSchema, 'parts'),
  security: ref(9, PartSchema, 'made when absent', { default: {} }),
  probe: ref(10, PartSchema, 'not made when absent'),
  extra: raw(11, 'anything'),
  words: strings(12, 'words'),
});

test('normal form: nulls go, quantities and times have one text', () => {
  const value = {
    name: null,
    limits: { cpu: 0.5, memory: '1024Mi', odd: 'lots', gone: null },
    divisor: '1000m',
    data: { a: 'b', empty: null },
    at: '2026-01-31T14:00:00.7+02:00',
    exactly: '2026-01-31T12:00:00.123456789Z',
    surge: 1,
    parts: [null, { port: null, unknown: null, other: { kept: null } }],
    extra: { kept: null },
    words: ['a', null],
  };
  const before = structuredClone(value);
  const normal = {
    limits: { cpu: '500m', memory: '1Gi', odd: 'lots' },
    divisor: '1',
    data: { a: 'b', empty: '' },
    at: '2026-01-31T12:00:00Z',
    exactly: '2026-01-31T12:00:00.123456Z',
    surge: 1,
    parts: [{ other: { kept: null } }],
    extra: { kept: null },
    words: ['a'],
  };
  assert.deepEqual(normalizeObject(ThingSchema, value), normal);
  assert.deepEqual(normalizeObject(ThingSchema, normal), normal);
  assert.deepEqual(value, before);
});

test('what cannot be read stays for validation to name', () => {
  assert.deepEqual(normalizeObject(ThingSchema, { at: 'today', limits: [1], parts: 'x', divisor: true }), {
    at: 'today',
    limits: [1],
    parts: 'x',
    divisor: true,
  });
});

test('pruning drops unknown fields and keeps opaque objects whole', () => {
  const value = { name: 'a', nmae: 'b', parts: [{ port: 1, prot: 2 }], extra: { any: { thing: 1 } }, data: { k: 'v' } };
  const pruned = { name: 'a', parts: [{ port: 1 }], extra: { any: { thing: 1 } }, data: { k: 'v' } };
  assert.deepEqual(pruneObject(ThingSchema, value), pruned);
  assert.equal(value.nmae, 'b');
});

test('defaults fill present objects, and an empty default makes one', () => {
  const thing: Record<string, unknown> = { parts: [{}, { protocol: 'UDP' }] };
  applySchemaDefaults(ThingSchema, thing);
  const expected = {
    parts: [{ protocol: 'TCP' }, { protocol: 'UDP' }],
    surge: '25%',
    security: { protocol: 'TCP' },
  };
  assert.deepEqual(thing, expected);
  applySchemaDefaults(ThingSchema, thing);
  assert.deepEqual(thing, expected);
});

test('objects do not share a default', () => {
  const first: { security?: { port?: number } } = {};
  const second: { security?: { port?: number } } = {};
  applySchemaDefaults(ThingSchema, first);
  applySchemaDefaults(ThingSchema, second);
  if (first.security) first.security.port = 1;
  assert.deepEqual(second.security, { protocol: 'TCP' });
});

test('a default of zero or the empty string keeps what the client wrote', () => {
  const Zero = object('Zero', 'zeros', {
    replicas: int32(1, 'n', { default: 1 }),
    text: str(2, 't', { default: 'x' }),
  });
  const value = { replicas: 0, text: '' };
  applySchemaDefaults(Zero, value);
  assert.deepEqual(value, { replicas: 0, text: '' });
});
