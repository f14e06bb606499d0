/**
 * The kernel itself, in a network namespace, takes every golden ruleset, and has after a row of changes the very table that it
 * has after a full load: what the tests' own kernel says of both is true.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { computePolicyFragments } from '../../node-agent/proxy/policies/compute-policies.ts';
import { renderChanges, renderTable } from '../../node-agent/proxy/ruleset/render.ts';
import type { Fragment } from '../../node-agent/proxy/ruleset/ruleset.ts';
import { renderService } from '../../node-agent/proxy/ruleset/service-fragment.ts';
import { computePortals } from '../../node-agent/proxy/services/compute-portals.ts';
import { applyStep, emptyState, stepArbitrary as policyStep } from '../property/policies/world.ts';
import { HERE, makeService as makeRandomService, stepArbitrary as serviceStep } from '../property/proxy/world.ts';
import { createNamespaces, type Namespaces } from '../support/lan/namespaces.ts';
import { POLICY_CASES } from '../support/rulesets/policy-cases.ts';
import { freshFragments, renderBase, SKELETON, TABLE } from '../support/rulesets/ruleset-case.ts';
import { SERVICE_CASES } from '../support/rulesets/service-cases.ts';

const FOLDER = join(import.meta.dirname, '../golden/rulesets');
const BASE = 'base.nft';

/** Of the property tests: each a table of its own, all in one transaction. */
const WORLDS = 60;

function renderRandom(number: number, shape: Parameters<typeof makeRandomService>[1]): Fragment | undefined {
  const { service, slices } = makeRandomService(number, shape);
  return renderService(computePortals(service, slices, { nodes: new Set([HERE]), zone: 'a' }));
}

/** Services and policies at once; each step replaces both. */
const STEPS = SERVICE_CASES.map((services, index) => {
  const policies = POLICY_CASES[index % POLICY_CASES.length];
  return {
    name: `${services.name} and ${policies?.name}`,
    fragments: [...services.fragments, ...(policies?.fragments ?? [])],
  };
});

describe('rulesets in the kernel', { concurrency: false }, () => {
  let machine: Namespaces;
  before(async () => {
    machine = await createNamespaces({ init: ['plain'], cgroups: [] });
  });
  after(() => machine?.kill());

  const nft = async (input: string, ...args: string[]): Promise<void> => {
    const { code, stderr } = await machine.run(['nft', ...args, '-f', '-'], { input });
    assert.equal(code, 0, stderr);
  };

  it('each golden ruleset is one that nft takes', async () => {
    const base = readFileSync(join(FOLDER, BASE), 'utf8');
    for (const file of readdirSync(FOLDER)) {
      const text = file === BASE ? '' : readFileSync(join(FOLDER, file), 'utf8');
      await nft(base + text, '-c').catch((error: unknown) => assert.fail(`${file}: ${error}`));
    }
  });

  it('nft takes what services and policies at random say: one that it refuses would cost a node all of them', async () => {
    const services = fc.sample(fc.array(serviceStep, { minLength: 4, maxLength: 8 }), { seed: 14, numRuns: WORLDS });
    const policies = fc.sample(fc.array(policyStep, { minLength: 10, maxLength: 24 }), { seed: 15, numRuns: WORLDS });
    const tables = services.map((steps, index) => {
      const fragments = freshFragments();
      for (const { number, shape } of steps) fragments.put(`service ${number}`, shape && renderRandom(number, shape));
      const state = emptyState();
      for (const step of policies[index] ?? []) applyStep(state, step);
      const world = { pods: [...state.pods.values()], namespaces: state.namespaces };
      for (const [owner, fragment] of computePolicyFragments([...state.policies.values()], world)) {
        fragments.put(owner, fragment);
      }
      return renderTable({ ...SKELETON, table: `world-${index}` }, fragments.takeAll());
    });
    await nft(tables.join(''), '-c');
  });

  it('changes one after the other lead to the table of a full load', async () => {
    const fragments = freshFragments();
    fragments.takeAll();
    await nft(renderBase());
    for (const [index, step] of STEPS.entries()) {
      for (const [owner] of STEPS[index - 1]?.fragments ?? []) fragments.put(owner, undefined);
      for (const [owner, fragment] of step.fragments) fragments.put(owner, fragment);
      const changes = fragments.take();
      if (changes.length > 0) await nft(renderChanges(TABLE, changes));
      // A look at every few of them keeps the test short: what is wrong with a set stays wrong.
      if (index % 4 !== 0 && index !== STEPS.length - 1) continue;
      const changed = await list(machine);
      await nft(renderTable(SKELETON, fragments.takeAll()));
      assert.deepEqual(changed, await list(machine), step.name);
    }
  });
});

/** The kernel's table without what depends on the order in which it was made. */
async function list(machine: Namespaces): Promise<string[]> {
  const { nftables } = JSON.parse(await machine.output('nft', '-j', 'list', 'table', 'inet', TABLE)) as {
    nftables: Record<string, Listed>[];
  };
  const ruleCounts = new Map<string, number>();
  return nftables
    .flatMap((entry) => Object.entries(entry))
    .map(([kind, { handle: _, elem = [], ...rest }]) => {
      // Where in its chain a rule stands is part of what it is.
      const place = kind === 'rule' ? (ruleCounts.get(rest.chain ?? '') ?? 0) : 0;
      if (kind === 'rule') ruleCounts.set(rest.chain ?? '', place + 1);
      return JSON.stringify([kind, place, rest, elem.map((each) => JSON.stringify(each)).sort()]);
    })
    .sort();
}

interface Listed {
  handle?: number;
  chain?: string;
  elem?: unknown[];
}
