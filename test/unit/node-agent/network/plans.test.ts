/** The network of a node's pods, what Nodes tell of a machine, and what everything is called. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterRangesOf, nodesOfMachine, podRangesOf } from '../../../../node-agent/network/machine-nodes.ts';
import { computeNames, NETWORK_TAG } from '../../../../node-agent/network/names.ts';
import { planPodNetwork } from '../../../../node-agent/network/plan-pod-network.ts';
import type { PodNetworkRecord } from '../../../../node-agent/network/pod-network-engine.ts';
import { makeNode } from './nodes.ts';

const RECORD: PodNetworkRecord = { bridge: 'br-bramble-1234', subnets: ['10.42.3.0/24'], containers: ['one', 'two'] };

describe('the network of the pods', () => {
  it('is made when the node has a slice', () => {
    assert.deepEqual(planPodNetwork(undefined, ['10.42.3.0/24']), {
      actions: [{ type: 'create', subnets: ['10.42.3.0/24'] }],
      problem: undefined,
    });
  });
  it('pods wait while the node has none', () => {
    const { actions, problem } = planPodNetwork(undefined, undefined);
    assert.deepEqual(actions, []);
    assert.match(problem ?? '', /has not been given addresses/);
  });
  it('that of the last life is good enough without a master', () => {
    assert.deepEqual(planPodNetwork(RECORD, undefined), { actions: [], problem: undefined });
  });
  it('stays as it is when the slice is the same, however it is written', () => {
    assert.deepEqual(planPodNetwork(RECORD, ['10.42.3.7/24']).actions, []);
    const both = { ...RECORD, subnets: ['10.42.3.0/24', 'fd42:0:0:3::/64'] };
    assert.deepEqual(planPodNetwork(both, ['FD42:0:0:3::/64', '10.42.3.0/24']).actions, []);
  });
  it('is made anew with another slice: its pods have addresses of another node', () => {
    assert.deepEqual(planPodNetwork(RECORD, ['10.42.4.0/24']).actions, [
      { type: 'remove-container', id: 'one' },
      { type: 'remove-container', id: 'two' },
      { type: 'remove' },
      { type: 'create', subnets: ['10.42.4.0/24'] },
    ]);
  });
});

describe('what Nodes tell', () => {
  it('which of them are on this machine: its own, and those at its addresses', () => {
    const nodes = [
      makeNode('one', { addresses: ['10.77.0.1'] }),
      makeNode('two', { addresses: ['192.168.1.7', '10.77.0.1'] }),
      makeNode('three', { addresses: ['10.77.0.3'] }),
    ];
    const hasAddress = (address: string): boolean => address === '10.77.0.1';
    assert.deepEqual(nodesOfMachine(nodes, { node: 'own', hasAddress }), new Set(['own', 'one', 'two']));
  });
  it('slices of one family or of both', () => {
    assert.deepEqual(podRangesOf(makeNode('a', { podCIDRs: ['10.42.0.0/24', 'fd42::/64'] })), [
      '10.42.0.0/24',
      'fd42::/64',
    ]);
    assert.deepEqual(podRangesOf(makeNode('a', {})), []);
  });
  it('nothing of the cluster before the master has', () => {
    for (const node of [undefined, makeNode('a', {})]) {
      const { cluster, services } = clusterRangesOf(node);
      assert.deepEqual([cluster, services], [[], []]);
    }
  });
});

describe('names', () => {
  it('hold what the kernel takes: devices have 15 letters at most', () => {
    for (const tag of ['', 'ab12']) {
      const { tunnel, services, balancers, bridge } = computeNames('a-node-with-a-very-long-name.example.org', tag);
      for (const device of [tunnel, services, balancers, bridge]) assert.ok(device.length <= 15, device);
    }
  });
  it('tell clusters and nodes of one machine apart', () => {
    const [one, other] = [computeNames('pi', ''), computeNames('pi', 'ab12')];
    for (const key of ['table', 'tunnel', 'services', 'balancers', 'meeting'] as const)
      assert.notEqual(one[key], other[key], key);
    assert.notEqual(computeNames('pi-1', '').bridge, computeNames('pi-2', '').bridge);
  });
  it('a tag is short and plain', () => {
    for (const tag of ['', 'a', 'ab12']) assert.ok(NETWORK_TAG.test(tag), tag);
    for (const tag of ['abcde', 'A', 'a-b', 'a b']) assert.ok(!NETWORK_TAG.test(tag), tag);
  });
});
