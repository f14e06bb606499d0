/** Names, addresses, ports and resolvers of pods. On real Docker. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { findFreePorts } from '../support/cluster.ts';
import { hasDocker } from '../support/docker.ts';
import { container, openPodNode, type PodNode, until } from '../support/pod-node.ts';

let node: PodNode;
let ports: number[];

const CLUSTER_DNS = { servers: ['10.43.0.10'], domain: 'cluster.local' };
const DNS_CONFIG = {
  nameservers: ['192.0.2.7'],
  searches: ['home.arpa'],
  options: [{ name: 'ndots', value: '2' }, { name: 'rotate' }],
};

const RESOLVERS: Readonly<Record<string, JsonObject>> = {
  'dns-cluster': {},
  'dns-default': { dnsPolicy: 'Default' },
  'dns-none': { dnsPolicy: 'None', dnsConfig: DNS_CONFIG },
  'dns-added': { dnsConfig: DNS_CONFIG },
  'dns-host': { hostNetwork: true },
  'dns-host-cluster': { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
};

const NAMES: Readonly<Record<string, JsonObject>> = {
  'name-own': {},
  'name-given': { hostname: 'called' },
  'name-domain': { hostname: 'called', subdomain: 'team' },
  'name-full': { hostname: 'called', subdomain: 'team', setHostnameAsFQDN: true },
  'name-override': { hostname: 'called', hostnameOverride: 'other.example' },
};

const ALIASES = { hostAliases: [{ ip: '192.0.2.9', hostnames: ['printer', 'printer.home'] }] };

function served(name: string, ports: JsonObject[]): JsonObject {
  const script = 'while :; do printf "HTTP/1.0 200 OK\\r\\n\\r\\nserved" | nc -l -p 8080 > /dev/null; done';
  return container({ name, command: ['sh', '-c', script], ports });
}

async function createAll(): Promise<void> {
  const [open = 0, local = 0] = ports;
  const pods: Readonly<Record<string, JsonObject>> = {
    ...Object.fromEntries([...Object.entries(RESOLVERS), ...Object.entries(NAMES)]),
    aliases: ALIASES,
    'host-aliases': { ...ALIASES, hostNetwork: true },
  };
  await Promise.all([
    ...Object.entries(pods).map(([name, spec]) => node.create(name, { containers: [container()], ...spec })),
    node.create('served', {
      containers: [
        served('main', [
          { name: 'open', containerPort: 8080, hostPort: open },
          { name: 'local', containerPort: 8080, hostPort: local, hostIP: '127.0.0.1', protocol: 'UDP' },
        ]),
      ],
    }),
  ]);
  await node.ready('served');
  await node.create('too-late', { containers: [served('main', [{ containerPort: 8080, hostPort: open }])] });
}

/** Words of a resolver by their first one. */
async function resolverOf(pod: string): Promise<Record<string, string[]>> {
  await node.ready(pod);
  const lines = (await node.sh(pod, 'cat /etc/resolv.conf')).split('\n').map((line) => line.trim().split(/\s+/));
  const words = (first: string) => lines.filter(([word]) => word === first).flatMap(([, ...rest]) => rest);
  return { servers: words('nameserver'), searches: words('search'), options: words('options') };
}

async function namesOf(pod: string): Promise<string> {
  await node.ready(pod);
  return node.sh(pod, 'hostname; hostname -f 2> /dev/null || true');
}

const CLUSTER_SEARCHES = ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];

/** Servers of the node that a container can reach: the engine leaves out the node's own loopback. */
function nodeServers(): string[] {
  const lines = readFileSync('/etc/resolv.conf', 'utf8').split('\n');
  const servers = lines.flatMap((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  return servers.filter((server) => !server.startsWith('127.'));
}

if (await hasDocker()) {
  describe('pods on Docker: names and ports', () => {
    before(async () => {
      ports = await findFreePorts(2);
      node = await openPodNode({ clusterDns: CLUSTER_DNS });
      await createAll();
    });
    after(() => node?.close());

    it('hostPort: a port of the node leads to the container', async () => {
      const answer = await until('the port answers', () =>
        fetch(`http://127.0.0.1:${ports[0]}/`).then(
          (response) => response.text(),
          () => undefined,
        ),
      );
      assert.equal(answer, 'served');
    });

    it('hostIP and protocol of a hostPort', async () => {
      const { status } = await node.get('served');
      const id = await node.engine.docker('ps', '-q', '--filter', `publish=${ports[1]}/udp`);
      assert.notEqual(id, '', JSON.stringify(status));
      assert.equal(await node.engine.docker('port', id, '8080/udp'), `127.0.0.1:${ports[1]}`);
    });

    it('a hostPort that is taken keeps the second pod out', async () => {
      const { status } = await node.until('too-late', 'is refused', (pod) => pod.status.phase === 'Failed');
      assert.equal(status.reason, 'NodePorts');
    });

    it('podIP, podIPs and hostIPs', async () => {
      const { status } = await node.get('served');
      assert.deepEqual(status.podIPs, [{ ip: status.podIP }]);
      assert.deepEqual(status.hostIPs, [{ ip: '127.0.0.1' }]);
      assert.match(await node.sh('served', 'hostname -i'), new RegExp(`\\b${status.podIP}\\b`));
    });

    it('hostAliases', async () => {
      const script = 'grep printer /etc/hosts | tr -s "\\t " " "';
      for (const pod of ['aliases', 'host-aliases']) {
        await node.ready(pod);
        const names = new Set((await node.sh(pod, script)).split('\n').flatMap((line) => line.split(' ').slice(1)));
        assert.deepEqual([...names].sort(), ['printer', 'printer.home'], pod);
        assert.match(await node.sh(pod, script), /^192\.0\.2\.9 /);
      }
    });

    it('dnsPolicy ClusterFirst, also with the network of the node', async () => {
      for (const pod of ['dns-cluster', 'dns-host-cluster']) {
        const { servers, searches, options } = await resolverOf(pod);
        assert.deepEqual([servers, searches?.slice(0, 3)], [CLUSTER_DNS.servers, CLUSTER_SEARCHES], pod);
        assert.ok(options?.includes('ndots:5'));
      }
    });

    it("dnsPolicy Default is the node's resolver", async () => {
      for (const pod of ['dns-default', 'dns-host']) {
        const { servers = [], searches = [] } = await resolverOf(pod);
        for (const server of nodeServers()) assert.ok(servers.includes(server), `${pod}: ${servers}`);
        assert.ok(!searches.includes('cluster.local'));
      }
    });

    it('dnsPolicy None and dnsConfig', async () => {
      const alone = await resolverOf('dns-none');
      assert.deepEqual(alone, { servers: ['192.0.2.7'], searches: ['home.arpa'], options: ['ndots:2', 'rotate'] });
      const { servers, searches, options } = await resolverOf('dns-added');
      assert.deepEqual(servers, [...CLUSTER_DNS.servers, '192.0.2.7']);
      assert.deepEqual([searches?.slice(0, 3), searches?.at(-1)], [CLUSTER_SEARCHES, 'home.arpa']);
      assert.deepEqual(options, ['ndots:2', 'rotate']);
    });

    it('hostname, subdomain and setHostnameAsFQDN', async () => {
      assert.match(await namesOf('name-own'), /^name-own\n/);
      assert.match(await namesOf('name-given'), /^called\n/);
      assert.equal(await namesOf('name-domain'), 'called\ncalled.team.default.svc.cluster.local');
      assert.match(await namesOf('name-full'), /^called\.team\.default\.svc\.cluster\.local\n/);
      assert.equal(await node.sh('dns-host', 'hostname'), hostname());
    });

    it('hostnameOverride', async () => {
      assert.match(await namesOf('name-override'), /^other\.example/);
    });
  });
}
