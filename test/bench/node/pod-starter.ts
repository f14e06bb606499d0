/** Creates pods over HTTPS and says when the last one has become Ready, as a watch over HTTPS shows it. */
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import { loadProfile, type Profile } from '../../../cli/api/kubeconfig.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import { createTestContext, type TestCluster } from '../../support/cluster.ts';
import { TEST_IMAGE } from '../../support/docker.ts';
import { waitFor } from '../../support/wait.ts';

export const COMMAND: readonly string[] = ['sleep', '1000000'];

export interface PodStarter {
  /** Creates so many pods at once; resolves to the milliseconds until all of them are Ready. */
  start(count: number): Promise<number>;
  /** Deletes all pods and waits until nothing of them is left on the engine. */
  removeAll(): Promise<void>;
  close(): void;
}

const PODS = '/api/v1/namespaces/default/pods';
const TIMEOUT_MS = 300_000;

interface PodEvent {
  type: string;
  object: { metadata: { name: string }; status?: { conditions?: { type: string; status: string }[] } };
}

export async function openPodStarter(cluster: TestCluster, clock: Clock): Promise<PodStarter> {
  const profile = await loadProfile(createTestContext(), { kubeconfig: cluster.folder.kubeconfig });
  const [node = ''] = cluster.nodes;
  const ready = new Map<string, PromiseWithResolvers<number>>();
  const names = new Set<string>();
  const close = await watchPods(profile, ({ type, object }) => {
    const { name } = object.metadata;
    if (type === 'DELETED') names.delete(name);
    const isReady = object.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True');
    if (isReady) ready.get(name)?.resolve(clock.monotonicMs());
  });
  let counter = 0;
  const create = async (): Promise<void> => {
    counter += 1;
    const name = `bench-${counter}`;
    ready.set(name, Promise.withResolvers());
    names.add(name);
    const { code, body } = await cluster.https('POST', PODS, renderPod(name, node));
    if (code !== 201) throw new Error(`the pod was refused: ${JSON.stringify(body)}`);
  };
  return {
    async start(count) {
      const startMs = clock.monotonicMs();
      await Promise.all(Array.from({ length: count }, create));
      const isOver = { value: false };
      const all = Promise.all([...ready.values()].map(({ promise }) => promise)).then((times) => {
        isOver.value = true;
        return Math.max(...times) - startMs;
      });
      await waitFor(`${count} pods are ready`, () => isOver.value, TIMEOUT_MS);
      ready.clear();
      return all;
    },
    async removeAll() {
      for (const name of names) await cluster.https('DELETE', `${PODS}/${name}`);
      const left = () => cluster.engine.docker('ps', '-aq', '--filter', `label=bramble.dev/node=${node}`);
      await waitFor('the pods are gone', async () => names.size === 0 && (await left()) === '', TIMEOUT_MS);
    },
    close,
  };
}

/** Resolves when the watch stands; returns how to end it. */
function watchPods(profile: Profile, onEvent: (event: PodEvent) => void): Promise<() => void> {
  const { server, caCertificate: ca, clientCertificate: cert, clientKey: key } = profile;
  const agent = new Agent({ ca, cert, key });
  return new Promise((resolve, reject) => {
    const asked = request(new URL(`${PODS}?watch=true`, server), { agent }, (response) => {
      // Ending the watch breaks it off: neither side has anything to say about that.
      response.on('error', () => undefined);
      const lines = createInterface(response);
      lines.on('line', (line) => onEvent(JSON.parse(line))).on('error', () => undefined);
      resolve(() => asked.destroy());
    });
    asked.on('error', reject);
    asked.end();
  });
}

function renderPod(name: string, node: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': node },
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', image: TEST_IMAGE, imagePullPolicy: 'IfNotPresent', command: COMMAND }],
    },
  };
}
