/**
 * Many pods on one node, all at once: they start, they are deleted, and nothing is left of them anywhere on the machine.
 * A share in `npm test`; the whole hundred with `BRAMBLE_E2E_PODS=100 node --test test/e2e/node-crowd.test.ts`.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { hasDocker, TEST_IMAGE } from '../support/docker.ts';
import { waitFor } from '../support/wait.ts';

const COUNT = Number(process.env['BRAMBLE_E2E_PODS'] ?? 20);
const TIMEOUT_MS = 60_000 + COUNT * 6_000;
const PODS = '/api/v1/namespaces/default/pods';

const CONTAINER = {
  name: 'main',
  image: TEST_IMAGE,
  command: ['sleep', '1000000'],
  env: [{ name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'conf', key: 'color' } } }],
  resources: { requests: { cpu: '1m', memory: '1Mi' } },
  volumeMounts: [
    { name: 'keys', mountPath: '/keys' },
    { name: 'work', mountPath: '/work' },
    { name: 'fast', mountPath: '/fast' },
  ],
};

const VOLUMES = [
  { name: 'keys', secret: { secretName: 'keys' } },
  { name: 'work', emptyDir: {} },
  { name: 'fast', emptyDir: { medium: 'Memory' } },
];

const skip = (await hasDocker()) ? false : 'there is no Docker';

describe(`${COUNT} pods on one node`, { skip, concurrency: false }, () => {
  let cluster: TestCluster;
  let node: string;
  let networks: string;

  before(async () => {
    cluster = await startTestCluster();
    node = cluster.nodes[0] ?? '';
    await create('configmaps', { metadata: { name: 'conf' }, data: { color: 'blue' } });
    await create('secrets', { metadata: { name: 'keys' }, stringData: { pin: '1234' } });
    networks = await cluster.engine.docker('network', 'ls', '-q');
  });
  after(() => cluster?.stop());

  async function create(plural: string, object: object): Promise<void> {
    const { code, body } = await cluster.https('POST', `/api/v1/namespaces/default/${plural}`, object);
    assert.equal(code, 201, JSON.stringify(body));
  }

  function own(...args: string[]): Promise<string> {
    return cluster.engine.docker('ps', '-aq', '--filter', `label=bramble.dev/node=${node}`, ...args);
  }

  async function phases(): Promise<unknown[]> {
    const { body } = await cluster.https('GET', PODS);
    const items: unknown = body['items'];
    return Array.isArray(items) ? items.map((item) => item.status.phase) : [];
  }

  it('start', async () => {
    const spec = { terminationGracePeriodSeconds: 1, containers: [CONTAINER], volumes: VOLUMES };
    for (let index = 0; index < COUNT; index += 1) await create('pods', { metadata: { name: `p-${index}` }, spec });
    const isRunning = (phase: unknown): boolean => phase === 'Running';
    await waitFor('all run', async () => (await phases()).filter(isRunning).length === COUNT, TIMEOUT_MS);
    assert.equal((await own()).split('\n').length, COUNT, 'a pod of one container is one container');
  });

  it('are deleted, and nothing is left of them', async () => {
    await Promise.all(Array.from({ length: COUNT }, (_, index) => cluster.https('DELETE', `${PODS}/p-${index}`)));
    await waitFor('none is left', async () => (await phases()).length === 0, TIMEOUT_MS);
    const { engine, folder } = cluster;
    assert.equal(await own(), '', 'a pod goes from the API when nothing of it is left on the engine');
    assert.equal(await engine.docker('network', 'ls', '-q'), networks);
    assert.equal(await engine.docker('volume', 'ls', '-q', '--filter', 'dangling=true'), '');
    const path = (name: string): string => join(folder.nodeFolder(node), name);
    for (const name of ['pods', 'pods-memory']) assert.deepEqual(await readdir(path(name)), []);
    assert.deepEqual(await readdir(path('sandboxes')), ['gate']);
    const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
    assert.deepEqual(
      mounts.filter((line) => line.includes(`${path('pods')}/`)),
      [],
    );
    const remembered = async (): Promise<string[]> =>
      (await readdir(path('assignment'))).filter((name) => /^(Pod|Secret|ConfigMap)-/.test(name));
    await waitFor('nothing of them is remembered', async () => (await remembered()).length === 0);
  });
});
