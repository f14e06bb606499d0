/** The rules of nftables mean what the Services and EndpointSlices say, whatever changed in whatever order. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Fragments } from '../../../node-agent/proxy/ruleset/fragments.ts';
import { renderNetwork } from '../../../node-agent/proxy/ruleset/network-fragment.ts';
import { renderChanges, renderTable } from '../../../node-agent/proxy/ruleset/render.ts';
import { renderService } from '../../../node-agent/proxy/ruleset/service-fragment.ts';
import { renderSkeleton } from '../../../node-agent/proxy/ruleset/skeleton.ts';
import { computePortals } from '../../../node-agent/proxy/services/compute-portals.ts';
import { describeTable } from '../../support/nft/describe-table.ts';
import { NftKernel, type Table } from '../../support/nft/kernel.ts';
import { type Outcome, type Packet, sendPacket } from '../../support/nft/packet.ts';
import { expectOutcome } from './model.ts';
import { HERE, makeService, OWN_ADDRESSES, type ServiceState, type ServiceStep, stepArbitrary } from './world.ts';

const TABLE = 'bramble';
const SKELETON = renderSkeleton({ table: TABLE, tunnel: 'bramble-vxlan' });
const LOCALITY = { nodes: new Set([HERE]), zone: 'a' };
const NETWORK = {
  clusterRanges: ['10.42.0.0/16', 'fd42::/56'],
  serviceRanges: ['10.43.0.0/16', 'fd43::/112'],
  ownRanges: ['10.42.0.0/24', 'fd42::/64'],
};

function freshFragments(): Fragments {
  const fragments = new Fragments();
  fragments.put('network', renderNetwork(NETWORK));
  return fragments;
}

function put(fragments: Fragments, number: number, state: ServiceState | undefined): void {
  const fragment = state && renderService(computePortals(state.service, state.slices, LOCALITY));
  fragments.put(`service ${number}`, fragment);
}

function load(fragments: Fragments): NftKernel {
  const kernel = new NftKernel();
  kernel.apply(renderTable(SKELETON, fragments.takeAll()));
  return kernel;
}

/** Applies the steps one transaction each, as the agent does. */
function run(steps: readonly ServiceStep[]): { states: Map<number, ServiceState>; table: Table } {
  const fragments = freshFragments();
  const kernel = load(fragments);
  const states = new Map<number, ServiceState>();
  for (const { number, shape } of steps) {
    const state = shape && makeService(number, shape);
    if (state === undefined) states.delete(number);
    else states.set(number, state);
    put(fragments, number, state);
    const changes = fragments.take();
    if (changes.length > 0) kernel.apply(renderChanges(TABLE, changes));
  }
  return { states, table: kernel.table(TABLE) };
}

const packetArbitrary = fc.record({
  to: fc.nat(13),
  from: fc.nat(4),
  protocol: fc.constantFrom<Packet['protocol']>('tcp', 'udp', 'sctp'),
  port: fc.constantFrom(80, 53, 99, 30_000, 30_001, 30_010, 30_020, 30_030, 7),
});

const DESTINATIONS = [
  ...[0, 1, 2, 3].flatMap((number) => [`10.43.0.${100 + number}`, `fd43::${100 + number}`]),
  ...['192.0.2.1', '192.0.2.2', '2001:db8::1', '10.77.0.1', 'fd77::1', '8.8.8.8'],
];
const SOURCES: Readonly<Record<4 | 6, readonly string[]>> = {
  4: ['10.42.0.77', '10.42.2.77', '10.77.0.1', '198.51.100.7', '203.0.113.7'],
  6: ['fd42::77', 'fd42:0:0:2::77', 'fd77::1', '2001:db8:1::7', '2001:db8:9::7'],
};

function makePacket({
  to,
  from,
  protocol,
  port,
}: {
  to: number;
  from: number;
  protocol: Packet['protocol'];
  port: number;
}): Packet {
  const destination = DESTINATIONS[to] ?? '8.8.8.8';
  const source = SOURCES[destination.includes(':') ? 6 : 4][from] ?? '';
  return { source, destination, protocol, port, isOwn: OWN_ADDRESSES.includes(source) };
}

const MOST_DICE = 12;

/** With every throw of the dice. */
function outcomesOf(table: Table, packet: Packet): Outcome[] {
  return Array.from({ length: MOST_DICE }, (_, number) => {
    const dice = (count: number): number => number % count;
    return sendPacket(table, packet, { ownAddresses: OWN_ADDRESSES, dice, isRehearsal: true });
  });
}

it('every packet goes where the Services say', () => {
  fc.assert(
    fc.property(
      fc.array(stepArbitrary, { maxLength: 8 }),
      fc.array(packetArbitrary, { maxLength: 12 }),
      (steps, shots) => {
        const { states, table } = run(steps);
        for (const packet of shots.map(makePacket)) {
          const expected = expectOutcome([...states.values()], packet);
          const outcomes = outcomesOf(table, packet);
          const verdicts = new Set(outcomes.map(({ verdict }) => verdict));
          assert.deepEqual([...verdicts], [expected.verdict], JSON.stringify({ packet, expected }));
          if (expected.verdict !== 'accept') continue;
          const reached = new Set(outcomes.map(({ destination, port }) => `${destination} ${port}`));
          assert.deepEqual([...reached].sort(), expected.destinations, JSON.stringify(packet));
        }
      },
    ),
    { seed: 4, numRuns: 300 },
  );
});

it('a client with affinity stays with its target, and only as long as that is one', () => {
  const scene = fc.array(stepArbitrary, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(scene, fc.nat(11), fc.nat(11), (steps, first, second) => {
      const { states, table } = run(steps);
      for (const { service } of states.values()) {
        const [address = ''] = service.spec.clusterIPs ?? [];
        const [port] = service.spec.ports ?? [];
        if (service.spec.sessionAffinity !== 'ClientIP' || address === '' || address === 'None' || !port) continue;
        const protocol = port.protocol.toLowerCase() as Packet['protocol'];
        const source = address.includes(':') ? 'fd42::77' : '10.42.0.77';
        const send = (dice: number): Outcome =>
          sendPacket(
            table,
            { source, destination: address, protocol, port: port.port },
            { ownAddresses: OWN_ADDRESSES, dice: (count) => dice % count },
          );
        assert.deepEqual(send(first), send(second));
      }
    }),
    { seed: 8, numRuns: 200 },
  );
});

it('changes lead to the very table that a fresh start makes', () => {
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 10 }), (steps) => {
      const { states, table } = run(steps);
      const fragments = freshFragments();
      for (const [number, state] of states) put(fragments, number, state);
      assert.deepEqual(describeTable(table), describeTable(load(fragments).table(TABLE)));
    }),
    { seed: 6, numRuns: 200 },
  );
});

it('sources are kept but where the answer would not come back', () => {
  fc.assert(
    fc.property(
      fc.array(stepArbitrary, { maxLength: 5 }),
      fc.array(packetArbitrary, { maxLength: 10 }),
      (steps, shots) => {
        const { states, table } = run(steps);
        for (const packet of shots.map(makePacket)) {
          const expected = expectOutcome([...states.values()], packet);
          if (expected.verdict !== 'accept' || expected.service === undefined) continue;
          const isPod = /^(10\.42|fd42)/.test(packet.source);
          const isInternal = /^(10\.43|fd43)/.test(packet.destination);
          for (const { hasNewSource, destination } of outcomesOf(table, packet)) {
            if (isInternal) assert.equal(hasNewSource, !isPod || destination === packet.source, JSON.stringify(packet));
            const service = [...states.values()].find(({ service }) => service.metadata.name === expected.service);
            const isLocalPolicy = service?.service.spec.externalTrafficPolicy === 'Local';
            if (!isInternal && !isLocalPolicy) assert.ok(hasNewSource);
            if (!isInternal && isLocalPolicy) assert.equal(hasNewSource, packet.isOwn === true, JSON.stringify(packet));
          }
        }
      },
    ),
    { seed: 12, numRuns: 200 },
  );
});
