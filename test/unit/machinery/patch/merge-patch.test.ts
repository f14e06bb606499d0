/** JSON Merge Patch: the table of RFC 7396's appendix A. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyMergePatch } from '../../../../shared/machinery/patch/merge-patch.ts';

const RFC_7396: [original: unknown, patch: unknown, result: unknown][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

test('the table of RFC 7396 holds, and no input changes', () => {
  for (const [original, patch, result] of RFC_7396) {
    const before = structuredClone([original, patch]);
    assert.deepEqual(applyMergePatch(original, patch), result, JSON.stringify([original, patch]));
    assert.deepEqual([original, patch], before);
  }
});

test('a key named __proto__ is a key', () => {
  const result = applyMergePatch({}, JSON.parse('{"__proto__":{"a":1}}'));
  assert.equal(JSON.stringify(result), '{"__proto__":{"a":1}}');
  assert.equal(Object.getPrototypeOf(result), Object.prototype);
});
