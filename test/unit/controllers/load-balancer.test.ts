/** At which nodes a load balancer is served. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { computeIngress } from '../../../master/controllers/load-balancer/plan.ts';
import type { EndpointSlice } from '../../../shared/api/endpoint-slice.ts';
import type { Node } from '../../../shared/api/node.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import type { Service } from '../../../shared/api/service.ts';
import { ServiceKind } from '../../../shared/api/service.ts';
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
  const table: { name: string; spec: Partial<Service['spec']>; ips: string[] | undefined }[] = [
    { name: 'ready nodes of the family, sorted', spec: {}, ips: ['10.77.0.1', '10.77.0.2'] },
    {
      name: 'both families',
      spec: { clusterIPs: ['10.43.0.9', 'fd43::9'] },
      ips: ['10.77.0.1', '10.77.0.2', 'fd77::6'],
    },
    { name: 'policy Local: where ready pods are', spec: { externalTrafficPolicy: 'Local' }, ips: ['10.77.0.2'] },
    { name: 'no load balancer any more', spec: { type: 'ClusterIP' }, ips: [] },
    { name: "another provider's", spec: { loadBalancerClass: 'example.com/x' }, ips: undefined },
  ];
  for (const { name, spec, ips } of table) {
    it(name, () => {
      const ingress = computeIngress(makeService(spec), NODES, [SLICE]);
      assert.deepEqual(
        ingress?.map(({ ip }) => ip),
        ips,
      );
    });
  }
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
});
