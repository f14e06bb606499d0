/** JSON Patch: the examples of RFC 6902's appendix A, and what goes wrong. Laws stand in test/property/patch.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyJsonPatch } from '../../../../shared/machinery/patch/json-patch.ts';
import { PatchError, type PatchErrorReason } from '../../../../shared/machinery/patch/patch-error.ts';

type Row = [name: string, document: unknown, patch: unknown[], result: unknown];

const RFC_6902: Row[] = [
  ['A.1 adding a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
  [
    'A.2 adding an element',
    { foo: ['bar', 'baz'] },
    [{ op: 'add', path: '/foo/1', value: 'qux' }],
    { foo: ['bar', 'qux', 'baz'] },
  ],
  ['A.3 removing a member', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
  ['A.4 removing an element', { foo: ['a', 'b', 'c'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['a', 'c'] }],
  ['A.5 replacing', { baz: 'qux', foo: 'bar' }, [{ op: 'replace', path: '/baz', value: 1 }], { baz: 1, foo: 'bar' }],
  [
    'A.6 moving a value',
    { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
    [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
    { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
  ],
  [
    'A.7 moving an element',
    { foo: ['all', 'grass', 'cows', 'eat'] },
    [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
    { foo: ['all', 'cows', 'eat', 'grass'] },
  ],
  [
    'A.8 testing',
    { baz: 'qux', foo: ['a', 2, 'c'] },
    [
      { op: 'test', path: '/baz', value: 'qux' },
      { op: 'test', path: '/foo/1', value: 2 },
    ],
    { baz: 'qux', foo: ['a', 2, 'c'] },
  ],
  [
    'A.10 adding a nested object',
    { foo: 'bar' },
    [{ op: 'add', path: '/child', value: { grandchild: {} } }],
    { foo: 'bar', child: { grandchild: {} } },
  ],
  ['A.11 unknown members', { foo: 1 }, [{ op: 'add', path: '/b', value: 2, xyz: 3 }], { foo: 1, b: 2 }],
  ['A.14 escapes', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
  ['A.16 adding an array', { foo: ['bar'] }, [{ op: 'add', path: '/foo/-', value: ['a'] }], { foo: ['bar', ['a']] }],
  ['copy', { a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }], { a: { b: 1 }, c: { b: 1 } }],
  ['the whole document', { a: 1 }, [{ op: 'replace', path: '', value: [1] }], [1]],
  ['null is a value', { a: 1 }, [{ op: 'add', path: '/a', value: null }], { a: null }],
  [
    'test ignores the order of keys',
    { a: { b: 1, c: 2 } },
    [{ op: 'test', path: '/a', value: { c: 2, b: 1 } }],
    { a: { b: 1, c: 2 } },
  ],
];

for (const [name, document, patch, result] of RFC_6902) {
  test(`JSON patch: ${name}`, () => assert.deepEqual(applyJsonPatch(document, patch), result));
}

const BAD: [reason: PatchErrorReason, patch: unknown][] = [
  ['malformed', {}],
  ['malformed', ['x']],
  ['malformed', [{ op: 'frob', path: '/a' }]],
  ['malformed', [{ op: 'add', path: '/a' }]],
  ['malformed', [{ op: 'add', value: 1 }]],
  ['malformed', [{ op: 'add', path: 'a', value: 1 }]],
  ['malformed', [{ op: 'add', path: '/a~2', value: 1 }]],
  ['malformed', [{ op: 'move', path: '/a' }]],
  ['inapplicable', [{ op: 'remove', path: '/nope' }]],
  ['inapplicable', [{ op: 'replace', path: '/nope', value: 1 }]],
  ['inapplicable', [{ op: 'add', path: '/nope/b', value: 1 }]],
  ['inapplicable', [{ op: 'add', path: '/list/5', value: 1 }]],
  ['inapplicable', [{ op: 'add', path: '/list/01', value: 1 }]],
  ['inapplicable', [{ op: 'remove', path: '/list/-' }]],
  ['inapplicable', [{ op: 'remove', path: '/a/toString' }]],
  ['inapplicable', [{ op: 'move', from: '/a', path: '/a/b' }]],
  ['testFailed', [{ op: 'test', path: '/a', value: 2 }]],
  ['tooLarge', Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: 1 }))],
  ['tooLarge', Array.from({ length: 40 }, () => ({ op: 'copy', from: '', path: '/list/-' }))],
];

test('bad patches give typed errors and leave the document as it was', () => {
  for (const [reason, patch] of BAD) {
    const document = { a: { text: 'x'.repeat(10) }, list: [1, 2] };
    const before = structuredClone(document);
    const isExpected = (error: unknown) => error instanceof PatchError && error.reason === reason;
    assert.throws(() => applyJsonPatch(document, patch), isExpected, JSON.stringify(patch).slice(0, 80));
    assert.deepEqual(document, before);
  }
});

test('the result shares nothing with the inputs', () => {
  const document = { a: { b: 1 } };
  const value = { deep: [1] };
  const result = applyJsonPatch(document, [{ op: 'add', path: '/c', value }]);
  assert.deepEqual(result, { a: { b: 1 }, c: { deep: [1] } });
  value.deep.push(2);
  document.a.b = 2;
  assert.deepEqual(result, { a: { b: 1 }, c: { deep: [1] } });
});
