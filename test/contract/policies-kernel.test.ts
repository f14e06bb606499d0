/**
 * Real packets through real rules: a board and three pods in network namespaces, a service and policies, both families. What
 * the tests' own kernel says of such rules, the kernel does: also what it needs beside connections, as the search for neighbours.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { PolicyPod } from '../../node-agent/proxy/policies/policy-pod.ts';
import { renderTable } from '../../node-agent/proxy/ruleset/render.ts';
import { createNamespaces, type Namespaces, run } from '../support/lan/namespaces.ts';
import { makePolicy, makeService, makeSlice } from '../support/rulesets/objects.ts';
import { freshFragments, policyCase, SKELETON, serviceCase } from '../support/rulesets/ruleset-case.ts';
import { waitFor } from '../support/wait.ts';

const TALKER = join(import.meta.dirname, '../support/lan/talker.ts');

/** Last part of the addresses of both families. */
const HOSTS = { web: 5, client: 6, other: 7 } as const;
type PodName = keyof typeof HOSTS;
const PODS = Object.keys(HOSTS) as PodName[];

const v4 = (name: PodName): string => `10.42.0.${HOSTS[name]}`;
const v6 = (name: PodName): string => `fd42::${HOSTS[name]}`;

const BOARD = `
  set -e
  echo 1 >/proc/sys/net/ipv4/ip_forward && echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
  ip link add br0 type bridge && ip link set br0 up
  ip addr add 10.42.0.1/24 dev br0 && ip addr add fd42::1/64 dev br0 nodad
  ip route add 10.43.0.0/16 dev br0 && ip route add fd43::/112 dev br0
  echo 1 >/sys/class/net/br0/bridge/nf_call_iptables && echo 1 >/sys/class/net/br0/bridge/nf_call_ip6tables
`;
const PORT = (name: string): string =>
  `ip link set ${name} master br0 up && echo 1 >/sys/class/net/${name}/brport/hairpin_mode`;
const POD = (name: PodName): string => `
  set -e
  ip link set eth0 up && ip addr add ${v4(name)}/24 dev eth0 && ip addr add ${v6(name)}/64 dev eth0 nodad
  ip route add default via 10.42.0.1 && ip route add default via fd42::1
`;

const SELECT = (app: PodName) => ({ podSelector: { matchLabels: { app } } });
const HTTP = [{ protocol: 'TCP', port: 'http' } as const];

const WORLD: readonly PolicyPod[] = PODS.map((name) => ({
  ...{ namespace: 'default', name, labels: { app: name }, addresses: [v4(name), v6(name)], isLocal: true },
  ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
}));

const POLICIES = policyCase({
  ...{ name: '', about: '', pods: WORLD },
  policies: [
    makePolicy('web', {
      ...SELECT('web'),
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [SELECT('client')], ports: HTTP }],
    }),
    makePolicy('client', {
      ...SELECT('client'),
      policyTypes: ['Egress'],
      egress: [{ to: [SELECT('web')], ports: HTTP }],
    }),
  ],
});

const TARGET = [{ name: 'http', protocol: 'TCP', port: 8080 } as const];
const SERVICES = serviceCase('', '', [
  makeService('web', {
    ...{ clusterIP: '10.43.0.9', clusterIPs: ['10.43.0.9', 'fd43::9'] },
    ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
  }),
  makeSlice('web', [`${v4('web')} here`], TARGET),
  makeSlice('web', [`${v6('web')} here`], TARGET),
]);

describe('policies in the kernel', { concurrency: false }, () => {
  let board: Namespaces;
  const pods = new Map<PodName, Namespaces>();
  const servers: ChildProcess[] = [];

  before(async () => {
    const machines = await Promise.all([1, ...PODS].map(() => createNamespaces({ init: ['plain'], cgroups: [] })));
    board = machines[0] as Namespaces;
    await board.output('bash', '--norc', '-c', BOARD);
    await Promise.all(PODS.map((name, index) => plug(name, machines[index + 1] as Namespaces)));
    const fragments = freshFragments();
    for (const [owner, fragment] of [...SERVICES.fragments, ...POLICIES.fragments]) fragments.put(owner, fragment);
    const { code, stderr } = await board.run(['nft', '-f', '-'], { input: renderTable(SKELETON, fragments.takeAll()) });
    assert.equal(code, 0, stderr);
    servers.push(talk(board, 'name', '53', 'names'), talk(board, 'echo', '8081'));
    for (const pod of pods.values()) {
      servers.push(talk(pod, 'echo', '8080'));
      await waitFor('it listens', async () => (await pod.output('ss', '-Hltn')).includes(':8080'));
    }
    await waitFor(
      'the board listens',
      async () => (await board.output('ss', '-Hltun')).match(/:(53|8081) /g)?.length === 2,
    );
  });
  after(async () => {
    await Promise.all([...pods.values(), board].map((machine) => machine?.kill()));
  });

  const plug = async (name: PodName, pod: Namespaces): Promise<void> => {
    pods.set(name, pod);
    const ends = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pod.pid}`];
    await run('ip', ['link', 'add', name, 'netns', `${board.pid}`, ...ends]);
    await board.output('bash', '--norc', '-c', PORT(name));
    await pod.output('bash', '--norc', '-c', POD(name));
  };
  const talk = (machine: Namespaces, ...args: string[]): ChildProcess =>
    machine.spawn([process.execPath, TALKER, ...args], { stdio: 'ignore' });

  /** What comes back of a word; `tcp/ADDRESS/PORT`. */
  const ask = async (from: PodName | 'board', to: string, patienceSeconds: number): Promise<string> => {
    const machine = from === 'board' ? board : (pods.get(from) as Namespaces);
    // All of the answer is read, or the server would hear of a reset connection.
    const script = `exec 3<>/dev/${to} && echo -n hello >&3 && head -c 5 <&3`;
    const { stdout } = await machine.run(['timeout', `${patienceSeconds}`, 'bash', '--norc', '-c', script]);
    return stdout.trim();
  };
  const DROPPED_SECONDS = 1;
  const ATTEMPT_SECONDS = 4;

  /** A machine that stands still for seconds is no policy: who may ask may ask again. */
  const served = (ways: readonly Way[], answer = 'hello'): Promise<unknown> =>
    Promise.all(
      ways.map(([from, to]) =>
        waitFor(`${from} hears from ${to}`, async () => (await ask(from, to, ATTEMPT_SECONDS)) === answer),
      ),
    );

  type Way = readonly [PodName | 'board', string];
  const both = (from: Way[0], to: PodName): Way[] => [v4(to), v6(to)].map((address) => [from, `tcp/${address}/8080`]);
  const service = (from: Way[0]): Way[] => ['10.43.0.9', 'fd43::9'].map((address) => [from, `tcp/${address}/80`]);

  it('what is allowed gets through, in both families, directly and by the service', async () => {
    const ways = [...both('client', 'web'), ...service('client'), ...both('other', 'client')];
    await served(ways);
  });

  it('what is not allowed is dropped', async () => {
    const ways: Way[] = [
      ...[...both('other', 'web'), ...service('other'), ...both('web', 'client'), ...both('client', 'other')],
      ['web', 'tcp/10.42.0.1/8081'],
      ['client', 'tcp/10.42.0.1/8081'],
    ];
    const answers = await Promise.all(ways.map(([from, to]) => ask(from, to, DROPPED_SECONDS)));
    assert.deepEqual(
      answers,
      ways.map(() => ''),
      ways.join(' | '),
    );
  });

  it('no policy keeps a pod from itself by way of its service, from names, or its node from it', async () => {
    const names: Way[] = [
      ['web', 'udp/10.42.0.1/53'],
      ['client', 'udp/10.42.0.1/53'],
    ];
    const others: Way[] = [...service('web'), ...both('board', 'web'), ['other', 'tcp/10.42.0.1/8081']];
    await Promise.all([served(names, 'names'), served(others)]);
  });
});
