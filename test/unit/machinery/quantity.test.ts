/** Quantities: what is read, how it is written, how it is rounded. Laws stand in test/property/quantity.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatBytes,
  formatMillis,
  formatQuantity,
  parseQuantity,
  QuantityError,
  quantityToBytes,
  quantityToMillis,
  subtractQuantities,
} from '../../../shared/machinery/quantity.ts';

const CANONICAL: [text: string, canonical: string][] = [
  ['0', '0'],
  ['0Ki', '0'],
  ['-0', '0'],
  ['1000m', '1'],
  ['1500m', '1500m'],
  ['0.5', '500m'],
  ['.5', '500m'],
  ['1.', '1'],
  ['+1', '1'],
  ['-1.5', '-1500m'],
  ['1000', '1k'],
  ['1024', '1024'],
  ['100k', '100k'],
  ['1000k', '1M'],
  ['1.5Gi', '1536Mi'],
  ['1024Mi', '1Gi'],
  ['1025Mi', '1025Mi'],
  ['1023Ki', '1023Ki'],
  ['0.5Ki', '512'],
  ['1Ki', '1Ki'],
  ['0.1Gi', '107374182400m'],
  ['1e3', '1e3'],
  ['1E3', '1e3'],
  ['12e2', '1200'],
  ['1.5e-3', '1500e-6'],
  ['1E', '1E'],
  ['1000E', '1000E'],
  ['100u', '100u'],
  ['1000n', '1u'],
  ['0.1n', '1n'],
  ['-0.1n', '-1n'],
  ['100Ei', '9223372036854775807'],
];

test('each amount has one canonical text', () => {
  for (const [text, canonical] of CANONICAL) assert.equal(canonicalQuantity(text), canonical, text);
});

test('what is no quantity is refused', () => {
  const refused = [
    '',
    '.',
    'abc',
    '1K',
    '1ki',
    '1kib',
    '1e',
    '1e1.5',
    ' 1',
    '1 ',
    '--1',
    '1e99999999',
    '1'.repeat(200),
  ];
  for (const text of refused) assert.throws(() => parseQuantity(text), QuantityError, text);
});

test('values are rounded away from zero', () => {
  const millis: [string, number][] = [
    ['250m', 250],
    ['1.0001', 1001],
    ['1n', 1],
    ['-1n', -1],
    ['2', 2000],
  ];
  for (const [text, expected] of millis) assert.equal(quantityToMillis(text), expected, text);
  const bytes: [string, number][] = [
    ['64Mi', 67108864],
    ['100m', 1],
    ['1e3', 1000],
    ['1.5Ki', 1536],
  ];
  for (const [text, expected] of bytes) assert.equal(quantityToBytes(text), expected, text);
});

test('numbers are written as quantities', () => {
  assert.deepEqual([0, 1, 500, 1500, 4000].map(formatMillis), ['0', '1m', '500m', '1500m', '4']);
  assert.deepEqual([0, 1000, 1024, 1536 * 1024, 2 ** 30].map(formatBytes), ['0', '1k', '1Ki', '1536Ki', '1Gi']);
});

test('sums and differences keep the form of the left side, unless it is zero', () => {
  const sum = (left: string, right: string) => formatQuantity(addQuantities(parseQuantity(left), parseQuantity(right)));
  const rest = (left: string, right: string) =>
    formatQuantity(subtractQuantities(parseQuantity(left), parseQuantity(right)));
  assert.equal(sum('1Gi', '1G'), '2073741824');
  assert.equal(sum('1Gi', '1024Mi'), '2Gi');
  assert.equal(sum('1G', '1G'), '2G');
  assert.equal(sum('0', '1Gi'), '1Gi');
  assert.equal(rest('1', '1m'), '999m');
  assert.equal(rest('1Gi', '1Mi'), '1023Mi');
});

test('amounts compare by value, whatever their form', () => {
  const compare = (left: string, right: string) => compareQuantities(parseQuantity(left), parseQuantity(right));
  assert.equal(compare('1Ki', '1024'), 0);
  assert.equal(compare('1Ki', '1k'), 1);
  assert.equal(compare('-1', '1n'), -1);
});
