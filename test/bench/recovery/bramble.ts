/** Bramble as a contender: the shipped bundles with their defaults, master and agent on host 1, an agent on every other host. */
import { TEST_IMAGE } from '../../support/docker.ts';
import type { LanCluster } from '../../support/lan/lan-cluster.ts';
import { waitFor } from '../../support/wait.ts';
import { areEmpty } from './engines.ts';
import { openLanApi } from './lan-api.ts';
import type { Orchestrator } from './orchestrator.ts';
import { PodCounter } from './pod-counter.ts';

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const READY_TIMEOUT_MS = 60_000;

interface NodeView {
  status: { conditions: { type: string; status: string }[] };
}

export function createBramble(cluster: LanCluster): Orchestrator {
  const { lan } = cluster;
  const api = openLanApi(lan.host(1));
  const pods = new PodCounter(api);
  /** Services whose pods must be of the new template. */
  const rounds = new Map<string, string>();
  return {
    name: 'bramble',
    start: async () => {
      await api.start();
      pods.start();
    },
    async create(service, replicas) {
      rounds.set(service, '1');
      await api.call('POST', DEPLOYMENTS, renderDeployment(service, replicas));
    },
    async update(service) {
      rounds.set(service, '2');
      const patch = { spec: { template: renderTemplate(service, '2') } };
      await api.call('PATCH', `${DEPLOYMENTS}/${service}`, patch);
    },
    async remove(service) {
      await api.call('DELETE', `${DEPLOYMENTS}/${service}?propagationPolicy=Background`);
      await waitFor('its pods to be gone', async () => pods.count({ service }) === 0, READY_TIMEOUT_MS);
      // Pods without a grace period leave the API before their containers are gone, as in Kubernetes.
      await waitFor('its containers to be gone', () => areEmpty(lan.hosts), READY_TIMEOUT_MS);
    },
    running: async (service, except) =>
      pods.count({
        service,
        round: rounds.get(service) ?? '1',
        isRunning: true,
        ...(except === undefined ? {} : { except: lan.host(except).name }),
      }),
    async isLost(host) {
      const node = await api.call<NodeView>('GET', `/api/v1/nodes/${lan.host(host).name}`);
      return node.status.conditions.some(({ type, status }) => type === 'Ready' && status !== 'True');
    },
    async killControl() {
      await cluster.kill('master 1');
      cluster.startMaster();
    },
    async stop() {
      pods.stop();
      await api.stop();
      for (const program of ['master 1', ...lan.hosts.map(({ number }) => `agent ${number}`)])
        await cluster.kill(program);
      for (const host of lan.hosts) {
        const ids = await host.docker('ps', '-aq');
        if (ids !== '') await host.docker('rm', '-f', ...ids.split('\n'));
        // Its rules and bridges would cost the next contender.
        await cluster.uninstall(host.number);
      }
    },
  };
}

function renderDeployment(service: string, replicas: number): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: service },
    spec: {
      replicas,
      selector: { matchLabels: { service } },
      // Two at a time, the old one first, as Swarm does it.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 2 } },
      template: renderTemplate(service, '1'),
    },
  };
}

function renderTemplate(service: string, round: string): object {
  return {
    metadata: { labels: { service, round } },
    spec: {
      terminationGracePeriodSeconds: 0,
      tolerations: ['not-ready', 'unreachable'].map((state) => ({
        ...{ key: `node.kubernetes.io/${state}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 },
      })),
      containers: [{ name: 'main', image: TEST_IMAGE, imagePullPolicy: 'IfNotPresent', command: ['sleep', '1000000'] }],
    },
  };
}
