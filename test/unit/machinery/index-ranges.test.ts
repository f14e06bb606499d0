/** Sets of indexes as Jobs write them, compared with plain sets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addIndexes,
  countIndexes,
  formatIndexRanges,
  hasIndex,
  IndexRangesError,
  indexRangesOf,
  intersectIndexes,
  parseIndexRanges,
} from '../../../shared/machinery/index-ranges.ts';

test('texts of ranges', () => {
  for (const text of ['', '0', '0,1', '1,3-5,7', '0-99999'])
    assert.equal(formatIndexRanges(parseIndexRanges(text)), text);
  assert.equal(formatIndexRanges(parseIndexRanges('0,1,2-3')), '0-3');
  for (const text of ['a', '1-', '3-1', '2-2', '5,4', '1-3,2', '1,,2', '-1', ' 1']) {
    assert.throws(() => parseIndexRanges(text), IndexRangesError, text);
  }
});

const indexes = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 30 });

test('they hold what sets hold', () => {
  fc.assert(
    fc.property(indexes, indexes, (left, right) => {
      const [a, b] = [new Set(left), new Set(right)];
      const ranges = indexRangesOf(a);
      assert.equal(countIndexes(ranges), a.size);
      assert.deepEqual(parseIndexRanges(formatIndexRanges(ranges)), ranges);
      for (let index = 0; index <= 40; index += 1) assert.equal(hasIndex(ranges, index), a.has(index));
      assert.deepEqual(addIndexes(ranges, b), indexRangesOf(new Set([...a, ...b])));
      const shared = [...a].filter((index) => b.has(index));
      assert.equal(countIndexes(intersectIndexes(ranges, indexRangesOf(b))), shared.length);
    }),
    { seed: 3, numRuns: 200 },
  );
});
