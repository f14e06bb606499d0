/** Who holds an address of the pool: every agent by itself, and all the same one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BalancerAddresses } from '../../../../node-agent/network/balancer-addresses/balancer-addresses.ts';
import {
  chooseHolder,
  computeHeldAddresses,
  type HeldAddress,
} from '../../../../node-agent/network/balancer-addresses/compute-held.ts';
import type { Node } from '../../../../shared/api/node.ts';
import type { Service } from '../../../../shared/api/service.ts';
import { parseAddressPool } from '../../../../shared/machinery/address-pool.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { seededRandom } from '../../../../shared/platform/random.ts';
import type { Shell } from '../../../../shared/platform/shell.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';
import { service, slice } from '../dns/zone-fixture.ts';

const POOL = parseAddressPool(['10.77.0.240-10.77.0.249']) ?? [];
const NAMES = ['a', 'b', 'c'];

interface Change {
  ready?: 'True' | 'Unknown';
  labels?: Record<string, string>;
  address?: string;
}

function node(name: string, { ready = 'True', labels = {}, address }: Change = {}): Node {
  const own = address ?? `10.77.0.${NAMES.indexOf(name) + 1}`;
  return {
    ...{ apiVersion: 'v1', kind: 'Node' },
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '', labels },
    spec: {},
    status: {
      addresses: [{ type: 'InternalIP', address: own }],
      conditions: [{ type: 'Ready', status: ready }],
      daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
      nodeInfo: {} as Node['status']['nodeInfo'],
    },
  };
}

function balancer(ip: string, spec: Partial<Service['spec']> = {}): Service {
  const made = service('default/web', { type: 'LoadBalancer', ...spec });
  return { ...made, status: { loadBalancer: { ingress: [{ ip }] } } };
}

/** What the machine of each node holds. */
function holders(services: Service[], nodes: Node[], endpoints: string[] = []): Record<string, string[]> {
  const ready = endpoints.map((nodeName) => ({ addresses: ['10.42.0.5'], nodeName, conditions: { ready: true } }));
  const held = nodes.map(({ metadata, status }): [string, string[]] => {
    const cidr = `${status.addresses?.[0]?.address}/24`;
    const mine = computeHeldAddresses({
      ...{ services, nodes, pool: POOL, ownNodes: new Set([metadata.name]) },
      ownAddresses: [{ device: 'eth0', cidr }],
      slicesOf: () => [slice('default/web', ready)],
    });
    return [metadata.name, mine.map(({ address }) => address)];
  });
  return Object.fromEntries(held.filter(([, addresses]) => addresses.length > 0));
}

describe('the holder of an address', () => {
  const all = NAMES.map((name) => node(name));
  const service = balancer('10.77.0.240');
  const [holder = ''] = Object.keys(holders([service], all));

  it('is one node, and another one when it is not ready or excluded', () => {
    assert.deepEqual(Object.values(holders([service], all)), [['10.77.0.240']]);
    const label = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
    const changes: Change[] = [{ ready: 'Unknown' }, { labels: label }];
    for (const change of changes) {
      const nodes = NAMES.map((name) => node(name, name === holder ? change : {}));
      const [next] = Object.keys(holders([service], nodes));
      assert.ok(next !== undefined && next !== holder);
    }
  });
  it('is on the segment of the address', () => {
    const nodes = NAMES.map((name) => node(name, name === 'b' ? {} : { address: '10.78.0.9' }));
    assert.deepEqual(Object.keys(holders([service], nodes)), ['b']);
  });
  it('has a ready pod, with policy Local', () => {
    const local = balancer('10.77.0.240', { externalTrafficPolicy: 'Local' });
    for (const name of NAMES) assert.deepEqual(Object.keys(holders([local], all, [name])), [name]);
    assert.deepEqual(holders([local], all), {});
  });
  it('is nobody for addresses that are not of the pool, and for services of other types', () => {
    assert.deepEqual(holders([balancer('10.77.0.2')], all), {});
    assert.deepEqual(holders([balancer('10.77.0.240', { type: 'ClusterIP' })], all), {});
  });
  it('changes for the addresses of a node that goes, and for no others', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 8 }),
        fc.nat(255),
        (names, n) => {
          const address = `10.77.0.${n}`;
          const [gone] = names;
          const [before, after] = [chooseHolder(address, names), chooseHolder(address, names.slice(1).reverse())];
          assert.ok(before === gone ? after !== gone : after === before);
        },
      ),
      { seed: 4 },
    );
  });
});

describe('what is done on the machine', () => {
  interface World {
    wanted: HeldAddress[];
    /** On the device. */
    present: string[];
    done: string[];
  }
  async function settle(world: World): Promise<BalancerAddresses> {
    const clock = createVirtualClock();
    const shell: Shell = {
      async run(program, args, input = '') {
        const line = [program, ...args].join(' ');
        if (line.includes('addr show')) {
          const info = world.present.map((local) => ({ local }));
          return { code: world.present.length > 0 ? 0 : 1, stdout: JSON.stringify([{ addr_info: info }]), stderr: '' };
        }
        world.done.push(...(input === '' ? [line] : input.trim().split('\n')));
        return { code: 0, stdout: '', stderr: '' };
      },
    };
    const addresses = new BalancerAddresses({
      ...{ shell, device: 'lb', clock, random: seededRandom(1), logger: silentLogger },
      wanted: () => world.wanted,
      onChange: () => undefined,
    });
    await addresses.start();
    addresses.lookAgain();
    await clock.settle();
    return addresses;
  }
  const held = (address: string): HeldAddress => ({ address, device: 'eth0' });

  it('nothing where nothing is held', async () => {
    const world: World = { wanted: [], present: [], done: [] };
    await (await settle(world)).stop();
    assert.deepEqual(world.done, []);
  });
  it('an address comes, is told, and goes with who held it', async () => {
    const world: World = { wanted: [held('10.77.0.240')], present: [], done: [] };
    const addresses = await settle(world);
    assert.deepEqual(addresses.list(), ['10.77.0.240']);
    assert.deepEqual(world.done, [
      'ip link add lb type bridge',
      'link set lb up',
      'addr replace 10.77.0.240/32 dev lb',
      'arping -q -U -c 3 -I eth0 10.77.0.240',
    ]);
    await addresses.stop();
    assert.equal(world.done.at(-1), 'ip link del lb');
  });
  it('what a life before left is kept, or taken away', async () => {
    const world: World = { wanted: [held('10.77.0.241')], present: ['10.77.0.240', '10.77.0.241'], done: [] };
    await settle(world);
    assert.ok(world.done.includes('addr del 10.77.0.240/32 dev lb'));
    const empty: World = { wanted: [], present: ['10.77.0.240'], done: [] };
    await settle(empty);
    assert.deepEqual(empty.done, ['ip link del lb']);
  });
});
