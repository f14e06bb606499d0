/**
 * Routes of all nodes together: whatever segments and families there are, a packet finds its way from any node to any other's
 * pods and back, and the kernel's routes follow whatever changes.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { computeRoutes, type Route, type WantedRoutes } from '../../node-agent/network/compute-routes.ts';
import { parseRoutes, renderRouteChanges } from '../../node-agent/network/route-commands.ts';
import { defined } from '../../shared/platform/assert.ts';
import { makeNode } from '../unit/node-agent/network/nodes.ts';

type Family = 4 | 6;

interface Host {
  index: number;
  /** Segment on which it is; hosts of one hear each other. */
  segment: number;
  pods: readonly Family[];
  lan: readonly Family[];
}

const familyLists = fc.constantFrom<readonly Family[]>([4], [6], [4, 6]);

/** A LAN has its families, of which a host may lack the second; pods have others. */
const clusterArbitrary = fc
  .record({
    pods: familyLists,
    lan: familyLists,
    segments: fc.array(fc.record({ segment: fc.nat(1), isPoor: fc.boolean() }), { minLength: 2, maxLength: 5 }),
  })
  .map(({ pods, lan, segments }): Host[] =>
    segments.map(({ segment, isPoor }, index) => ({ index, segment, pods, lan: isPoor ? lan.slice(0, 1) : lan })),
  );

const addressOf = ({ index, segment }: Host, family: Family): string =>
  family === 4 ? `10.${77 + segment}.0.${index + 1}` : `fd7${7 + segment}::${index + 1}`;
const lengthOf = (family: Family): number => (family === 4 ? 24 : 64);
const sliceOf = ({ index }: Host, family: Family): string =>
  family === 4 ? `10.42.${index}.0/24` : index === 0 ? 'fd42::/64' : `fd42:0:0:${index}::/64`;

function routesOf(hosts: readonly Host[], own: Host): WantedRoutes {
  const nodes = hosts.map((host) =>
    makeNode(`host${host.index}`, {
      podCIDRs: host.pods.map((family) => sliceOf(host, family)),
      addresses: host.lan.map((family) => addressOf(host, family)),
    }),
  );
  return computeRoutes({
    ...{ nodes, ownNodes: new Set([`host${own.index}`]), tunnel: 'bramble-vxlan', serviceRanges: [], bridge: 'br' },
    ownAddresses: own.lan.map((family) => ({ device: 'eth0', cidr: `${addressOf(own, family)}/${lengthOf(family)}` })),
  });
}

it('pods of every node are reached from every other one, directly or by a tunnel that is open at both ends', () => {
  fc.assert(
    fc.property(clusterArbitrary, (hosts) => {
      const wanted = hosts.map((host) => routesOf(hosts, host));
      const macs = wanted.flatMap(({ tunnel }) => tunnel?.mac ?? []);
      assert.equal(new Set(macs).size, macs.length, 'two nodes have one hardware address');
      for (const from of hosts) {
        const { routes, tunnel, peers } = defined(wanted[from.index], 'routes');
        assert.equal(new Set(routes.map(({ destination }) => destination)).size, routes.length);
        assert.equal(routes.length, (hosts.length - 1) * from.pods.length);
        for (const to of hosts.filter((host) => host !== from)) {
          for (const family of to.pods) {
            const route = defined(
              routes.find(({ destination }) => destination === sliceOf(to, family)),
              'a route',
            );
            if (route.device === '') {
              assert.equal(route.via, addressOf(to, family));
              assert.equal(to.segment, from.segment);
              continue;
            }
            const peer = defined(
              peers.find(({ inner }) => inner.includes(route.via)),
              'a peer',
            );
            const farEnd = defined(wanted[to.index]?.tunnel, 'the far end');
            assert.equal(peer.mac, farEnd.mac);
            assert.equal(peer.outer, farEnd.outer);
            assert.equal(peer.outer.includes(':'), tunnel?.outer.includes(':'));
          }
        }
      }
    }),
    { seed: 42, numRuns: 300 },
  );
});

/** Lines of `ip -batch` on the routes that the kernel has, as ip-route(8) says. */
function runLines(kernel: Map<string, Route>, lines: readonly string[]): void {
  for (const line of lines) {
    const [, verb, destination = '', rest = ''] = /^route (replace|del) (\S+)(.*) proto 142$/.exec(line) ?? [];
    const word = (name: string): string => new RegExp(` ${name} (\\S+)`).exec(rest)?.[1] ?? '';
    if (verb === 'replace') kernel.set(destination, { destination, via: word('via'), device: word('dev') || 'eth0' });
    else assert.ok(kernel.delete(destination), `no route to delete: ${line}`);
  }
}

/** What `ip -json route show` prints. */
function show(kernel: ReadonlyMap<string, Route>): string {
  const entries = [...kernel.values()].map(({ destination, via, device }) => ({
    dst: destination.replace(/\/(32|128)$/, ''),
    ...(via === '' ? {} : { gateway: via }),
    dev: device,
  }));
  return JSON.stringify(entries);
}

it('the kernel has the routes that are wanted, whatever it had before; a second look changes nothing', () => {
  fc.assert(
    fc.property(fc.array(clusterArbitrary, { minLength: 1, maxLength: 4 }), (clusters) => {
      const kernel = new Map<string, Route>();
      for (const hosts of clusters) {
        const { routes } = routesOf(hosts, defined(hosts[0], 'a host'));
        runLines(kernel, renderRouteChanges(parseRoutes(show(kernel), routes), routes));
        const expected = routes.map((route) => ({ ...route, device: route.device || 'eth0' }));
        assert.deepEqual(new Set(kernel.values()), new Set(expected));
        assert.deepEqual(renderRouteChanges(parseRoutes(show(kernel), routes), routes), []);
      }
    }),
    { seed: 43, numRuns: 200 },
  );
});
