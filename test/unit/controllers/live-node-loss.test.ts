/** Lost nodes at work, in virtual time: real API server, scheduler and controllers; boards that fall silent. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { DaemonSetKind } from '../../../shared/api/daemon-set.ts';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { PodKind } from '../../../shared/api/pod.ts';
import { StatefulSetKind } from '../../../shared/api/stateful-set.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';
import { makeDeployment } from './objects.ts';

const KEY = { namespace: 'default', name: 'web' };
const NAMES = ['pi-1', 'pi-2', 'pi-3', 'pi-4'];

let cluster: LiveCluster;

beforeEach(async () => {
  cluster = await startLiveCluster();
  for (const name of NAMES) await cluster.addNode({ name });
});

afterEach(() => cluster.stop());

async function deploy(replicas: number): Promise<void> {
  await cluster.client.create(DeploymentKind, { metadata: KEY, spec: makeDeployment({ replicas }).spec });
  await cluster.until('all to run', async () => (await runningOn(...NAMES)) === replicas);
}

async function runningOn(...nodes: string[]): Promise<number> {
  const pods = await cluster.pods();
  return pods.filter(
    ({ metadata, spec, status }) =>
      metadata.deletionTimestamp === undefined && nodes.includes(spec.nodeName ?? '') && status.phase === 'Running',
  ).length;
}

async function taintsOf(name: string): Promise<string[]> {
  const { spec } = await cluster.client.get(NodeKind, { name });
  return (spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
}

const MINUTE_MS = 60_000;

test('a deletion on a dead node is finished by the master after grace and bound; the name is free', async () => {
  await deploy(4);
  await cluster.setLink('pi-2', 'down');
  await cluster.until('the others to take over', async () => (await runningOn('pi-1', 'pi-3', 'pi-4')) === 4);
  const left = async () => (await cluster.pods()).filter(({ spec }) => spec.nodeName === 'pi-2').length;
  assert.equal(await left(), 1);
  await cluster.clock.advance(MINUTE_MS / 2);
  assert.equal(await left(), 1);
  await cluster.until('it to be gone', async () => (await left()) === 0, 3 * MINUTE_MS);
});

test('when most boards vanish at once nothing moves for five minutes; when they come back nothing has moved', async () => {
  await deploy(4);
  const before = (await cluster.pods()).map(({ metadata }) => metadata.uid).sort();
  for (const name of ['pi-1', 'pi-2', 'pi-3']) await cluster.setLink(name, 'down');
  await cluster.clock.advance(2 * MINUTE_MS);
  assert.ok((await taintsOf('pi-1')).includes('node.kubernetes.io/unreachable:NoSchedule'));
  assert.ok(!(await taintsOf('pi-3')).includes('node.kubernetes.io/unreachable:NoExecute'));
  for (const name of ['pi-1', 'pi-2', 'pi-3']) await cluster.setLink(name, 'up');
  await cluster.until('all to run again', async () => (await runningOn(...NAMES)) === 4);
  assert.deepEqual((await cluster.pods()).map(({ metadata }) => metadata.uid).sort(), before);
});

test('after the time of doubt what is lost is lost', async () => {
  await deploy(4);
  for (const name of ['pi-1', 'pi-2', 'pi-3']) await cluster.setLink(name, 'down');
  await cluster.clock.advance(4 * MINUTE_MS);
  assert.equal(await runningOn('pi-4'), 1);
  await cluster.until('all on the last board', async () => (await runningOn('pi-4')) === 4, 3 * MINUTE_MS);
});

test('a board that comes and goes gets no new pods until it is calm', async () => {
  for (let loss = 0; loss < 3; loss += 1) {
    await cluster.setLink('pi-1', 'down');
    await cluster.clock.advance(2_000);
    await cluster.setLink('pi-1', 'up');
    await cluster.clock.advance(8_000);
  }
  await cluster.until('the taint', async () => (await taintsOf('pi-1')).includes('bramble.dev/flapping:NoSchedule'));
  await deploy(8);
  assert.equal(await runningOn('pi-1'), 0);
  await cluster.until('calm', async () => (await taintsOf('pi-1')).length === 0, 10 * MINUTE_MS);
});

test('the pod of a StatefulSet waits for its dead node until somebody vouches for its death', async () => {
  const { template } = makeDeployment().spec;
  const selector = { matchLabels: { app: 'web' } };
  await cluster.client.create(StatefulSetKind, {
    metadata: KEY,
    spec: { replicas: 1, selector, serviceName: 'web', template },
  });
  await cluster.until('it to run', async () => (await runningOn(...NAMES)) === 1);
  const [pod] = await cluster.pods();
  const home = pod?.spec.nodeName ?? '';
  await cluster.setLink(home, 'down');
  await cluster.clock.advance(10 * MINUTE_MS);
  const [waiting] = await cluster.pods();
  assert.equal(waiting?.metadata.uid, pod?.metadata.uid);
  assert.ok(waiting?.metadata.deletionTimestamp !== undefined);
  const { spec, metadata } = await cluster.client.get(NodeKind, { name: home });
  const taints = [...(spec.taints ?? []), { key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' as const }];
  const body = { metadata: { resourceVersion: metadata.resourceVersion }, spec: { taints } };
  await cluster.client.patch(NodeKind, { name: home }, { type: 'merge', body });
  await cluster.until(
    'it to run elsewhere',
    async () => (await runningOn(...NAMES.filter((name) => name !== home))) === 1,
  );
  assert.equal((await cluster.pods()).length, 1);
  assert.ok(await cluster.exists(PodKind, 'web-0'));
});

test('a daemon that was deleted on a dead node waits for it, as long as its set would make the next one', async () => {
  const { template } = makeDeployment().spec;
  const selector = { matchLabels: { app: 'web' } };
  await cluster.client.create(DaemonSetKind, { metadata: KEY, spec: { selector, template } });
  await cluster.until('all to run', async () => (await runningOn(...NAMES)) === 4);
  const daemon = async () => (await cluster.pods()).find(({ spec }) => spec.nodeName === 'pi-2');
  const lose = async (): Promise<string | undefined> => {
    const pod = await daemon();
    await cluster.setLink('pi-2', 'down');
    await cluster.client.delete(PodKind, { namespace: 'default', name: pod?.metadata.name ?? '' });
    await cluster.clock.advance(5 * MINUTE_MS);
    assert.equal((await daemon())?.metadata.uid, pod?.metadata.uid);
    return pod?.metadata.uid;
  };
  const lost = await lose();
  await cluster.setLink('pi-2', 'up');
  await cluster.until('the next one', async () => (await runningOn('pi-2')) === 1);
  assert.notEqual((await daemon())?.metadata.uid, lost);
  await lose();
  await cluster.client.delete(DaemonSetKind, KEY);
  await cluster.until('all to be gone', async () => (await cluster.pods()).length === 0, 3 * MINUTE_MS);
});
