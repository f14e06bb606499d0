import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { compareKeys, directoryOf, prefixRange } from '../../../master/store/key-range.ts';

const NO_BOUND = new Uint8Array(0);
const bounds: readonly [prefix: string, startAfter: string | undefined, lower: string, upper: string | Uint8Array][] = [
  ['', undefined, '', NO_BOUND],
  ['/pods/', undefined, '/pods/', '/pods0'],
  ['/pods/', '/pods/a', '/pods/a\0', '/pods0'],
  ['/pods/', '/nodes/a', '/pods/', '/pods0'],
  ['a\u{10ffff}', undefined, 'a\u{10ffff}', 'b'],
  ['\u{10ffff}', undefined, '\u{10ffff}', NO_BOUND],
  ['a\ud7ff', undefined, 'a\ud7ff', 'a\ue000'],
];
for (const [prefix, startAfter, lower, upper] of bounds) {
  it(`range of ${JSON.stringify(prefix)} after ${JSON.stringify(startAfter)}`, () => {
    assert.deepEqual(prefixRange(prefix, startAfter), { lower, upper });
  });
}

const key = fc.string({
  unit: fc.constantFrom('a', '/', '0', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}'),
  maxLength: 5,
});

it('compares as SQLite does, by UTF-8 bytes', () => {
  const property = fc.property(key, key, (a, b) => {
    assert.equal(Math.sign(compareKeys(a, b)), Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

it('holds exactly the keys with the prefix', () => {
  const property = fc.property(key, key, (prefix, candidate) => {
    const { lower, upper } = prefixRange(prefix);
    const below = typeof upper === 'string' ? compareKeys(candidate, upper) < 0 : true;
    assert.equal(compareKeys(candidate, lower) >= 0 && below, candidate.startsWith(prefix));
  });
  fc.assert(property, { seed: 2, numRuns: 2000 });
});

it('directories end with their last slash', () => {
  assert.equal(directoryOf('/core/pods/default/web'), '/core/pods/default/');
  assert.equal(directoryOf('plain'), '');
});
