/**
 * Five boards: one that holds addresses of load balancers loses its power, another one is cut off. The LAN reaches the
 * addresses elsewhere, and the lost endpoints have left every table, within ten seconds; what comes back serves again.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findBusybox, TEST_IMAGE } from '../support/docker.ts';
import { type LanCluster, startLanCluster } from '../support/lan/lan-cluster.ts';
import { waitFor } from '../support/wait.ts';

const HOSTS = 5;
/** As many as it takes that every board holds some. */
const SERVICES = 12;
const PORT = 8088;
const WITHIN_MS = 10_000;

const FLEET = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      tolerations: [{operator: Exists}]
      containers:
        - name: main
          image: ${TEST_IMAGE}
          command: [sh, -c, 'mkdir -p /www; hostname >/www/index.html; exec httpd -f -p 8080 -h /www']
---`;

const balancer = (index: number): string => `
apiVersion: v1
kind: Service
metadata: {name: web-${index}, annotations: {bramble.dev/traffic-distribution: Cluster}}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: ${PORT}, targetPort: 8080}]}
---`;

describe('addresses of load balancers on five boards', { concurrency: false }, () => {
  let cluster: LanCluster;
  let addresses: string[] = [];
  before(async () => {
    cluster = await startLanCluster({ hosts: HOSTS, masterFlags: ['--load-balancer-pool', '10.77.0.224/27'] });
    await cluster.apply(FLEET + Array.from({ length: SERVICES }, (_, index) => balancer(index)).join(''));
    await cluster.kubectl(['rollout', 'status', 'daemonset/web', '--timeout=90s']);
    const path = 'jsonpath={.items[*].status.loadBalancer.ingress[0].ip}';
    await waitFor('every service has an address', async () => {
      addresses = (await cluster.kubectl(['get', 'services', '-o', path])).split(' ').filter((ip) => ip !== '');
      return addresses.length === SERVICES;
    });
    await waitFor('all answer', () => allAnswer());
  });
  after(() => cluster?.stop());

  const ask = async (address: string): Promise<boolean> => {
    const command = ['timeout', '1', findBusybox(), 'wget', '-qO-', `http://${address}:${PORT}/`];
    return (await cluster.lan.stranger.run(command)).stdout.startsWith('web-');
  };
  const allAnswer = async (): Promise<boolean> =>
    (await Promise.all(addresses.map((address) => ask(address)))).every((answered) => answered);
  const heldBy = async (number: number): Promise<string[]> => {
    const { stdout } = await cluster.lan.host(number).run(['ip', '-o', 'addr', 'show', 'dev', 'bramble-lb']);
    return [...stdout.matchAll(/inet (\S+)\/32/g)].flatMap(([, ip]) => ip ?? []);
  };
  const podIpAt = async (number: number): Promise<string> => {
    const selector = ['--field-selector', `spec.nodeName=host${number}`, '-l', 'app=web'];
    return cluster.kubectl(['get', 'pods', ...selector, '-o', 'jsonpath={.items[0].status.podIP}']);
  };
  const tablesWith = async (podIp: string, but: number): Promise<number[]> => {
    const others = cluster.lan.hosts.filter(({ number }) => number !== but);
    const tables = await Promise.all(others.map((host) => host.output('nft', 'list', 'table', 'inet', 'bramble')));
    return others.flatMap(({ number }, index) => (tables[index]?.includes(` ${podIp} . 8080`) ? [number] : []));
  };

  test('each address is held by one board, and the boards share them', async () => {
    const held = await Promise.all(cluster.lan.hosts.map(({ number }) => heldBy(number)));
    assert.deepEqual(held.flat().sort(), [...addresses].sort());
    assert.ok(held.filter((each) => each.length > 0).length > 2);
  });

  for (const loss of ['loses its power', 'is cut off'] as const) {
    test(`a board that ${loss}: others hold its addresses, and its pod has left every table, within 10 s`, async () => {
      const victims = await Promise.all([2, 3, 4, 5].map(async (number) => ({ number, held: await heldBy(number) })));
      const { number, held } = victims.reduce((a, b) => (b.held.length > a.held.length ? b : a));
      const podIp = await podIpAt(number);
      assert.equal((await tablesWith(podIp, number)).length, HOSTS - 1);
      await (loss === 'is cut off' ? cluster.lan.setForwarding(number, false) : cluster.lan.host(number).crash());
      const isOver = async (): Promise<boolean> => {
        const [answered, tables] = await Promise.all([allAnswer(), tablesWith(podIp, number)]);
        return answered && tables.length === 0;
      };
      await waitFor(`all addresses answer, ${held.length} of them elsewhere`, isOver, WITHIN_MS);
      if (loss === 'is cut off') await cluster.lan.setForwarding(number, true);
      else {
        await cluster.lan.host(number).boot();
        await cluster.startAgent(number);
      }
      await waitFor('its addresses are back', async () => (await heldBy(number)).length === held.length, 60_000);
      await waitFor('and nobody else has them', async () => {
        const all = await Promise.all(cluster.lan.hosts.map((host) => heldBy(host.number)));
        return all.flat().length === SERVICES;
      });
      await waitFor('all answer', () => allAnswer());
      // After a loss of power it has another address.
      const isBack = async (): Promise<boolean> =>
        (await tablesWith(await podIpAt(number), number)).length === HOSTS - 1;
      await waitFor('its pod is back in every table', isBack, 60_000);
    });
  }

  test('an agent that is killed and uninstalled leaves none of its addresses behind', async () => {
    const number = await waitFor('a board that holds some', async () => {
      for (const each of [2, 3, 4, 5]) if ((await heldBy(each)).length > 0) return each;
      return false;
    });
    await cluster.kill(`agent ${number}`);
    await cluster.uninstall(number);
    assert.doesNotMatch(await cluster.lan.host(number).output('ip', '-o', 'link'), /bramble/);
    await waitFor('all answer', () => allAnswer());
  });
});
