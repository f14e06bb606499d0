/** Limits of heat: by model, by settings, by the node's own words; and words that are wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compileHeatLimits,
  complainAboutHeatLimits,
  DEFAULT_HEAT_LIMIT_SETTINGS,
  HARD_LIMIT_KEY,
  type HeatLimitFacts,
  type HeatLimitSettings,
  MODEL_LABEL,
  SOFT_LIMIT_KEY,
} from '../../../shared/machinery/heat-limits.ts';

interface Row {
  what: string;
  facts?: Partial<HeatLimitFacts>;
  settings?: Partial<HeatLimitSettings>;
  expected: [soft: number, hard: number];
}

const model = (name: string) => ({ labels: { [MODEL_LABEL]: name } });
const PI_4 = model('raspberry-pi-4-model-b-rev-1.4');

const ROWS: Row[] = [
  { what: 'a board that says nothing', expected: [72, 78] },
  { what: 'a board that says when it throttles', facts: { throttleCelsius: 90 }, expected: [82, 88] },
  { what: 'a Pi 4', facts: { ...PI_4, throttleCelsius: 80 }, expected: [72, 78] },
  {
    what: 'a Pi 3B+, soft at 60 already',
    facts: { ...model('raspberry-pi-3-model-b-plus-rev-1.3'), throttleCelsius: 60 },
    expected: [70, 78],
  },
  { what: 'a Pi 5', facts: { ...model('raspberry-pi-5-model-b-rev-1.0'), throttleCelsius: 80 }, expected: [76, 82] },
  {
    what: 'a model in the settings',
    facts: PI_4,
    settings: { models: [{ model: 'raspberry-pi-4-*', softCelsius: 60, hardCelsius: 65 }] },
    expected: [60, 65],
  },
  {
    what: 'another model in the settings',
    facts: PI_4,
    settings: { models: [{ model: 'rock-*', softCelsius: 60, hardCelsius: 65 }] },
    expected: [72, 78],
  },
  {
    what: 'the fallback of the settings',
    settings: { fallback: { softCelsius: 61, hardCelsius: 66 } },
    expected: [61, 66],
  },
  {
    what: 'the built-in model goes before the fallback',
    facts: model('raspberry-pi-5-model-b'),
    settings: { fallback: { softCelsius: 61, hardCelsius: 66 } },
    expected: [76, 82],
  },
  { what: 'an annotation', facts: { annotations: { [SOFT_LIMIT_KEY]: '55.5' } }, expected: [55.5, 78] },
  { what: 'a label', facts: { labels: { [HARD_LIMIT_KEY]: '75' } }, expected: [72, 75] },
  {
    what: 'the annotation before the label',
    facts: { annotations: { [HARD_LIMIT_KEY]: '74' }, labels: { [HARD_LIMIT_KEY]: '75' } },
    expected: [72, 74],
  },
  {
    what: 'nonsense is passed over',
    facts: { annotations: { [SOFT_LIMIT_KEY]: 'warm', [HARD_LIMIT_KEY]: '999' } },
    expected: [72, 78],
  },
  {
    what: 'a soft limit is never above the hard one',
    facts: { annotations: { [HARD_LIMIT_KEY]: '50' } },
    expected: [50, 50],
  },
];

for (const { what, facts = {}, settings = {}, expected } of ROWS) {
  test(`heat limits: ${what}`, () => {
    const limitsOf = compileHeatLimits({ ...DEFAULT_HEAT_LIMIT_SETTINGS, ...settings });
    const { softCelsius, hardCelsius } = limitsOf({
      labels: {},
      annotations: {},
      throttleCelsius: undefined,
      ...facts,
    });
    assert.deepEqual([softCelsius, hardCelsius], expected);
  });
}

test('heat limits: what is wrong is told', () => {
  const complaints = (annotations: Record<string, string>): number =>
    complainAboutHeatLimits({ labels: {}, annotations }).length;
  assert.equal(complaints({}), 0);
  assert.equal(complaints({ [SOFT_LIMIT_KEY]: '60', [HARD_LIMIT_KEY]: '70' }), 0);
  assert.equal(complaints({ [SOFT_LIMIT_KEY]: '-1' }), 1);
  assert.equal(complaints({ [SOFT_LIMIT_KEY]: '70', [HARD_LIMIT_KEY]: '60' }), 1);
});
