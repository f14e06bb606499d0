/** Routes to the pods of other nodes: where they lead, and the lines that tell the kernel. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { computeRoutes, type RouteFacts } from '../../../../node-agent/network/compute-routes.ts';
import {
  isSameTunnel,
  parseRoutes,
  parseTunnel,
  renderForwarding,
  renderRouteChanges,
  renderTunnelDevice,
  renderTunnelNeighbours,
  splitFamilies,
} from '../../../../node-agent/network/route-commands.ts';
import { makeNode, type NodeShape } from './nodes.ts';

const HOME: NodeShape = { podCIDRs: ['10.42.0.0/24'], addresses: ['10.77.0.1'] };
const NEAR: NodeShape = { podCIDRs: ['10.42.1.0/24'], addresses: ['10.77.0.2'] };
const FAR: NodeShape = { podCIDRs: ['10.42.2.0/24'], addresses: ['10.78.0.3'] };

function compute(others: Readonly<Record<string, NodeShape>>, change: Partial<RouteFacts> = {}) {
  const nodes = Object.entries({ home: HOME, ...others }).map(([name, shape]) => makeNode(name, shape));
  return computeRoutes({
    ...{ nodes, ownNodes: new Set(['home']), ownAddresses: [{ device: 'eth0', cidr: '10.77.0.1/24' }] },
    ...{ tunnel: 'bramble-vxlan', serviceRanges: ['10.43.0.0/16'], bridge: 'br-bramble-1234' },
    ...change,
  });
}

const SERVICES = '10.43.0.0/16  br-bramble-1234';
const linesOf = ({ routes }: ReturnType<typeof compute>): string[] =>
  routes.map(({ destination, via, device }) => `${destination} ${via} ${device}`);

describe('where routes lead', () => {
  it('a node of the segment is the next hop itself', () => {
    const wanted = compute({ near: NEAR });
    assert.deepEqual(linesOf(wanted), ['10.42.1.0/24 10.77.0.2 ', SERVICES]);
    assert.equal(wanted.tunnel, undefined);
  });

  it('to another segment there is a tunnel, whose ends both sides know', () => {
    const wanted = compute({ near: NEAR, far: FAR });
    assert.deepEqual(linesOf(wanted), ['10.42.1.0/24 10.77.0.2 ', '10.42.2.0/24 10.42.2.0 bramble-vxlan', SERVICES]);
    assert.deepEqual(wanted.tunnel, { mac: '0a:62:0a:2a:00:00', addresses: ['10.42.0.0/32'], outer: '10.77.0.1' });
    assert.deepEqual(wanted.peers, [{ outer: '10.78.0.3', mac: '0a:62:0a:2a:02:00', inner: ['10.42.2.0'] }]);
  });

  const NOBODY: readonly (readonly [string, NodeShape])[] = [
    ['without a slice', { addresses: ['10.77.0.9'] }],
    ['without an address', { podCIDRs: ['10.42.9.0/24'] }],
    ['with an address of this machine', { podCIDRs: ['10.42.9.0/24'], addresses: ['10.77.0.1'] }],
    ['with an address that is none', { podCIDRs: ['10.42.9.0/24'], addresses: ['pi.local'] }],
    ['with a slice that is none', { podCIDRs: ['10.42.9'], addresses: ['10.77.0.9'] }],
  ];
  for (const [name, shape] of NOBODY) {
    it(`none to a node ${name}`, () => assert.deepEqual(linesOf(compute({ other: shape })), [SERVICES]));
  }

  it('none to services while the pods have no bridge', () => {
    assert.deepEqual(linesOf(compute({ near: NEAR }, { bridge: '' })), ['10.42.1.0/24 10.77.0.2 ']);
  });

  it('none through a tunnel that cannot be: this machine has no address that its node tells', () => {
    const wanted = compute({ far: FAR }, { ownAddresses: [{ device: 'eth0', cidr: '10.77.0.99/24' }] });
    assert.deepEqual(linesOf(wanted), [SERVICES]);
    assert.deepEqual([wanted.tunnel, wanted.peers], [undefined, []]);
  });

  it('the family that the LAN lacks goes through the tunnel over the other', () => {
    const both = { home: { ...HOME, podCIDRs: ['10.42.0.0/24', 'fd42::/64'] } };
    const near = { ...NEAR, podCIDRs: ['10.42.1.0/24', 'fd42:0:0:1::/64'] };
    const wanted = compute({ ...both, near });
    assert.deepEqual(linesOf(wanted), [
      '10.42.1.0/24 10.77.0.2 ',
      SERVICES,
      'fd42:0:0:1::/64 fd42:0:0:1:: bramble-vxlan',
    ]);
    assert.deepEqual(wanted.tunnel?.addresses, ['10.42.0.0/32', 'fd42::/128']);
  });

  it('nodes with slices of IPv6 alone have different hardware addresses', () => {
    const home = { podCIDRs: ['fd42::/64'], addresses: ['fd77::1'] };
    const others = [1, 2, 3].map((n) => [`far${n}`, { podCIDRs: [`fd42:0:0:${n}::/64`], addresses: [`fd78::${n}`] }]);
    const wanted = compute(
      { home, ...Object.fromEntries(others) },
      { ownAddresses: [{ device: 'eth0', cidr: 'fd77::1/64' }], serviceRanges: [] },
    );
    assert.equal(new Set([wanted.tunnel?.mac, ...wanted.peers.map(({ mac }) => mac)]).size, 4);
  });
});

describe('what the kernel is told', () => {
  const near = { destination: '10.42.1.0/24', via: '10.77.0.2', device: '' };
  const far = { destination: '10.42.2.0/24', via: '10.42.2.0', device: 'bramble-vxlan' };
  const services = { destination: '10.43.0.0/16', via: '', device: 'br-bramble-1234' };

  it('what is missing or differs, and what must go; the rest is left alone', () => {
    assert.deepEqual(renderRouteChanges([], [near, far, services]), [
      'route replace 10.42.1.0/24 via 10.77.0.2 proto 142',
      'route replace 10.42.2.0/24 via 10.42.2.0 dev bramble-vxlan onlink proto 142',
      'route replace 10.43.0.0/16 dev br-bramble-1234 proto 142',
    ]);
    assert.deepEqual(renderRouteChanges([near, services], [{ ...near, via: '10.77.0.33' }, services]), [
      'route replace 10.42.1.0/24 via 10.77.0.33 proto 142',
    ]);
    assert.deepEqual(renderRouteChanges([near, services], [services]), ['route del 10.42.1.0/24 proto 142']);
    assert.deepEqual(renderRouteChanges([near, far, services], [services, far, near]), []);
  });

  it('reads what ip shows', () => {
    const shown = JSON.stringify([
      { dst: '10.42.1.0/24', gateway: '10.77.0.2', dev: 'eth0', protocol: '142', flags: [] },
      { dst: '10.42.2.0/24', gateway: '10.42.2.0', dev: 'bramble-vxlan', protocol: '142', flags: ['onlink'] },
      { dst: '10.43.0.0/16', dev: 'br-bramble-1234', protocol: '142', flags: ['linkdown'] },
      { dst: '10.42.9.7', gateway: '10.77.0.9', dev: 'eth0', protocol: '142', flags: [] },
      'something else',
    ]);
    assert.deepEqual(parseRoutes(shown, [near, far, services]), [
      near,
      far,
      services,
      { destination: '10.42.9.7/32', via: '10.77.0.9', device: 'eth0' },
    ]);
    for (const broken of ['', 'Error: ipv6: FIB table does not exist.', '{}']) {
      assert.deepEqual(parseRoutes(broken, []), []);
    }
  });

  it('families apart', () => {
    const six = { destination: 'fd42:0:0:1::/64', via: 'fd77::2', device: '' };
    const families = splitFamilies({ routes: [near, six], tunnel: undefined, peers: [] });
    assert.deepEqual(families, [
      { family: 4, routes: [near] },
      { family: 6, routes: [six] },
    ]);
  });

  it('a tunnel with room for its headers, its neighbours and where they are', () => {
    const device = { mac: '0a:62:0a:2a:00:00', addresses: ['10.42.0.0/32'], outer: '10.77.0.1' };
    const peers = [{ outer: '10.78.0.3', mac: '0a:62:0a:2a:02:00', inner: ['10.42.2.0', 'fd42:0:0:2::'] }];
    assert.deepEqual(renderTunnelDevice('bramble-vxlan', device, 1500), [
      'link add bramble-vxlan address 0a:62:0a:2a:00:00 mtu 1450 type vxlan id 4266 dstport 8475 local 10.77.0.1 nolearning',
      'addr replace 10.42.0.0/32 dev bramble-vxlan',
      'link set bramble-vxlan up',
    ]);
    assert.deepEqual(renderTunnelNeighbours('bramble-vxlan', peers), [
      'neigh replace 10.42.2.0 lladdr 0a:62:0a:2a:02:00 dev bramble-vxlan nud permanent',
      'neigh replace fd42:0:0:2:: lladdr 0a:62:0a:2a:02:00 dev bramble-vxlan nud permanent',
    ]);
    assert.deepEqual(renderForwarding('bramble-vxlan', peers), [
      'fdb replace 0a:62:0a:2a:02:00 dev bramble-vxlan dst 10.78.0.3',
    ]);
  });

  it('a tunnel is made anew when this machine has another address or slice', () => {
    const shown = (local: object): string =>
      JSON.stringify([
        { address: '0a:62:0a:2a:00:00', linkinfo: { info_kind: 'vxlan', info_data: { id: 4266, ...local } } },
      ]);
    const device = { mac: '0a:62:0a:2a:00:00', addresses: [], outer: '10.77.0.1' };
    assert.ok(isSameTunnel(parseTunnel(shown({ local: '10.77.0.1' })), device));
    assert.ok(!isSameTunnel(parseTunnel(shown({ local: '10.77.0.33' })), device));
    assert.ok(!isSameTunnel(parseTunnel(shown({ local: '10.77.0.1' })), { ...device, mac: '0a:62:0a:2a:05:00' }));
    assert.ok(isSameTunnel(parseTunnel(shown({ local6: 'fd77::1' })), { ...device, outer: 'fd77::1' }));
    assert.equal(parseTunnel('[]'), undefined);
    assert.equal(parseTunnel(JSON.stringify([{ address: '0a:62:0a:2a:00:00' }])), undefined);
  });
});
