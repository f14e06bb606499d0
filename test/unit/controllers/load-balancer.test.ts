/** At which nodes a load balancer is served. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { computeIngress, provisionOf } from '../../../master/controllers/load-balancer/plan.ts';
import { choosePoolAddress, takenByOthers } from '../../../master/controllers/load-balancer/pool-plan.ts';
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Node } from '../../../shared/api/node.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import type { Service } from '../../../shared/api/service.ts';
import { ServiceKind } from '../../../shared/api/service.ts';
import { addressesOfPool, parseAddressPool } from '../../../shared/machinery/address-pool.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';

function makeNode(
  name: string,
  address: string,
  change: { ready?: boolean; labels?: Record<string, string> } = {},
): Node {
  const { ready = true, labels = {} } = change;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', labels },
    spec: {},
    status: {
      addresses: [{ type: 'InternalIP', address }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }],
      daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
      nodeInfo: {} as Node['status']['nodeInfo'],
    },
  };
}

const NODES = [
  makeNode('b', '10.77.0.2'),
  makeNode('a', '10.77.0.1'),
  makeNode('lost', '10.77.0.3', { ready: false }),
  makeNode('hidden', '10.77.0.4', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } }),
  makeNode('six', 'fd77::6'),
];

function makeService(spec: Partial<Service['spec']>): Service {
  return {
    ...{ apiVersion: 'v1', kind: 'Service' },
    metadata: { name: 'web', namespace: 'default', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
    spec: { type: 'LoadBalancer', sessionAffinity: 'None', clusterIPs: ['10.43.0.9'], ...spec },
    status: { loadBalancer: {} },
  };
}

const SLICE = {
  endpoints: [
    { addresses: ['10.42.1.1'], nodeName: 'b', conditions: { ready: true } },
    { addresses: ['10.42.2.1'], nodeName: 'a', conditions: { ready: false } },
  ],
} as EndpointSlice;

describe('addresses of a load balancer', () => {
  const table: { name: string; spec: Partial<Service['spec']>; ips: string[] }[] = [
    { name: 'ready nodes of the family, sorted', spec: {}, ips: ['10.77.0.1', '10.77.0.2'] },
    {
      name: 'both families',
      spec: { clusterIPs: ['10.43.0.9', 'fd43::9'] },
      ips: ['10.77.0.1', '10.77.0.2', 'fd77::6'],
    },
    { name: 'policy Local: where ready pods are', spec: { externalTrafficPolicy: 'Local' }, ips: ['10.77.0.2'] },
  ];
  for (const { name, spec, ips } of table) {
    it(name, () => {
      const ingress = computeIngress(makeService(spec), NODES, [SLICE]);
      assert.deepEqual(
        ingress.map(({ ip }) => ip),
        ips,
      );
    });
  }

  it('whose it is, and whether it gets an address of the pool', () => {
    const provisions = (spec: Partial<Service['spec']>) =>
      [false, true].map((hasPool) => provisionOf(makeService(spec), hasPool));
    assert.deepEqual(provisions({}), ['nodes', 'pool']);
    assert.deepEqual(provisions({ loadBalancerClass: 'bramble.dev/node-addresses' }), ['nodes', 'nodes']);
    assert.deepEqual(provisions({ loadBalancerClass: 'bramble.dev/address-pool' }), ['pool', 'pool']);
    assert.deepEqual(provisions({ loadBalancerClass: 'example.com/x' }), ['foreign', 'foreign']);
    assert.deepEqual(provisions({ type: 'ClusterIP' }), ['none', 'none']);
  });
});

describe('an address of the pool', () => {
  const pool = parseAddressPool(['10.77.0.240-10.77.0.241', '10.77.1.0/30']) ?? [];
  const held = (name: string, ip: string, created = '2026-01-02'): Service => {
    const { metadata, ...rest } = makeService({});
    return {
      ...rest,
      metadata: { ...metadata, name, uid: name, creationTimestamp: created },
      status: { loadBalancer: { ingress: [{ ip }] } },
    };
  };
  const choose = (service: Service, others: Service[] = []) =>
    choosePoolAddress(service, pool, takenByOthers(service, others));

  it('is read as people write it', () => {
    assert.deepEqual([...addressesOfPool(pool)], ['10.77.0.240', '10.77.0.241', '10.77.1.1', '10.77.1.2']);
    for (const text of ['x', '10.0.0.9-10.0.0.1', 'fd00::/64', '10.0.0.1-2-3', '']) {
      assert.equal(parseAddressPool([text]), undefined, text);
    }
  });
  it('is the first free one, and stays', () => {
    assert.equal(choose(makeService({}), [held('a', '10.77.0.240')]).address, '10.77.0.241');
    assert.equal(choose(held('web', '10.77.1.2'), [held('a', '10.77.0.240')]).address, '10.77.1.2');
  });
  it('is the wanted one, or none', () => {
    assert.equal(choose(makeService({ loadBalancerIP: '10.77.1.1' })).address, '10.77.1.1');
    const taken = choose(makeService({ loadBalancerIP: '10.77.1.1' }), [held('a', '10.77.1.1')]);
    assert.deepEqual([taken.address, taken.problem], [undefined, '10.77.1.1 is not to be had: another service has it']);
    assert.match(choose(makeService({ loadBalancerIP: '10.9.9.9' })).problem ?? '', /does not have it/);
  });
  it('of two that claim one, as after a restore, the older keeps it', () => {
    const [older, younger] = [held('a', '10.77.0.240', '2026-01-01'), held('b', '10.77.0.240', '2026-01-03')];
    assert.equal(choose(older, [younger]).address, '10.77.0.240');
    assert.equal(choose(younger, [older]).address, '10.77.0.241');
  });
  it('runs out', () => {
    const all = [...addressesOfPool(pool)].map((ip) => held(ip, ip));
    assert.match(choose(makeService({}), all).problem ?? '', /used up/);
  });
});

describe('the controller', () => {
  it('follows nodes that come and go', async () => {
    const cluster: LiveCluster = await startLiveCluster();
    try {
      const { client } = cluster;
      for (const name of ['pi-1', 'pi-2']) await cluster.addNode({ name });
      const key = { namespace: 'default', name: 'web' };
      const ports = [{ port: 80 }];
      await client.create(ServiceKind, {
        metadata: key,
        spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports },
      });
      const expected = (await client.list(NodeKind)).items.flatMap(({ status }) =>
        (status.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address),
      );
      const shown = async (): Promise<string[]> =>
        ((await client.get(ServiceKind, key)).status.loadBalancer.ingress ?? []).flatMap(({ ip }) => ip ?? []);
      await cluster.until(
        'both nodes serve',
        async () => (await shown()).join() === [...new Set(expected)].sort().join(),
      );
      await client.patch(ServiceKind, key, { type: 'merge', body: { spec: { type: 'ClusterIP' } } });
      await cluster.until('nobody serves', async () => (await shown()).length === 0);
    } finally {
      await cluster.stop();
    }
  });

  it('gives each service an address of the pool of its own, and a freed one to who waits', async () => {
    const network = {
      clusterCidrs: ['10.42.0.0/16'],
      serviceCidrs: ['10.43.0.0/16'],
      balancerPool: ['10.77.0.240/31'],
    };
    const cluster = await startLiveCluster({ network });
    try {
      const { client } = cluster;
      await cluster.addNode({ name: 'pi-1' });
      const keyOf = (name: string) => ({ namespace: 'default', name });
      const create = (name: string) =>
        client.create(ServiceKind, { metadata: keyOf(name), spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } });
      const shown = async (name: string): Promise<string | undefined> =>
        (await client.get(ServiceKind, keyOf(name))).status.loadBalancer.ingress?.[0]?.ip;
      await Promise.all(['a', 'b', 'c'].map(create));
      const given = async (): Promise<string[]> =>
        (await Promise.all(['a', 'b', 'c'].map(shown))).flatMap((ip) => ip ?? []);
      await cluster.until('two have one', async () => (await given()).length === 2);
      assert.deepEqual((await given()).sort(), ['10.77.0.240', '10.77.0.241']);
      const owners = await Promise.all(['a', 'b', 'c'].map(async (name) => ({ name, ip: await shown(name) })));
      const holder = owners.find(({ ip }) => ip !== undefined)?.name ?? '';
      const waiting = owners.find(({ ip }) => ip === undefined)?.name ?? '';
      await client.delete(ServiceKind, keyOf(holder));
      await cluster.until('the third has it', async () => (await shown(waiting)) !== undefined);
    } finally {
      await cluster.stop();
    }
  });
});
