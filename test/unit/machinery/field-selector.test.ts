/** Field selectors: text, escapes, what they match. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fieldSelectorMatches,
  formatFieldSelector,
  parseFieldSelector,
} from '../../../shared/machinery/field-selector.ts';
import { SelectorError } from '../../../shared/machinery/label-selector.ts';

test('terms are read with their escapes', () => {
  assert.deepEqual(parseFieldSelector(''), []);
  assert.deepEqual(parseFieldSelector('metadata.name=web,status.phase!=Running,a==b,'), [
    { field: 'metadata.name', operator: '=', value: 'web' },
    { field: 'status.phase', operator: '!=', value: 'Running' },
    { field: 'a', operator: '=', value: 'b' },
  ]);
  assert.deepEqual(parseFieldSelector(String.raw`path=a\,b\=c\\d,x=`), [
    { field: 'path', operator: '=', value: String.raw`a,b=c\d` },
    { field: 'x', operator: '=', value: '' },
  ]);
});

test('what is no field selector is refused', () => {
  for (const text of ['a', '=b', 'a=b=c', 'a=\\', String.raw`a=\x`, '!=a']) {
    assert.throws(() => parseFieldSelector(text), SelectorError, text);
  }
});

test('selectors are written back with escapes', () => {
  for (const text of ['a=b,c!=d', String.raw`a=x\,y\=z\\`, '']) {
    assert.equal(formatFieldSelector(parseFieldSelector(text)), text);
  }
});

test('a field without a value counts as empty', () => {
  const pod: Record<string, string> = { 'spec.nodeName': 'pi-1' };
  const matches = (text: string) => fieldSelectorMatches(parseFieldSelector(text), (field) => pod[field]);
  assert.equal(matches('spec.nodeName=pi-1'), true);
  assert.equal(matches('spec.nodeName!=pi-1'), false);
  assert.equal(matches('status.phase='), true);
  assert.equal(matches('spec.nodeName=pi-1,status.phase=Running'), false);
});
