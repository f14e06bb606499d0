/** Golden files of rulesets: for every kind of service and of network policy, what the kernel is told. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { assertGolden } from '../../../support/golden.ts';
import { NftKernel } from '../../../support/nft/kernel.ts';
import { POLICY_CASES } from '../../../support/rulesets/policy-cases.ts';
import { renderBase, renderCase } from '../../../support/rulesets/ruleset-case.ts';
import { SERVICE_CASES } from '../../../support/rulesets/service-cases.ts';

const FOLDER = join(import.meta.dirname, '../../../golden/rulesets');
const CASES = [
  ...SERVICE_CASES.map((each) => ({ path: `service-${each.name}.nft`, each })),
  ...POLICY_CASES.map((each) => ({ path: `policy-${each.name}.nft`, each })),
];

describe('golden rulesets', () => {
  it('the table before any service', () => assertGolden('rulesets/base.nft', renderBase()));

  for (const { path, each } of CASES) {
    it(`${path}: ${each.about}`, () => {
      const text = renderCase(each);
      assertGolden(`rulesets/${path}`, text);
      // The tests' kernel takes it, too: what it refuses, properties would never see.
      new NftKernel().apply(renderBase() + text);
    });
  }

  it('no golden file is without its case', () => {
    assert.deepEqual(readdirSync(FOLDER).sort(), ['base.nft', ...CASES.map(({ path }) => path)].sort());
  });
});
