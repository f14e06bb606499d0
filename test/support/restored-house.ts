/** What a test of snapshots looks at in a cluster of `up`: objects by HTTPS, and the house's messages by stock MQTT clients. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { loadProfile } from '../../cli/api/kubeconfig.ts';
import { runProgram } from '../../cli/setup/run-program.ts';
import type { ClusterFolder } from '../../cli/up/cluster-folder.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { createHttps, createTestContext } from './cluster.ts';
import { TEST_IMAGE } from './docker.ts';
import { ROOT } from './kubectl.ts';

/** Longest that a stock client waits for a message. */
const WAIT_SECONDS = '30';

export interface PodView {
  uid: string;
  isReady: boolean;
  /** With its restarts: another one is another container. */
  container: string;
}

export interface Numbers {
  clusterIP?: string;
  nodePort?: number;
}

interface Pods {
  items?: {
    metadata: { uid: string };
    status: { containerStatuses?: { ready: boolean; containerID?: string; restartCount: number }[] };
  }[];
}

interface ServiceView {
  spec: { clusterIP: string; ports: { nodePort: number }[] };
}

export async function openHouse(folder: ClusterFolder, mqttPort: string) {
  const call = createHttps(await loadProfile(createTestContext(), { kubeconfig: folder.kubeconfig }));
  const passwords = new Map<string, string>();
  const broker = ['-h', 'localhost', '-p', mqttPort, '--cafile', join(folder.path, 'pki/ca.crt'), '-V', 'mqttv311'];
  const who = (): string[] => [...broker, '-u', 'lamp', '-P', passwords.get('lamp') ?? ''];
  const program = async (name: string, args: readonly string[]): Promise<string> => {
    const { code, output } = await runProgram(name, args, {});
    assert.equal(code, 0, output);
    return output.trim();
  };
  return {
    call,
    async addUser(name: string): Promise<void> {
      const args = ['mqtt', 'user', 'add', name, '--json', '--topic', 'home/#', '--data-dir', folder.path];
      const output = await program(join(ROOT, 'cli/bramble'), args);
      passwords.set(name, JSON.parse(output.slice(output.indexOf('{'))).password);
    },
    keep: (topic: string, message: string) =>
      program('mosquitto_pub', [...who(), '-q', '1', '-r', '-t', topic, '-m', message]),
    get: (topic: string) => program('mosquitto_sub', [...who(), '-C', '1', '-W', WAIT_SECONDS, '-t', topic]),
    make: (object: JsonObject & { path: string }) => {
      const { path, ...body } = object;
      return call('POST', path, body);
    },
    async drop(path: string): Promise<void> {
      assert.equal((await call('DELETE', path)).code, 200, path);
    },
    async pods(app: string): Promise<PodView[]> {
      const { body } = await call('GET', `/api/v1/namespaces/default/pods?labelSelector=app%3D${app}`);
      return ((body as Pods).items ?? []).map(({ metadata, status }) => {
        const { ready = false, containerID = '', restartCount = 0 } = status.containerStatuses?.[0] ?? {};
        return { uid: metadata.uid, isReady: ready, container: `${containerID} ${restartCount}` };
      });
    },
    async service(name: string): Promise<Numbers> {
      const { spec } = (await call('GET', `/api/v1/namespaces/default/services/${name}`)).body as object as ServiceView;
      return { clusterIP: spec.clusterIP, nodePort: spec.ports[0]?.nodePort ?? 0 };
    },
    async revision(): Promise<number> {
      const { metadata } = (await call('GET', '/api/v1/pods')).body as { metadata?: { resourceVersion?: string } };
      return Number(metadata?.resourceVersion);
    },
  };
}

export function configMap(name: string) {
  const path = '/api/v1/namespaces/default/configmaps';
  return { path, apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { name } };
}

export function service(name: string, { clusterIP, nodePort }: Numbers = {}) {
  const ports = [{ port: 80, ...(nodePort === undefined ? {} : { nodePort }) }];
  const spec = { type: 'NodePort', selector: { app: name }, ports, ...(clusterIP === undefined ? {} : { clusterIP }) };
  const path = '/api/v1/namespaces/default/services';
  return { path, apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}

export function deployment(name: string) {
  const labels = { app: name };
  const container = { name: 'main', image: TEST_IMAGE, imagePullPolicy: 'IfNotPresent', command: ['sleep', '1000'] };
  const template = { metadata: { labels }, spec: { containers: [container], terminationGracePeriodSeconds: 0 } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  const path = '/apis/apps/v1/namespaces/default/deployments';
  return { path, apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec };
}
