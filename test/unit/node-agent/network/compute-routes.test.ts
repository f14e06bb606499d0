/** How packets find the pods of other nodes, with one address family and with two. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeRoutes } from '../../../../node-agent/network/compute-routes.ts';
import { findOtherAddress } from '../../../../node-agent/network/other-address.ts';
import type { Node } from '../../../../shared/api/node.ts';

function node(name: string, addresses: string[], podCIDRs: string[]): Node {
  const internal = addresses.map((address) => ({ type: 'InternalIP', address }));
  const metadata = { name, uid: name, resourceVersion: '1', creationTimestamp: '' };
  const status = {
    addresses: internal,
    daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
    nodeInfo: {} as Node['status']['nodeInfo'],
  };
  return { apiVersion: 'v1', kind: 'Node', metadata, spec: { podCIDRs }, status };
}

const OWN = [
  { device: 'eth0', cidr: '10.77.0.1/24' },
  { device: 'eth0', cidr: 'fd77::1/64' },
  { device: 'wlan0', cidr: 'fd99::1/64' },
];
const HERE = node('here', ['10.77.0.1', 'fd77::1'], ['10.42.0.0/24', 'fd42:0:0:1::/64']);

function routesTo(others: Node[]): { routes: string[]; peers: number; device: readonly string[] | undefined } {
  const { routes, tunnel, peers } = computeRoutes({
    nodes: [HERE, ...others],
    ownNodes: new Set(['here']),
    ownAddresses: OWN,
    tunnel: 'tunnel',
    serviceRanges: ['10.43.0.0/16', 'fd43::/112'],
    bridge: 'bridge',
  });
  const lines = routes.map(({ destination, via, device }) => [destination, via, device].join(' ').trim());
  return { routes: lines, peers: peers.length, device: tunnel?.addresses };
}

const SERVICES = ['10.43.0.0/16  bridge', 'fd43::/112  bridge'];

test('a node on the segment is the next hop of both its slices', () => {
  const { routes, peers } = routesTo([node('a', ['10.77.0.2', 'fd77::2'], ['10.42.1.0/24', 'fd42:0:0:2::/64'])]);
  assert.deepEqual(routes, ['10.42.1.0/24 10.77.0.2', SERVICES[0], 'fd42:0:0:2::/64 fd77::2', SERVICES[1]]);
  assert.equal(peers, 0);
});

test('where the LAN has no IPv6 the second family goes through the tunnel, the first does not', () => {
  const { routes, peers, device } = routesTo([node('a', ['10.77.0.2'], ['10.42.1.0/24', 'fd42:0:0:2::/64'])]);
  const tunnelled = 'fd42:0:0:2::/64 fd42:0:0:2:: tunnel';
  assert.deepEqual(routes, ['10.42.1.0/24 10.77.0.2', SERVICES[0], tunnelled, SERVICES[1]]);
  assert.equal(peers, 1);
  assert.deepEqual(device, ['10.42.0.0/32', 'fd42:0:0:1::/128']);
});

test('a node elsewhere is reached through the tunnel; one without an address is not', () => {
  const far = node('a', ['10.78.0.2'], ['10.42.1.0/24', 'fd42:0:0:2::/64']);
  const { routes } = routesTo([far, node('b', [], ['10.42.2.0/24'])]);
  const tunnelled = ['10.42.1.0/24 10.42.1.0 tunnel', SERVICES[0], 'fd42:0:0:2::/64 fd42:0:0:2:: tunnel', SERVICES[1]];
  assert.deepEqual(routes, tunnelled);
});

test('the second address of a board is on the device of the first, and one that stays', () => {
  const more = [{ device: 'eth0', cidr: '2001:db8::5/64' }, ...OWN];
  assert.equal(findOtherAddress(more, '10.77.0.1'), 'fd77::1');
  assert.equal(findOtherAddress(more, 'fd77::1'), '10.77.0.1');
  assert.equal(findOtherAddress(more, 'fd99::1'), undefined);
  assert.equal(findOtherAddress(more, '192.0.2.1'), undefined);
});
