/** Field sets of objects, comparisons and merges, by the list and map types of the schema. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeploymentSchema } from '../../../shared/api/deployment.ts';
import type { JsonObject } from '../../../shared/machinery/json.ts';
import { ApplyConfigError, checkConfig } from '../../../shared/schema/apply/check-config.ts';
import { compareObjects } from '../../../shared/schema/apply/compare.ts';
import { emptyObject } from '../../../shared/schema/apply/empty-object.ts';
import { pathsOf } from '../../../shared/schema/apply/field-set.ts';
import { fieldsOf } from '../../../shared/schema/apply/fields-of.ts';
import { formatFieldsV1, parseFieldsV1 } from '../../../shared/schema/apply/fields-v1.ts';
import { fitFieldSet } from '../../../shared/schema/apply/fit-field-set.ts';
import { mergeConfig } from '../../../shared/schema/apply/merge-config.ts';
import { formatPath } from '../../../shared/schema/apply/path-element.ts';
import { list, object, quantities, raw, ref, str, stringMap, strings } from '../../../shared/schema/fields.ts';

const PartSchema = object('Part', 'a part', {
  name: str(1, 'name'),
  side: str(2, 'side', { default: 'left' }),
  size: str(3, 'size'),
});
const SourceSchema = object(
  'Source',
  'a source',
  { path: str(1, 'path'), version: str(2, 'version', { default: 'v1' }) },
  { atomic: true },
);
const ThingSchema = object('Thing', 'a thing', {
  name: str(1, 'name'),
  labels: stringMap(2, 'granular map'),
  selector: stringMap(3, 'atomic map', { atomic: true }),
  source: ref(4, SourceSchema, 'atomic object'),
  part: ref(5, PartSchema, 'granular object'),
  words: strings(6, 'atomic list'),
  flags: strings(7, 'set', { type: 'set' }),
  parts: list(8, PartSchema, 'by name', { type: 'map', mapKeys: ['name'] }),
  pairs: list(9, PartSchema, 'by name and side', { type: 'map', mapKeys: ['name', 'side'] }),
  extra: raw(10, 'anything'),
  limits: quantities(11, 'amounts'),
});

const fields = (value: JsonObject) => pathsOf(fieldsOf(ThingSchema, value)).map(formatPath);

test('the fields of a configuration', () => {
  const table: [JsonObject, string[]][] = [
    [{ name: 'a' }, ['.name']],
    [{ name: null }, ['.name']],
    [{ labels: { 'a/b': 'c' } }, ['.labels.a/b']],
    [{ labels: {} }, ['.labels']],
    [{ selector: { a: 'b' } }, ['.selector']],
    [{ source: { path: 'a' } }, ['.source']],
    [{ part: { name: 'a' } }, ['.part.name']],
    [{ part: {} }, ['.part']],
    [{ words: ['a'] }, ['.words']],
    [{ words: [] }, ['.words']],
    [{ flags: ['b', 'a'] }, ['.flags[="a"]', '.flags[="b"]']],
    [{ flags: [] }, []],
    [{ parts: [{ name: 'a', size: '1' }] }, ['.parts[name="a"]', '.parts[name="a"].name', '.parts[name="a"].size']],
    [{ parts: [{ name: 'a' }, { name: 'a', size: '1' }] }, ['.parts[name="a"]']],
    [{ pairs: [{ name: 'a' }] }, ['.pairs[name="a",side="left"]', '.pairs[name="a",side="left"].name']],
    [{ extra: { x: { y: 1 }, z: [1] } }, ['.extra.x', '.extra.x.y', '.extra.z']],
    [{ limits: { cpu: '1' } }, ['.limits.cpu']],
    [{ name: undefined }, []],
  ];
  for (const [value, expected] of table) assert.deepEqual(fields(value), expected, JSON.stringify(value));
});

function compare(before: JsonObject, after: JsonObject): string[] {
  const { added, modified, removed } = compareObjects(ThingSchema, before, after);
  const show = (sign: string, set: typeof added) => pathsOf(set).map((path) => `${sign}${formatPath(path)}`);
  return [...show('+', added), ...show('~', modified), ...show('-', removed)];
}

test('what changed between two states', () => {
  const table: [JsonObject, JsonObject, string[]][] = [
    [{ name: 'a' }, { name: 'a' }, []],
    [{ name: 'a' }, { name: 'b' }, ['~.name']],
    [{ name: 'a' }, {}, ['-.name']],
    [{}, { labels: { a: 'b' } }, ['+.labels', '+.labels.a']],
    [{ labels: { a: 'b' } }, { labels: { a: 'c', d: 'e' } }, ['+.labels.d', '~.labels.a']],
    [{ labels: {} }, { labels: { a: 'b' } }, ['+.labels.a']],
    [{}, { labels: {} }, ['+.labels']],
    [{ selector: { a: 'b' } }, { selector: { a: 'c' } }, ['~.selector']],
    [{ source: { path: 'a' } }, { source: { path: 'a', version: 'v1' } }, []],
    [{ words: ['a', 'b'] }, { words: ['b', 'a'] }, ['~.words']],
    [{ flags: ['a', 'b'] }, { flags: ['b', 'a'] }, []],
    [{ flags: ['a'] }, { flags: ['b'] }, ['+.flags[="b"]', '-.flags[="a"]']],
    [{ parts: [{ name: 'a', size: '1' }] }, { parts: [{ name: 'a', size: '2' }] }, ['~.parts[name="a"].size']],
    [{ parts: [] }, { parts: [{ name: 'a' }] }, ['+.parts[name="a"]', '+.parts[name="a"].name']],
    [{ parts: [{ name: 'a' }] }, {}, ['-.parts', '-.parts[name="a"]', '-.parts[name="a"].name']],
    [{ pairs: [{ name: 'a' }] }, { pairs: [{ name: 'a', side: 'left' }] }, ['+.pairs[name="a",side="left"].side']],
    [{ limits: { cpu: '1' } }, { limits: { cpu: '1000m' } }, []],
    [{ name: 'a' }, { name: null }, ['~.name']],
    [{}, { name: null }, []],
    [{ extra: { x: 1 } }, { extra: { x: { y: 2 } } }, ['+.extra.x.y', '~.extra.x']],
    // Items that cannot be told apart are compared as a whole.
    [
      { parts: [{ name: 'a' }, { name: 'a', size: '1' }] },
      { parts: [{ name: 'a' }, { name: 'a' }] },
      ['~.parts[name="a"]'],
    ],
    [{ parts: [{ name: 'a' }, { name: 'a' }] }, { parts: [] }, ['-.parts[name="a"]']],
    [
      { parts: [{ name: 'a' }, { name: 'a' }] },
      { parts: [{ name: 'a' }] },
      ['+.parts[name="a"].name', '~.parts[name="a"]'],
    ],
  ];
  for (const [before, after, expected] of table) {
    assert.deepEqual(compare(before, after), expected, `${JSON.stringify(before)} to ${JSON.stringify(after)}`);
  }
});

test('a configuration is merged by the types of lists and maps', () => {
  const table: [JsonObject, JsonObject, JsonObject][] = [
    [{ name: 'a', words: ['x'] }, { name: 'b' }, { name: 'b', words: ['x'] }],
    [{ labels: { a: '1', b: '2' } }, { labels: { b: '3', c: '4' } }, { labels: { a: '1', b: '3', c: '4' } }],
    [{ selector: { a: '1' } }, { selector: { b: '2' } }, { selector: { b: '2' } }],
    [{ words: ['x', 'y'] }, { words: ['z'] }, { words: ['z'] }],
    [{ labels: { a: '1' } }, { labels: {} }, { labels: { a: '1' } }],
    [{ labels: { a: '1' } }, { labels: null }, { labels: { a: '1' } }],
    [{ name: 'a' }, { name: null }, { name: null }],
    [{}, { part: {} }, { part: {} }],
    [
      { parts: [{ name: 'a', size: '1' }, { name: 'b' }] },
      { parts: [{ name: 'b', size: '2' }] },
      {
        parts: [
          { name: 'a', size: '1' },
          { name: 'b', size: '2' },
        ],
      },
    ],
    [{ pairs: [{ name: 'a', side: 'left' }] }, { pairs: [{ name: 'a' }] }, { pairs: [{ name: 'a', side: 'left' }] }],
    [
      { parts: [{ name: 'a', size: '1' }, { name: 'a', size: '2' }, { name: 'b' }] },
      { parts: [{ name: 'a', size: '3' }] },
      { parts: [{ name: 'a', size: '3' }, { name: 'b' }] },
    ],
    [
      { extra: { x: { y: 1 }, l: [1, 2] } },
      { extra: { x: { z: 2 }, l: [3] } },
      { extra: { x: { y: 1, z: 2 }, l: [3] } },
    ],
  ];
  for (const [live, config, expected] of table) assert.deepEqual(mergeConfig(ThingSchema, live, config), expected);
});

test('items of both lists come in the configuration’s order, live ones stay among their neighbours', () => {
  const table: [string, string, string][] = [
    ['abc', '', 'abc'],
    ['', 'abc', 'abc'],
    ['abc', 'abc', 'abc'],
    ['abc', 'cba', 'cba'],
    ['abc', 'd', 'abcd'],
    ['abc', 'ad', 'abcd'],
    ['abc', 'dc', 'abdc'],
    ['abc', 'da', 'dabc'],
    ['axbyc', 'cab', 'xycab'],
    ['abcd', 'db', 'acdb'],
    ['xa', 'ab', 'xab'],
  ];
  for (const [live, config, expected] of table) {
    const merged = mergeConfig(ThingSchema, { flags: [...live] }, { flags: [...config] });
    assert.equal(Array.from(merged['flags'] as string[]).join(''), expected, `${live} with ${config}`);
  }
});

test('configurations whose items cannot be told apart are refused', () => {
  const table: [JsonObject, RegExp][] = [
    [{ parts: [{ name: 'a' }, { name: 'a' }] }, /^\.parts: duplicate entries for key \[name="a"\]$/],
    [
      { pairs: [{ name: 'a' }, { name: 'a', side: 'left' }] },
      /^\.pairs: duplicate entries for key \[name="a",side="left"\]$/,
    ],
    [{ flags: ['a', 'a'] }, /^\.flags: duplicate entries for key \[="a"\]$/],
    [{ parts: [{ size: '1' }] }, /^\.parts: element 0: has none of the key fields "name"$/],
    [{ parts: [null] }, /^\.parts: element 0: must not be null$/],
    [{ metadata: { managedFields: [] } }, /^metadata\.managedFields must be nil$/],
  ];
  for (const [config, message] of table) {
    assert.throws(
      () => checkConfig(ThingSchema, config),
      (error) => error instanceof ApplyConfigError && message.test(error.message),
    );
  }
  checkConfig(ThingSchema, {
    words: ['a', 'a'],
    parts: [{ name: 'a' }, { name: 'b' }],
    metadata: { managedFields: null },
  });
});

test('a set of an older schema owns what has become a leaf as a whole', () => {
  const old = parseFieldsV1({
    'f:selector': { 'f:a': {} },
    'f:words': { 'v:"x"': {} },
    'f:labels': { 'f:a': {} },
    'f:gone': { 'f:a': {} },
  });
  assert.deepEqual(formatFieldsV1(fitFieldSet(ThingSchema, old)), {
    'f:gone': { 'f:a': {} },
    'f:labels': { 'f:a': {} },
    'f:selector': {},
    'f:words': {},
  });
});

test('an object that nobody has written has the structs that Go always writes', () => {
  assert.deepEqual(emptyObject(DeploymentSchema), {
    metadata: {},
    spec: { strategy: {}, template: { metadata: {}, spec: { containers: [] } } },
    status: {},
  });
});
