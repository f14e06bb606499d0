/** Ranges and pools of numbers, against a model that is too simple to be wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NumberPool } from '../../../master/apiserver/admission/service-addresses/number-pool.ts';
import {
  addressAt,
  indexInRange,
  parseServiceRange,
} from '../../../master/apiserver/admission/service-addresses/service-range.ts';
import { seededRandom } from '../../../shared/platform/random.ts';

test('addresses of a range are counted from its first', () => {
  const range = parseServiceRange('10.43.0.0/16');
  assert.equal(addressAt(range, 1), '10.43.0.1');
  assert.equal(addressAt(range, 65_535), '10.43.255.255');
  assert.equal(indexInRange(range, '10.43.1.0'), 256);
  for (const other of ['10.44.0.0', '10.42.255.255', '10.43.0.256', '10.43.0', '10.43.00.1', 'None', '::1']) {
    assert.equal(indexInRange(range, other), undefined, other);
  }
  fc.assert(
    fc.property(fc.nat(65_535), (index) => indexInRange(range, addressAt(range, index)) === index),
    { seed: 1 },
  );
});

test('a pool gives each number once, and all of them', () => {
  const pool = new NumberPool(40, [0, 1]);
  const random = seededRandom(1);
  const given = Array.from({ length: 38 }, (_, index) => pool.takeAny(`o${index}`, random));
  assert.equal(new Set(given).size, 38);
  assert.ok(!given.includes(0) && !given.includes(1));
  assert.equal(pool.takeAny('late', random), undefined);
  assert.ok(pool.take(0, 'asked'));
  assert.ok(!pool.take(0, 'other'));
});

type Step =
  | { do: 'take' | 'confirm' | 'release'; number: number; owner: string }
  | { do: 'abort'; number: number; owner: string };

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('take' as const, 'confirm' as const, 'release' as const, 'abort' as const),
  number: fc.nat(3),
  owner: fc.constantFrom('a', 'b'),
});

test('a number never has two owners, and what is pending is not lost to a late release', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const pool = new NumberPool(4);
      const pending = new Map<number, string>();
      for (const { do: action, number, owner } of steps) {
        const others = owner === 'a' ? 'b' : 'a';
        const wasOthers = pool.isOwnedBy(number, others);
        if (action === 'take' && pool.take(number, owner)) {
          assert.ok(!wasOthers);
          pending.set(number, owner);
        } else if (action === 'confirm') {
          pool.confirm(number, owner);
          pending.delete(number);
        } else if (action === 'release') {
          pool.release(number, owner);
        } else if (action === 'abort' && pending.get(number) === owner) {
          pool.abort(number, owner, false);
          pending.delete(number);
        }
        for (const [taken, holder] of pending) assert.ok(pool.isOwnedBy(taken, holder));
        if (wasOthers) assert.ok(pool.isOwnedBy(number, others) || pool.used < 4);
      }
    }),
    { seed: 2 },
  );
});
