/** Label selectors: text and objects to one form, what they select, and back to text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatSelector,
  type LabelSelectorLike,
  parseLabelSelector,
  requirementMatches,
  SELECT_NOTHING,
  SelectorError,
  selectorFromLabelSelector,
  selectorFromLabels,
  selectorMatches,
} from '../../../shared/machinery/label-selector.ts';

const WEB = { app: 'web', tier: 'front', empty: '' };

const MATCHES: [text: string, matches: boolean][] = [
  ['', true],
  ['app=web', true],
  ['app==web', true],
  [' app = web , tier=front ', true],
  ['app=api', false],
  ['app!=api', true],
  ['app!=web', false],
  ['other!=x', true],
  ['app', true],
  ['other', false],
  ['!other', true],
  ['! app', false],
  ['app in (web, api)', true],
  ['app in (api)', false],
  ['app notin (api,db)', true],
  ['other notin (a)', true],
  ['app in (web),app notin (web)', false],
  ['empty=', true],
  ['empty in ()', true],
  ['empty in (,a)', true],
  ['app=,tier=front', false],
  ['toString', false],
];

test('query texts select', () => {
  for (const [text, matches] of MATCHES) assert.equal(selectorMatches(parseLabelSelector(text), WEB), matches, text);
});

test('texts that are no selectors are refused', () => {
  const refused = [
    ',',
    'a,',
    'a,,b',
    '!',
    'a b',
    'a=b=c',
    'a in b',
    'a in (b',
    'a in (b c)',
    'a/b/c',
    '-a',
    'a=-',
    '=b',
    'a>b',
  ];
  for (const text of refused) assert.throws(() => parseLabelSelector(text), SelectorError, text);
});

test('selectors are written back', () => {
  const texts: [string, string][] = [
    ['app==web', 'app=web'],
    ['a in (c,b)', 'a in (b,c)'],
    ['a in (b)', 'a=b'],
    ['a notin (b),c!=d,!e,f', 'a!=b,c!=d,!e,f'],
    ['a in ()', 'a='],
    ['n>5,n<7', 'n>5,n<7'],
  ];
  for (const [text, expected] of texts) assert.equal(formatSelector(parseLabelSelector(text)), expected);
});

test('LabelSelector objects select', () => {
  const selects = (selector: LabelSelectorLike | undefined) =>
    selectorMatches(selectorFromLabelSelector(selector), WEB);
  assert.equal(selects(undefined), false);
  assert.equal(selects({}), true);
  assert.equal(selects({ matchLabels: { app: 'web' } }), true);
  assert.equal(selects({ matchLabels: { app: 'web', tier: 'back' } }), false);
  assert.equal(selects({ matchExpressions: [{ key: 'app', operator: 'In', values: ['a', 'web'] }] }), true);
  assert.equal(selects({ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }), false);
  assert.equal(selects({ matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['a'] }] }), true);
});

test('LabelSelector objects that say nothing sensible are refused', () => {
  const refused: LabelSelectorLike[] = [
    { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] },
    { matchExpressions: [{ key: 'a', operator: 'In' }] },
    { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
    { matchLabels: { 'a b': 'c' } },
  ];
  for (const selector of refused) assert.throws(() => selectorFromLabelSelector(selector), SelectorError);
});

test('nothing is selected by a selector that selects nothing, also after a trip as text', () => {
  const again = parseLabelSelector(formatSelector(SELECT_NOTHING));
  assert.equal(selectorMatches(again, WEB), false);
  assert.equal(selectorMatches(again, { 'bramble.dev/none': '' }), false);
});

test('Gt and Lt compare whole numbers', () => {
  const compares = (operator: 'Gt' | 'Lt', bound: string, cores: string) =>
    requirementMatches({ key: 'cores', operator, values: [bound] }, { cores });
  assert.equal(compares('Gt', '3', '4'), true);
  assert.equal(compares('Gt', '4', '4'), false);
  assert.equal(compares('Lt', '10', '9'), true);
  assert.equal(compares('Gt', '3', 'four'), false);
});

test('plain maps select what has all of them', () => {
  const selector = selectorFromLabels({ app: 'web', tier: 'front' });
  assert.equal(selectorMatches(selector, WEB), true);
  assert.equal(selectorMatches(selector, { app: 'web' }), false);
  assert.equal(selectorMatches(selector, undefined), false);
});
