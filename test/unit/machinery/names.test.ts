/** Names: which are taken, which are refused; the sentence itself is for people. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  validateConfigKey,
  validateDns1035Label,
  validateDns1123Label,
  validateDns1123Subdomain,
  validateEnvName,
  validateLabelValue,
  validatePathSegment,
  validatePortName,
  validateQualifiedName,
} from '../../../shared/machinery/names.ts';

const a63 = 'a'.repeat(63);
const a64 = 'a'.repeat(64);

interface Row {
  check(name: string): string[];
  good: string[];
  bad: string[];
}

const TABLE: Record<string, Row> = {
  dns1123Label: { check: validateDns1123Label, good: ['a', '0', 'a-b', a63], bad: ['', '-a', 'a-', 'A', 'a.b', a64] },
  dns1123Subdomain: {
    check: validateDns1123Subdomain,
    good: ['a', 'a.b', '0.1-2', `${a63}.${a64}`],
    bad: ['', '.a', 'a.', 'a..b', 'a_b', 'A', 'a.-b', 'a'.repeat(254)],
  },
  dns1035Label: { check: validateDns1035Label, good: ['a', 'a-1', a63], bad: ['', '1a', 'a-', 'A', 'a.b', a64] },
  qualifiedName: {
    check: validateQualifiedName,
    good: ['a', 'A_b.c-d', 'example.com/a', a63, '1'],
    bad: ['', '/a', 'a/', 'a/b/c', 'Example.com/a', '-a', a64, 'a b'],
  },
  labelValue: { check: validateLabelValue, good: ['', 'a', 'A_b.c', a63], bad: ['-', 'a-', 'a b', 'ä', a64] },
  pathSegment: { check: validatePathSegment, good: ['a', 'system:node', 'a b'], bad: ['.', '..', 'a/b', 'a%b'] },
  configKey: {
    check: validateConfigKey,
    good: ['a.b', '_x', '.env', '__proto__'],
    bad: ['', '.', '..', '..a', 'a b', 'a/b'],
  },
  envName: { check: validateEnvName, good: ['A', '1a', 'a.b-c'], bad: ['', 'A=B', 'ä'] },
  portName: {
    check: validatePortName,
    good: ['http', 'a-1', '8a'],
    bad: ['', '80', '-a', 'a-', 'a--b', 'A', 'a'.repeat(16)],
  },
};

for (const [name, { check, good, bad }] of Object.entries(TABLE)) {
  test(`${name} takes and refuses names`, () => {
    for (const text of good) assert.deepEqual(check(text), [], text);
    for (const text of bad) assert.notDeepEqual(check(text), [], text);
  });
}

test('a complaint says what the name may look like', () => {
  assert.deepEqual(validateDns1123Label('My App'), [
    "must be made of lower-case letters, digits and '-', with a letter or digit at both ends (such as 'web-1')",
  ]);
  assert.deepEqual(validateDns1123Label(a64), ['must be no more than 63 characters']);
});
