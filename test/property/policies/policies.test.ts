/** The rules of nftables let through what NetworkPolicies allow, and nothing else, whatever changed in whatever order. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { computePolicyFragments } from '../../../node-agent/proxy/policies/compute-policies.ts';
import type { Fragments } from '../../../node-agent/proxy/ruleset/fragments.ts';
import { renderChanges, renderTable } from '../../../node-agent/proxy/ruleset/render.ts';
import { describeTable } from '../../support/nft/describe-table.ts';
import { NftKernel, type Table } from '../../support/nft/kernel.ts';
import { type Packet, sendPacket } from '../../support/nft/packet.ts';
import { freshFragments, SKELETON, TABLE } from '../../support/rulesets/ruleset-case.ts';
import { mayPass } from './model.ts';
import { applyStep, emptyState, NUMBERS, type State, type Step, stepArbitrary } from './world.ts';

const OWN_ADDRESSES = ['10.77.0.1', '10.42.0.1', 'fd42::1'];
const OUTSIDE = ['198.51.100.7', '198.51.100.8', '203.0.113.1', '2001:db8:1::7', '2001:db8:2::7', '2001:db8:9::7'];

function load(fragments: Fragments): NftKernel {
  const kernel = new NftKernel();
  kernel.apply(renderTable(SKELETON, fragments.takeAll()));
  return kernel;
}

/** As the agent does: owners that have nothing any more first, then all others. */
function tell(fragments: Fragments, { policies, pods, namespaces }: State): void {
  const wanted = computePolicyFragments([...policies.values()], { pods: [...pods.values()], namespaces });
  for (const owner of fragments.owners())
    if (owner !== 'network' && !wanted.has(owner)) fragments.put(owner, undefined);
  for (const [owner, fragment] of wanted) fragments.put(owner, fragment);
}

/** Applies the steps, one transaction each. */
function run(steps: readonly Step[]): { state: State; table: Table } {
  const fragments = freshFragments();
  const kernel = load(fragments);
  const state = emptyState();
  for (const step of steps) {
    applyStep(state, step);
    tell(fragments, state);
    const changes = fragments.take();
    if (changes.length > 0) kernel.apply(renderChanges(TABLE, changes));
  }
  return { state, table: kernel.table(TABLE) };
}

const shotArbitrary = fc.record({
  from: fc.nat(99),
  to: fc.nat(99),
  protocol: fc.constantFrom<Packet['protocol']>('tcp', 'udp', 'sctp', 'tcp', 'neighbour'),
  port: fc.constantFrom(...NUMBERS, 7),
  isEstablished: fc.boolean().map((value) => value),
});

/** From and to pods, mostly; a packet that the node itself makes comes from one of its addresses. */
function makePacket({ pods }: State, shot: typeof shotArbitrary extends fc.Arbitrary<infer T> ? T : never): Packet {
  const own = [...pods.values()].flatMap(({ addresses }) => addresses);
  const places = [...own, ...own, ...OUTSIDE, ...OWN_ADDRESSES];
  const source = places[shot.from % places.length] ?? '';
  const sameFamily = places.filter((each) => each.includes(':') === source.includes(':') && each !== source);
  const destination = sameFamily[shot.to % sameFamily.length] ?? '';
  const { protocol, port } = shot;
  const isEstablished = shot.isEstablished && shot.port === 7;
  return { source, destination, protocol, port, isOwn: OWN_ADDRESSES.includes(source), isEstablished };
}

it('a connection is let through when the policies of both its ends allow it', () => {
  const seen = { accept: 0, drop: 0, reject: 0 };
  fc.assert(
    fc.property(
      fc.array(stepArbitrary, { minLength: 10, maxLength: 24 }),
      fc.array(shotArbitrary, { minLength: 8, maxLength: 24 }),
      (steps, shots) => {
        const { state, table } = run(steps);
        for (const shot of shots) {
          const packet = makePacket(state, shot);
          const { verdict } = sendPacket(table, packet, { ownAddresses: OWN_ADDRESSES, dice: () => 0 });
          seen[verdict] += 1;
          const expected = mayPass(state, packet, OWN_ADDRESSES) ? 'accept' : 'drop';
          assert.equal(verdict, expected, JSON.stringify({ packet, policies: [...state.policies.values()] }));
        }
      },
    ),
    { seed: 44, numRuns: 250 },
  );
  // A world in which nothing is ever kept out would prove nothing.
  assert.ok(seen.drop > 300 && seen.accept > 300, JSON.stringify(seen));
});

it('changes lead to the very table that a fresh start makes', () => {
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 20 }), (steps) => {
      const { state, table } = run(steps);
      const fragments = freshFragments();
      tell(fragments, state);
      assert.deepEqual(describeTable(table), describeTable(load(fragments).table(TABLE)));
    }),
    { seed: 45, numRuns: 150 },
  );
});
