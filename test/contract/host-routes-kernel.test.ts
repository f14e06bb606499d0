/**
 * Routes, tunnel and Docker's firewall in a kernel, in a network namespace with one LAN device: what is wanted gets there, a
 * second look changes nothing, and what is not wanted any more goes.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { OwnAddress, RouteFacts } from '../../node-agent/network/compute-routes.ts';
import { HostRoutes } from '../../node-agent/network/host-routes.ts';
import { computeNames } from '../../node-agent/network/names.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { silentLogger } from '../../shared/platform/logger.ts';
import { seededRandom } from '../../shared/platform/random.ts';
import type { Shell } from '../../shared/platform/shell.ts';
import { createNamespaces, type Namespaces } from '../support/lan/namespaces.ts';
import { waitFor } from '../support/wait.ts';
import { makeNode, type NodeShape } from '../unit/node-agent/network/nodes.ts';

const NAMES = computeNames('home', '');
const RANGES = ['10.42.0.0/16', 'fd42::/56'];
const HOME = { podCIDRs: ['10.42.0.0/24', 'fd42::/64'], addresses: ['10.77.0.1'] };
const NEAR = { podCIDRs: ['10.42.1.0/24', 'fd42:0:0:1::/64'], addresses: ['10.77.0.2'] };
const FAR = { podCIDRs: ['10.42.2.0/24', 'fd42:0:0:2::/64'], addresses: ['10.78.0.3'] };

/** What the machine had before: routes and rules of somebody else. */
const SETUP = `
  set -e
  ip link add eth0 type veth peer name lan0 && ip link set lan0 up
  ip addr add 10.77.0.1/24 dev eth0 && ip link set eth0 up
  ip link add ${NAMES.bridge} type bridge && ip link set ${NAMES.bridge} up
  ip route add default via 10.77.0.254
  ip route add 10.99.0.0/16 via 10.77.0.9 proto 142
  ip route add 172.30.0.0/16 via 10.77.0.9
  for iptables in iptables ip6tables; do $iptables -N DOCKER-USER && $iptables -A DOCKER-USER -j RETURN; done
`;

describe('routes in the kernel', { concurrency: false }, () => {
  let machine: Namespaces;
  let routes: HostRoutes;
  let nodes: Record<string, NodeShape> = { home: HOME, near: NEAR, far: FAR };
  let own: OwnAddress[] = [{ device: 'eth0', cidr: '10.77.0.1/24' }];
  const runs: string[] = [];

  const facts = (): Omit<RouteFacts, 'ownAddresses' | 'tunnel'> => ({
    nodes: Object.entries(nodes).map(([name, shape]) => makeNode(name, shape)),
    ...{ ownNodes: new Set(['home']), serviceRanges: ['10.43.0.0/16'], bridge: NAMES.bridge },
  });

  before(async () => {
    machine = await createNamespaces({ init: ['plain'], cgroups: [] });
    await machine.output('bash', '--norc', '-c', SETUP);
    const shell: Shell = {
      run(program, args, input) {
        runs.push([program, ...args].join(' '));
        return machine.run([program, ...args], input === undefined ? {} : { input });
      },
    };
    routes = new HostRoutes({
      ...{ names: NAMES, shell, facts, clusterRanges: () => RANGES, ownAddresses: () => own },
      ...{ mtuOf: async () => 1500, onChange: () => undefined },
      ...{ clock: systemClock, random: seededRandom(1), logger: silentLogger },
    });
    await routes.start();
  });
  after(async () => {
    await routes?.stop();
    await machine?.kill();
  });

  /** Those of the kernel that carry our mark, or belong to somebody else, as `ip` prints them. */
  const show = async (...args: string[]): Promise<string[]> =>
    (await machine.output('ip', ...args))
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  const ours = async (): Promise<string[]> => {
    const families = await Promise.all(['-4', '-6'].map((family) => show(family, 'route', 'show', 'proto', '142')));
    return families.flat().map((line) => line.replace(/ (linkdown|metric \d+|pref medium)/g, ''));
  };
  const becomes = async (expected: string[]): Promise<void> => {
    await waitFor('the routes', async () => JSON.stringify(await ours()) === JSON.stringify(expected)).catch(
      () => undefined,
    );
    assert.deepEqual(await ours(), expected);
    assert.equal(routes.problem, undefined);
  };

  const OTHERS = '10.99.0.0/16 via 10.77.0.9 dev eth0';
  const SERVICES = `10.43.0.0/16 dev ${NAMES.bridge} scope link`;
  const TO_FAR = '10.42.2.0/24 via 10.42.2.0 dev bramble-vxlan onlink';
  const SIX = [1, 2].map((n) => `fd42:0:0:${n}::/64 via fd42:0:0:${n}:: dev bramble-vxlan onlink`);

  it('near nodes by the LAN, others and the family that the LAN lacks by the tunnel', async () => {
    await becomes(['10.42.1.0/24 via 10.77.0.2 dev eth0', TO_FAR, SERVICES, OTHERS, ...SIX]);
    const [link] = JSON.parse(await machine.output('ip', '-json', '-details', 'link', 'show', 'bramble-vxlan'));
    assert.equal(link.address, '0a:62:0a:2a:00:00');
    assert.equal(link.mtu, 1450);
    assert.deepEqual(
      [link.linkinfo.info_data.id, link.linkinfo.info_data.port, link.linkinfo.info_data.local],
      [4266, 8475, '10.77.0.1'],
    );
    const forwarding = await machine.output('bridge', 'fdb', 'show', 'dev', 'bramble-vxlan');
    for (const line of ['0a:62:0a:2a:01:00 dst 10.77.0.2', '0a:62:0a:2a:02:00 dst 10.78.0.3'])
      assert.ok(forwarding.includes(line), forwarding);
    const neighbours = await show('neigh', 'show', 'dev', 'bramble-vxlan');
    assert.ok(neighbours.includes('10.42.2.0 lladdr 0a:62:0a:2a:02:00 PERMANENT'), neighbours.join('\n'));
  });

  it("Docker's firewall lets pods through, before what others say", async () => {
    for (const [program, range] of [
      ['iptables', '10.42.0.0/16'],
      ['ip6tables', 'fd42::/56'],
    ] as const) {
      assert.deepEqual((await machine.output(program, '-S', 'DOCKER-USER')).trim().split('\n'), [
        '-N DOCKER-USER',
        `-A DOCKER-USER -d ${range} -m comment --comment bramble -j ACCEPT`,
        `-A DOCKER-USER -s ${range} -m comment --comment bramble -j ACCEPT`,
        '-A DOCKER-USER -j RETURN',
      ]);
    }
  });

  it('a second look changes nothing', async () => {
    const count = runs.length;
    routes.lookAgain();
    await waitFor('a second look', () => runs.slice(count).filter((run) => run.includes('route show')).length === 2);
    const changes = runs.slice(count).filter((run) => !/ show |-S |neigh|-batch/.test(run));
    assert.deepEqual(changes, []);
    assert.ok(!runs.slice(count).some((run) => /^ip -[46] .*-batch/.test(run)), runs.slice(count).join('\n'));
  });

  it('a node that moved is followed, a tunnel that nobody needs goes, and so do routes of nodes that went', async () => {
    nodes = {
      home: { ...HOME, podCIDRs: ['10.42.0.0/24'] },
      near: { podCIDRs: ['10.42.1.0/24'], addresses: ['10.77.0.33'] },
    };
    routes.lookAgain();
    await becomes(['10.42.1.0/24 via 10.77.0.33 dev eth0', SERVICES, OTHERS]);
    await waitFor('the tunnel goes', async () => !(await machine.output('ip', 'link')).includes('bramble-vxlan'));
    assert.ok((await show('route')).some((line) => line.startsWith('172.30.0.0/16 via 10.77.0.9')));
  });

  it('the tunnel is made anew when this machine has another address', async () => {
    nodes = { home: HOME, far: FAR };
    routes.lookAgain();
    await becomes([TO_FAR, SERVICES, OTHERS, SIX[1] ?? '']);
    await machine.output(
      'bash',
      '--norc',
      '-c',
      'ip addr add 10.77.0.44/24 dev eth0 && ip addr del 10.77.0.1/24 dev eth0',
    );
    own = [{ device: 'eth0', cidr: '10.77.0.44/24' }];
    nodes = { home: { ...HOME, addresses: ['10.77.0.44'] }, far: FAR };
    routes.lookAgain();
    await waitFor('another end', async () =>
      (await machine.output('ip', '-details', 'link', 'show', 'bramble-vxlan')).includes('local 10.77.0.44'),
    );
    const ends = async (): Promise<string[]> => (await ours()).filter((line) => line.includes('bramble-vxlan'));
    await waitFor('its routes', async () => (await ends()).length === 2).catch(() => undefined);
    assert.deepEqual(await ends(), [TO_FAR, SIX[1]]);
  });
});
