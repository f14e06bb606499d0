/**
 * Services as the rest of the LAN sees them, on two boards: addresses of the pool and who holds them, traffic policies and
 * what they do to the client's address, external addresses, health checks, and pods that are on their way out.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { defined } from '../../shared/platform/assert.ts';
import { findBusybox, TEST_IMAGE } from '../support/docker.ts';
import { type LanCluster, startLanCluster, startServer } from '../support/lan/lan-cluster.ts';
import { waitFor } from '../support/wait.ts';

const POOL = '10.77.0.240-10.77.0.249';
/** Nobody's address: the LAN is led to a board with it, as by a router. */
const EXTERNAL_IP = '192.0.2.80';
const PEER_PORT = '9100';

function pod(name: string, node: number, app: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${app}}}
spec:
  nodeName: host${node}
  terminationGracePeriodSeconds: 60
  tolerations: [{operator: Exists}]
  containers:
    - name: main
      image: ${TEST_IMAGE}
      command: [sh, -c, 'mkdir -p /www; hostname >/www/index.html; exec httpd -f -p 8080 -h /www']
---`;
}

function service(name: string, app: string, extra: string, target: string | number = 8080): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {selector: {app: ${app}}, ports: [{port: 80, targetPort: ${target}}], ${extra}}
---`;
}

const WORLD = [
  pod('web-1', 1, 'web'),
  pod('web-2', 2, 'web'),
  pod('peer', 2, 'peer'),
  pod('leaving', 2, 'leaving'),
  service('pooled', 'web', 'type: LoadBalancer'),
  service('wanted', 'web', 'type: LoadBalancer, loadBalancerIP: 10.77.0.249'),
  service('local', 'peer', 'type: LoadBalancer, externalTrafficPolicy: Local', PEER_PORT),
  service('everywhere', 'peer', 'type: NodePort', PEER_PORT),
  service('inside', 'peer', 'internalTrafficPolicy: Local', PEER_PORT),
  service('external', 'peer', `externalIPs: [${EXTERNAL_IP}]`, PEER_PORT),
  service('leaving', 'leaving', 'type: ClusterIP'),
].join('');

interface Spec {
  clusterIP: string;
  healthCheckNodePort: number;
  ports: { nodePort: number }[];
}

describe('services as the LAN sees them', { concurrency: false }, () => {
  let cluster: LanCluster;
  before(async () => {
    cluster = await startLanCluster({ hosts: 2, masterFlags: ['--load-balancer-pool', POOL] });
    await cluster.apply(WORLD);
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s']);
    await startServer(cluster, 'peer', 'peer', PEER_PORT);
  });
  after(() => cluster?.stop());

  const specOf = async (name: string): Promise<Spec> =>
    (await cluster.json<{ spec: Spec }>('get', 'service', name)).spec;
  const nodePortOf = async (name: string): Promise<number> => (await specOf(name)).ports[0]?.nodePort ?? 0;
  const addressOf = (name: string): Promise<string> =>
    cluster.kubectl(['get', 'service', name, '-o', 'jsonpath={.status.loadBalancer.ingress[*].ip}']);
  /** Empty: no answer. */
  const ask = async (target: string): Promise<string> => {
    const command = ['timeout', '1', findBusybox(), 'wget', '-qO-', `http://${target}/`];
    return (await cluster.lan.stranger.run(command)).stdout.trim();
  };
  const askIn = async (name: string, target: string): Promise<string> =>
    (await cluster.inPod(name, 'wget', '-qO-', `http://${target}/`)).stdout.trim();
  const podIp = (name: string): Promise<string> =>
    cluster.kubectl(['get', 'pod', name, '-o', 'jsonpath={.status.podIP}']);
  /** Numbers of the boards that hold an address. */
  const holdersOf = async (address: string): Promise<number[]> => {
    const shown = await Promise.all(
      cluster.lan.hosts.map((host) => host.run(['ip', 'addr', 'show', 'dev', 'bramble-lb'])),
    );
    return shown.flatMap(({ stdout }, index) => (stdout.includes(` ${address}/32 `) ? [index + 1] : []));
  };

  test('a load balancer has an address of the pool, the wanted one if it says so, and a name', async () => {
    const address = await waitFor('an address', () => addressOf('pooled'));
    assert.match(address, /^10\.77\.0\.24\d$/);
    assert.equal(await waitFor('the wanted one', () => addressOf('wanted')), '10.77.0.249');
    for (const each of [address, '10.77.0.249']) {
      assert.match(await waitFor(`${each} is served`, () => ask(each)), /^web-[12]$/);
      assert.equal((await holdersOf(each)).length, 1);
    }
    // From a board, and from a pod: without the holder.
    assert.equal(await waitFor('the pool is served to pods', () => askIn('web-1', address)), 'web-1');
  });

  test('an address moves to another board when its holder may not serve, and the LAN is told at once', async () => {
    const address = await addressOf('pooled');
    const [first = 0] = await holdersOf(address);
    const hardware = async (): Promise<string> =>
      defined(
        /lladdr (\S+)/.exec(await cluster.lan.stranger.output('ip', 'neigh', 'show', address))?.[1],
        'a neighbour',
      );
    const before = await hardware();
    const label = 'node.kubernetes.io/exclude-from-external-load-balancers';
    await cluster.kubectl(['label', 'node', `host${first}`, `${label}=`]);
    // The stranger asks nothing meanwhile: it is told.
    await waitFor('the LAN knows', async () => (await hardware()) !== before);
    assert.deepEqual(await holdersOf(address), [3 - first]);
    assert.match(await ask(address), /^web-[12]$/);
    await cluster.kubectl(['label', 'node', `host${first}`, `${label}-`]);
    await waitFor('it is back', async () => (await holdersOf(address)).join() === `${first}`);
    // A board has the address a moment before it tells the LAN.
    await waitFor('the LAN knows again', async () => (await hardware()) === before);
    assert.match(await waitFor('an answer', () => ask(address)), /^web-[12]$/);
  });

  test('policy Local: only boards with a pod serve, and it sees who asks; Cluster: all, and it does not', async () => {
    const { lan } = cluster;
    const [here, there] = [lan.host(2).address, lan.host(1).address];
    const local = await nodePortOf('local');
    await waitFor('the pod is asked', async () => (await ask(`${here}:${local}`)) === lan.stranger.address);
    assert.equal(await ask(`${there}:${local}`), '');
    const balanced = await addressOf('local');
    assert.deepEqual(await holdersOf(balanced), [2]);
    assert.equal(await ask(balanced), lan.stranger.address);
    const everywhere = await nodePortOf('everywhere');
    for (const address of [here, there]) {
      const seen = await ask(`${address}:${everywhere}`);
      assert.ok(seen !== '' && seen !== lan.stranger.address, seen);
    }
  });

  test('internal policy Local: pods of the same board, with their own address; others get no answer', async () => {
    const { clusterIP } = await specOf('inside');
    assert.equal(await askIn('web-2', clusterIP), await podIp('web-2'));
    assert.equal(await askIn('web-1', clusterIP), '');
  });

  test('an external address leads to the pods, from wherever it is led to a board', async () => {
    await cluster.lan.stranger.output('ip', 'route', 'add', EXTERNAL_IP, 'via', cluster.lan.host(1).address);
    assert.notEqual(await waitFor('an answer', () => ask(EXTERNAL_IP)), '');
    assert.notEqual(await askIn('web-1', EXTERNAL_IP), '');
  });

  test('health check ports say which board has a pod, as kube-proxy does', async () => {
    const { healthCheckNodePort: port } = await specOf('local');
    const check = async (number: number): Promise<string> => {
      const url = `http://${cluster.lan.host(number).address}:${port}/healthz`;
      const words = ['curl', '-sS', '-m', '3', '-w', ' %{http_code}', url];
      return (await cluster.lan.stranger.run(words)).stdout.replaceAll(/\s+/g, '');
    };
    const said = (count: number, code: number): string =>
      `{"service":{"namespace":"default","name":"local"},"localEndpoints":${count},"serviceProxyHealthy":true}${code}`;
    assert.deepEqual([await check(1), await check(2)], [said(0, 503), said(1, 200)]);
  });

  test('the last pod serves while it is on its way out; then there is a refusal', async () => {
    const { clusterIP } = await specOf('leaving');
    await cluster.kubectl(['delete', 'pod', 'leaving', '--wait=false']);
    const path = 'jsonpath={.items[*].endpoints[*].conditions}';
    const selector = 'kubernetes.io/service-name=leaving';
    await waitFor('it is told to be going', async () =>
      (await cluster.kubectl(['get', 'endpointslices', '-l', selector, '-o', path])).includes('"terminating":true'),
    );
    for (const name of ['web-1', 'web-2']) assert.equal(await askIn(name, clusterIP), 'leaving');
    await cluster.kubectl(['delete', 'pod', 'leaving', '--grace-period=1', '--wait=false']);
    await waitFor('it is refused', async () => {
      const { stderr } = await cluster.inPod('web-1', 'wget', '-qO-', `http://${clusterIP}/`);
      return stderr.includes('refused');
    });
  });
});
