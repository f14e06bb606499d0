/** Laws of patches and selectors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatFieldSelector, parseFieldSelector } from '../../shared/machinery/field-selector.ts';
import { jsonEqual } from '../../shared/machinery/json.ts';
import { formatSelector, parseLabelSelector, selectorMatches } from '../../shared/machinery/label-selector.ts';
import { applyJsonPatch } from '../../shared/machinery/patch/json-patch.ts';
import { formatJsonPointer, parseJsonPointer } from '../../shared/machinery/patch/json-pointer.ts';
import { applyMergePatch } from '../../shared/machinery/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../shared/machinery/patch/strategic-merge-patch.ts';

const RUNS = { seed: 20_260_102, numRuns: 300 };

const key = fc.constantFrom('a', 'b', 'c', 'a/b', '~', '');
const { json } = fc.letrec<{ json: unknown; object: Record<string, unknown> }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, 0, 1, 'x', 'y'),
    fc.array(tie('json'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(key, tie('json'), { maxKeys: 3, noNullPrototype: true }),
}));
const object = fc.dictionary(key, json, { maxKeys: 4, noNullPrototype: true });

test('a merge patch applied twice is applied once', () => {
  fc.assert(
    fc.property(json, json, (target, patch) => {
      const once = applyMergePatch(target, patch);
      assert.deepEqual(applyMergePatch(once, patch), once);
    }),
    RUNS,
  );
});

test('a merge patch without nulls is contained in the result, and the empty one changes nothing', () => {
  fc.assert(
    fc.property(object, object, (target, patch) => {
      assert.deepEqual(applyMergePatch(target, {}), target);
      const result = applyMergePatch(target, patch);
      assert.deepEqual(applyMergePatch(result, applyMergePatch({}, patch)), result);
    }),
    RUNS,
  );
});

test('add and remove, and move there and back, are inverse', () => {
  fc.assert(
    fc.property(object, json, (document, value) => {
      const added = applyJsonPatch(document, [{ op: 'add', path: '/fresh', value }]);
      assert.deepEqual(applyJsonPatch(added, [{ op: 'remove', path: '/fresh' }]), document);
      const there = { op: 'move', from: '/fresh', path: '/other' };
      const back = { op: 'move', from: '/other', path: '/fresh' };
      assert.deepEqual(applyJsonPatch(added, [there, back]), added);
    }),
    RUNS,
  );
});

test('the inverse of a replace brings the document back, and test sees it', () => {
  fc.assert(
    fc.property(object, json, (document, value) => {
      for (const [name, old] of Object.entries(document)) {
        const path = formatJsonPointer([name]);
        const changed = applyJsonPatch(document, [{ op: 'replace', path, value }]);
        const undo = [
          { op: 'test', path, value },
          { op: 'replace', path, value: old },
        ];
        assert.deepEqual(applyJsonPatch(changed, undo), document);
      }
    }),
    RUNS,
  );
});

test('pointers are read back', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (tokens) => {
      assert.deepEqual(parseJsonPointer(formatJsonPointer(tokens)), tokens);
    }),
    RUNS,
  );
});

test('without a schema a strategic merge patch is a merge patch of objects', () => {
  fc.assert(
    fc.property(object, object, (target, patch) => {
      const strategic = applyStrategicMergePatch(target, patch);
      // Only below lists do they differ: a strategic patch takes no null into the object.
      if (JSON.stringify(patch).includes('[')) return;
      assert.ok(jsonEqual(strategic, applyMergePatch(target, patch)));
    }),
    RUNS,
  );
});

const item = fc.record(
  { name: fc.constantFrom('a', 'b', 'c', 'd', 'e'), value: fc.nat({ max: 3 }) },
  { noNullPrototype: true },
);
const items = fc.uniqueArray(item, { selector: ({ name }) => name });
const listSchema = {
  properties: {
    list: {
      type: 'array',
      items: { type: 'object', properties: { name: {}, value: {} } },
      'x-kubernetes-patch-merge-key': 'name',
      'x-kubernetes-patch-strategy': 'merge',
    },
  },
};

test('the patch that kubectl would compute leads to the wanted list, in the wanted order', () => {
  fc.assert(
    fc.property(items, items, (present, wanted) => {
      const deletions = present
        .filter(({ name }) => !wanted.some((kept) => kept.name === name))
        .map(({ name }) => ({ $patch: 'delete', name }));
      const patch = {
        '$setElementOrder/list': wanted.map(({ name }) => ({ name })),
        list: [...wanted, ...deletions],
      };
      const result = applyStrategicMergePatch({ list: present }, patch, listSchema);
      assert.deepEqual(result, { list: wanted });
    }),
    RUNS,
  );
});

test('merging a list by key loses no item, doubles none, and is idempotent', () => {
  fc.assert(
    fc.property(items, items, (present, patched) => {
      const once = applyStrategicMergePatch({ list: present }, { list: patched }, listSchema);
      const names = JSON.stringify(once).match(/"name":"\w"/g) ?? [];
      const expected = new Set([...present, ...patched].map(({ name }) => name));
      assert.equal(names.length, expected.size);
      const twice = applyStrategicMergePatch(once, { list: patched }, listSchema);
      assert.deepEqual(twice, once);
    }),
    RUNS,
  );
});

const labelKey = fc.constantFrom('app', 'tier', 'example.com/zone', 'in', 'notin');
const labelValue = fc.constantFrom('', 'web', 'db', 'a.b_c');
const requirement = fc.oneof(
  labelKey,
  labelKey.map((name) => `!${name}`),
  fc.tuple(labelKey, fc.constantFrom('=', '==', '!='), labelValue).map((parts) => parts.join('')),
  fc
    .tuple(labelKey, fc.constantFrom('in', 'notin'), fc.uniqueArray(labelValue, { minLength: 1 }))
    .map(([name, operator, values]) => `${name} ${operator} (${values.join(',')})`),
);

test('a selector written back selects the same', () => {
  fc.assert(
    fc.property(
      fc.array(requirement),
      fc.dictionary(labelKey, labelValue, { noNullPrototype: true }),
      (requirements, labels) => {
        const selector = parseLabelSelector(requirements.join(','));
        const again = parseLabelSelector(formatSelector(selector));
        assert.equal(selectorMatches(again, labels), selectorMatches(selector, labels));
      },
    ),
    RUNS,
  );
});

test('field selectors with any values are read back', () => {
  const names = fc.constantFrom('metadata.name', 'spec.nodeName');
  const operators = fc.constantFrom('=' as const, '!=' as const);
  const field = fc.record({ field: names, operator: operators, value: fc.string() }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(field), (requirements) => {
      assert.deepEqual(parseFieldSelector(formatFieldSelector(requirements)), requirements);
    }),
    RUNS,
  );
});
