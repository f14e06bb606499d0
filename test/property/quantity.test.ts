/** Laws of quantities: one canonical text an amount, exact sums, an order that agrees with them. */
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatBytes,
  formatMillis,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityToBytes,
  quantityToMillis,
  subtractQuantities,
} from '../../shared/machinery/quantity.ts';

const RUNS = { seed: 20_260_101, numRuns: 300 };

const suffix = fc.constantFrom(
  '',
  'n',
  'u',
  'm',
  'k',
  'M',
  'G',
  'T',
  'P',
  'E',
  'Ki',
  'Mi',
  'Gi',
  'Ti',
  'e3',
  'e-6',
  'E2',
);
const text = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    fc.integer({ min: 0, max: 9999 }),
    fc.constantFrom('', '.5', '.25', '.001', '.'),
    suffix,
  )
  .map((parts) => parts.join(''));
const format = fc.constantFrom('DecimalSI' as const, 'BinarySI' as const, 'DecimalExponent' as const);
const quantity: fc.Arbitrary<Quantity> = fc.record({
  nanos: fc.bigInt({ min: -(10n ** 28n), max: 10n ** 28n }),
  format,
});

const isEqual = (left: Quantity, right: Quantity): boolean => compareQuantities(left, right) === 0;

test('the canonical text means the same amount and is its own canonical text', () => {
  fc.assert(
    fc.property(text, (written) => {
      const canonical = canonicalQuantity(written);
      return isEqual(parseQuantity(written), parseQuantity(canonical)) && canonicalQuantity(canonical) === canonical;
    }),
    RUNS,
  );
});

test('every amount is read back from its text', () => {
  fc.assert(
    fc.property(quantity, (amount) => isEqual(parseQuantity(formatQuantity(amount)), amount)),
    RUNS,
  );
});

test('equal amounts of one form have one text', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (value) => {
      const texts = [`${value * 1000}m`, `${value}`, `${value}.000`, `0.${String(value).padStart(9, '0')}G`];
      return new Set(texts.map(canonicalQuantity)).size === 1;
    }),
    RUNS,
  );
});

test('addition is commutative and associative by value, and subtraction undoes it', () => {
  fc.assert(
    fc.property(quantity, quantity, quantity, (a, b, c) => {
      const left = addQuantities(addQuantities(a, b), c);
      const right = addQuantities(a, addQuantities(b, c));
      const isCommutative = isEqual(addQuantities(a, b), addQuantities(b, a));
      return isEqual(left, right) && isCommutative && isEqual(subtractQuantities(addQuantities(a, b), b), a);
    }),
    RUNS,
  );
});

test('the order is total and agrees with subtraction', () => {
  fc.assert(
    fc.property(quantity, quantity, (a, b) => {
      const difference = compareQuantities(subtractQuantities(a, b), { nanos: 0n, format: 'DecimalSI' });
      return compareQuantities(a, b) === difference && compareQuantities(b, a) === 0 - difference;
    }),
    RUNS,
  );
});

test('whole millis and bytes survive their text', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 31 - 1 }), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (millis, bytes) => {
      return quantityToMillis(formatMillis(millis)) === millis && quantityToBytes(formatBytes(bytes)) === bytes;
    }),
    RUNS,
  );
});
