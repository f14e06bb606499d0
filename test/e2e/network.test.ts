/**
 * The network on a LAN of three boards, each with an engine, a kernel table and a disk of its own: pods reach pods and
 * services wherever they are, policies hold, and all of it outlives agents, masters, cables and addresses.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findBusybox, TEST_IMAGE } from '../support/docker.ts';
import { type LanCluster, openLine, startLanCluster, startServer } from '../support/lan/lan-cluster.ts';
import { beginSctp, startSctpServer } from '../support/lan/sctp.ts';
import { waitFor } from '../support/wait.ts';

/** Answers with its name over HTTP. */
const SERVER = 'mkdir -p /www; hostname >/www/index.html; exec httpd -f -p 8080 -h /www';
const IDLE = 'exec sleep 100000';

function pod(name: string, options: { node: number; app: string; command?: string }): string {
  const command = JSON.stringify(['sh', '-c', options.command ?? SERVER]);
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${options.app}}}
spec:
  nodeName: host${options.node}
  terminationGracePeriodSeconds: 0
  tolerations: [{operator: Exists}]
  containers:
    - name: main
      image: ${TEST_IMAGE}
      command: ${command}
---`;
}

function service(name: string, app: string, extra = '', port = 'port: 80, targetPort: 8080'): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {selector: {app: ${app}}, ports: [{${port}}]${extra === '' ? '' : `, ${extra}`}}
---`;
}

/** As a client library does it: the address from the environment, the token, the certificate of the cluster. */
const IN_CLUSTER = `
  const [host, token, ca] = process.argv.slice(1);
  const headers = { authorization: 'Bearer ' + token };
  require('node:https').get({ host, path: '/api/v1/secrets', headers, ca }, (answer) => answer.pipe(process.stdout));
`;

const ALLOW_FROM_FAR = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {matchLabels: {app: far}}}], ports: [{port: 8080}]}]
`;

const DENY_EGRESS = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: far}
spec: {podSelector: {matchExpressions: [{key: app, operator: In, values: [far]}, {key: line, operator: DoesNotExist}]}, policyTypes: [Egress]}
`;

const WORLD = [
  ...[1, 2, 3].map((node) => pod(`web-${node}`, { node, app: 'web' })),
  pod('far', { node: 2, app: 'far' }),
  pod('far-2', { node: 3, app: 'far' }).replace('app: far', 'app: far, line: here'),
  pod('client', { node: 1, app: 'client', command: IDLE }),
  service('web', 'web'),
  service('far', 'far'),
  service('line', 'far, line: here', '', 'port: 9000'),
  service('spread', 'web', '', 'port: 80, targetPort: 8080').replace(
    '{name: spread}',
    '{name: spread, annotations: {bramble.dev/traffic-distribution: Cluster}}',
  ),
  service('sticky', 'web', 'sessionAffinity: ClientIP').replace(
    '{name: sticky}',
    '{name: sticky, annotations: {bramble.dev/traffic-distribution: Cluster}}',
  ),
  service('node-port', 'far', 'type: NodePort'),
  pod('udp-2', { node: 2, app: 'udp', command: IDLE }),
  service('udp', 'udp', '', 'port: 53, targetPort: 5353, protocol: UDP'),
  service('balancer', 'far', 'type: LoadBalancer', 'port: 8088, targetPort: 8080'),
  service('dual', 'far', 'ipFamilyPolicy: RequireDualStack, type: NodePort'),
  service('sctp', 'far', '', 'port: 7000, targetPort: 7001, protocol: SCTP'),
].join('');

const TWO_FAMILIES = ['--cluster-cidr', '10.42.0.0/16,fd42::/56', '--service-cidr', '10.43.0.0/16,fd43::/112'];

describe('the network of three boards', { concurrency: false }, () => {
  let cluster: LanCluster;
  const addresses = new Map<string, string>();

  before(async () => {
    // The third board is on the other side of the router: to it there is a tunnel.
    cluster = await startLanCluster({ hosts: 3, segments: { 3: 'shed' }, ipv6: true, masterFlags: TWO_FAMILIES });
    await cluster.apply(WORLD);
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s']);
    for (const name of ['web', 'far', 'line', 'udp', 'spread', 'sticky', 'node-port', 'balancer', 'sctp']) {
      addresses.set(name, await cluster.kubectl(['get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}']));
    }
    await waitFor('every board knows the services', () => everyHostServes(cluster, addresses.get('far') ?? ''));
  });
  after(() => cluster?.stop());

  const ipOf = (name: string): string => addresses.get(name) ?? '';
  const podIp = (name: string): Promise<string> =>
    cluster.kubectl(['get', 'pod', name, '-o', 'jsonpath={.status.podIP}']);
  const fetchIn = async (podName: string, url: string): Promise<string> => {
    const { stdout } = await cluster.inPod(podName, 'wget', '-qO-', `http://${url}/`);
    return stdout.trim();
  };
  const many = async (count: number, ask: () => Promise<string>): Promise<string[]> => {
    const answers: string[] = [];
    for (let index = 0; index < count; index += 1) answers.push(await ask());
    return answers;
  };

  test('pod to pod across boards, with its own address', async () => {
    for (const name of ['web-1', 'web-2', 'web-3'])
      assert.equal(await fetchIn('client', `${await podIp(name)}:8080`), name);
  });

  test('boards of one segment are each other’s next hop; to another segment there is a tunnel', async () => {
    const routes = await cluster.lan.host(1).output('ip', 'route', 'show', 'proto', '142');
    assert.match(routes, /via 10\.77\.0\.2 dev eth0/);
    assert.match(routes, /dev bramble-vxlan onlink/);
  });

  test('in-cluster clients reach the API by the Service kubernetes, with token and CA', async () => {
    const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
    const read = (name: string): Promise<string> => cluster.kubectl(['exec', 'far', '--', 'cat', `${folder}/${name}`]);
    const target = (await cluster.kubectl(['exec', 'far', '--', 'sh', '-c', 'echo $KUBERNETES_SERVICE_HOST'])).trim();
    const child = await cluster.spawnInPod(
      'client',
      process.execPath,
      '-e',
      IN_CLUSTER,
      target,
      await read('token'),
      await read('ca.crt'),
    );
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await new Promise((resolve) => child.once('close', resolve));
    // Known by its token, and without rights until somebody gives it some.
    assert.match(said, /system:serviceaccount:default:default/);
  });

  test('a service by its address, from a pod of every board, from itself and from the boards', async () => {
    for (const name of ['client', 'far', 'far-2', 'web-3']) assert.match(await fetchIn(name, ipOf('far')), /^far/);
    for (const host of cluster.lan.hosts) {
      assert.match(await host.output('timeout', '3', findBusybox(), 'wget', '-qO-', `http://${ipOf('far')}/`), /^far/);
    }
  });

  test('a pod reaches itself by way of its service', async () => {
    assert.deepEqual(new Set(await many(3, () => fetchIn('web-2', ipOf('web')))), new Set(['web-2']));
  });

  test('the endpoint on the same board comes first; without one all are used', async () => {
    assert.deepEqual(new Set(await many(6, () => fetchIn('client', ipOf('web')))), new Set(['web-1']));
    assert.deepEqual(new Set(await many(16, () => fetchIn('client', ipOf('far')))), new Set(['far', 'far-2']));
    assert.equal(new Set(await many(30, () => fetchIn('client', ipOf('spread')))).size, 3);
  });

  test('both address families: pods, services and node ports, through the tunnel where the LAN has one only', async () => {
    const { spec } = await cluster.json<{ spec: { clusterIPs: string[]; ports: { nodePort: number }[] } }>(
      ...['get', 'service', 'dual'],
    );
    const [four = '', six = ''] = spec.clusterIPs;
    const ofPod = (name: string): Promise<string> =>
      cluster.kubectl(['get', 'pod', name, '-o', 'jsonpath={.status.podIPs[1].ip}']);
    for (const name of ['far', 'far-2', 'client']) {
      for (const url of [four, `[${six}]`]) assert.match(await fetchIn(name, url), /^far/);
      for (const target of ['web-2', 'web-3']) {
        assert.equal(await fetchIn(name, `[${await ofPod(target)}]:8080`), target);
      }
    }
    const { lan } = cluster;
    const url = `http://[${lan.host(2).address6}]:${spec.ports[0]?.nodePort}/`;
    assert.equal(await lan.stranger.output('timeout', '3', findBusybox(), 'wget', '-qO-', url), 'far\n');
  });

  test('SCTP: an association begins by way of a service', async () => {
    for (const name of ['far', 'far-2']) await startSctpServer(cluster, name, '7001');
    const begin = async () => (await beginSctp(cluster, 'client', ipOf('sctp'), '7000')) || undefined;
    assert.match(await waitFor('an answer', begin), /^far(-2)?$/);
  });

  test('a client with session affinity stays with its pod', async () => {
    assert.equal(new Set(await many(8, () => fetchIn('client', ipOf('sticky')))).size, 1);
  });

  test('node port and load balancer, from a machine that is no member', async () => {
    const port = await cluster.kubectl(['get', 'service', 'node-port', '-o', 'jsonpath={.spec.ports[0].nodePort}']);
    const { lan } = cluster;
    const ask = (url: string): Promise<string> =>
      lan.stranger.output('timeout', '3', findBusybox(), 'wget', '-qO-', `http://${url}/`);
    for (const host of lan.hosts) assert.match(await ask(`${host.address}:${port}`), /^far/);
    const path = 'jsonpath={.status.loadBalancer.ingress[*].ip}';
    const shown = (await cluster.kubectl(['get', 'service', 'balancer', '-o', path])).split(' ');
    assert.deepEqual(
      shown,
      lan.hosts.map(({ address }) => address),
    );
    for (const address of shown) assert.match(await ask(`${address}:8088`), /^far/);
  });

  test('policies: what is not allowed is dropped, in both directions and between neighbours', async () => {
    const ask = (name: string): Promise<string> => podIp('web-1').then((ip) => fetchIn(name, `${ip}:8080`));
    assert.equal(await ask('client'), 'web-1');
    await cluster.apply(ALLOW_FROM_FAR);
    await waitFor('the neighbour is kept out', async () => (await ask('client')) === '');
    for (const name of ['far', 'far-2']) assert.equal(await ask(name), 'web-1');
    assert.equal(await fetchIn('client', `${await podIp('web-2')}:8080`), '');
    await cluster.apply(DENY_EGRESS);
    await waitFor('nothing goes out', async () => (await fetchIn('far', ipOf('web'))) === '');
    assert.equal(await ask('far-2'), 'web-1');
    await cluster.kubectl(['delete', 'networkpolicy', '--all']);
    await waitFor('everything is open again', async () => (await ask('client')) + (await ask('far')) === 'web-1web-1');
  });

  test('UDP: a client that goes on talking is led to the next pod when its pod has gone', async () => {
    await startServer(cluster, 'udp-2', 'name', '5353', 'udp-2');
    // One socket that keeps its port: the kernel would remember where its datagrams went.
    const line = await openLine(cluster, 'client', 'udp', ipOf('udp'), '53', '4444');
    await waitFor('the pod answers', async () => (await line.say('hi', 500)) === 'udp-2');
    await cluster.apply(pod('udp-3', { node: 3, app: 'udp', command: IDLE }));
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/udp-3', '--timeout=60s']);
    await startServer(cluster, 'udp-3', 'name', '5353', 'udp-3');
    assert.equal(await line.say('hi'), 'udp-2');
    await cluster.kubectl(['delete', 'pod', 'udp-2', '--wait=false']);
    await waitFor('the other pod answers', async () => (await line.say('hi', 500)) === 'udp-3');
    line.end();
  });

  test('an agent is killed and comes back: established connections do not notice', async () => {
    await startServer(cluster, 'far-2', 'echo', '9000');
    const direct = await openLine(cluster, 'client', 'tcp', await podIp('far-2'), '9000');
    const byService = await openLine(cluster, 'client', 'tcp', ipOf('line'), '9000');
    const say = async (text: string): Promise<void> => {
      for (const line of [direct, byService]) assert.equal(await line.say(text), text);
    };
    await say('one');
    await cluster.kill('agent 1');
    await say('two');
    await cluster.startAgent(1);
    await cluster.whenReady();
    await say('three');
    direct.end();
    byService.end();
  });

  test('a board that is cut off leaves every table within ten seconds, and returns', async () => {
    const { lan } = cluster;
    const lost = await podIp('far-2');
    const knows = async (): Promise<boolean> =>
      (await lan.host(1).output('nft', 'list', 'chain', 'inet', 'bramble', 'svc-default/far/tcp80')).includes(lost);
    assert.ok(await knows());
    await lan.setCable(3, false);
    await waitFor('its endpoint has left', async () => !(await knows()), 10_000);
    assert.deepEqual(new Set(await many(8, () => fetchIn('client', ipOf('far')))), new Set(['far']));
    await lan.setCable(3, true);
    await waitFor('its endpoint is back', knows, 60_000);
    assert.equal(await fetchIn('client', `${await podIp('far-2')}:8080`), 'far-2');
  });

  test('a board gets another address: its pods are reached there', async () => {
    const address = await podIp('far-2');
    await cluster.lan.host(3).changeAddress(33);
    await waitFor('its pods are reached', async () => (await fetchIn('client', `${address}:8080`)) === 'far-2', 60_000);
    await waitFor('its routes lead home', async () => /^far/.test(await fetchIn('far-2', ipOf('far'))), 60_000);
  });

  test('traffic flows while the master is away, and after agents were started without it', async () => {
    await cluster.kill('master 1');
    assert.match(await fetchIn('client', ipOf('far')), /^far/);
    await cluster.kill('agent 2');
    await cluster.startAgent(2);
    assert.match(await fetchIn('far', ipOf('web')), /^web-2/);
    // As after a reboot: nothing is left of the rules.
    await cluster.lan.host(2).output('nft', 'delete', 'table', 'inet', 'bramble');
    await cluster.kill('agent 2');
    await cluster.startAgent(2);
    await waitFor('the services are back', async () => /^web-2/.test(await fetchIn('far', ipOf('web'))), 60_000);
    cluster.startMaster();
    await cluster.whenReady();
  });

  test('without nftables the agent itself serves, and says so', async () => {
    const line = await openLine(cluster, 'far', 'udp', ipOf('udp'), '53', '4455');
    await waitFor('the line stands', async () => (await line.say('hi', 500)) === 'udp-3');
    await cluster.kill('agent 2');
    await cluster.startAgent(2, '--proxy', 'userspace');
    const path = 'jsonpath={.status.conditions[?(@.type=="bramble.dev/UserspaceProxy")].status}';
    const condition = (): Promise<string> => cluster.kubectl(['get', 'node', 'host2', '-o', path]);
    await waitFor('the node says so', async () => (await condition()) === 'True');
    await waitFor('services are served', async () => (await fetchIn('far', ipOf('web'))) === 'web-2');
    assert.equal(await fetchIn('web-2', ipOf('web')), 'web-2');
    const { lan } = cluster;
    const port = await cluster.kubectl(['get', 'service', 'node-port', '-o', 'jsonpath={.spec.ports[0].nodePort}']);
    const url = `http://${lan.host(2).address}:${port}/`;
    assert.match(await lan.stranger.output('timeout', '3', findBusybox(), 'wget', '-qO-', url), /^far/);
    // What the kernel led before is led by the agent now: the line follows when its pod goes.
    await cluster.apply(pod('udp-1', { node: 1, app: 'udp', command: IDLE }));
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/udp-1', '--timeout=60s']);
    await startServer(cluster, 'udp-1', 'name', '5353', 'udp-1');
    await cluster.kubectl(['delete', 'pod', 'udp-3', '--wait=false']);
    await waitFor('the other pod answers', async () => (await line.say('hi', 500)) === 'udp-1');
    line.end();
  });

  test('an agent is uninstalled: nothing of it is left on the board', async () => {
    const host = cluster.lan.host(3);
    await cluster.kill('agent 3');
    await cluster.uninstall(3);
    const left = [
      'nft list tables',
      'ip -o link',
      'ip route; ip -6 route',
      'iptables -S',
      'docker -H unix:///run/docker.sock ps -aq',
    ];
    for (const command of left)
      assert.doesNotMatch(
        await host.output('sh', '-c', command),
        /bramble|10\.4[23]\.|fd4[23]:|proto 142|[0-9a-f]{12}$/m,
      );
    assert.doesNotMatch(await host.docker('network', 'ls'), /bramble/);
  });
});

/** Whether the table of each board leads somewhere from that address. */
async function everyHostServes({ lan }: LanCluster, address: string): Promise<boolean> {
  const tables = await Promise.all(
    lan.hosts.map((host) => host.output('nft', 'list', 'map', 'inet', 'bramble', 'services4')),
  );
  return tables.every((table) => table.includes(`${address} . tcp . 80 : goto`));
}
