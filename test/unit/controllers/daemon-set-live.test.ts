/** DaemonSets at work on the real API server: nodes that come, go and change, roll-outs, surge, failing pods. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ControllerRevisionKind } from '../../../shared/api/controller-revision.ts';
import { type DaemonSet, DaemonSetKind } from '../../../shared/api/daemon-set.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { JsonValue } from '../../../shared/protocol/exchange.ts';
import type { Draft } from '../../../shared/schema/object-meta.ts';
import { type LiveCluster, type LiveClusterOptions, startLiveCluster } from './live-cluster.ts';

const KEY = { namespace: 'default', name: 'agent' };

type Spec = NonNullable<Draft<DaemonSet>['spec']>;

let cluster: LiveCluster;

async function start(nodes: readonly string[], options: LiveClusterOptions = {}): Promise<void> {
  cluster = await startLiveCluster(options);
  for (const name of nodes) await cluster.addNode({ name, labels: { board: name } });
}

afterEach(() => cluster.stop());

const labels = { app: 'agent' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'agent:1' }] } };

function create(spec: Spec = {}): Promise<DaemonSet> {
  const draft = { selector: { matchLabels: labels }, template, ...spec };
  return cluster.client.create(DaemonSetKind, { metadata: KEY, spec: draft });
}

function patch(body: Record<string, JsonValue>): Promise<DaemonSet> {
  return cluster.client.patch(DaemonSetKind, KEY, { type: 'strategic', body });
}

function setImage(image: string): Promise<DaemonSet> {
  return patch({ spec: { template: { spec: { containers: [{ name: 'main', image }] } } } });
}

async function placed(): Promise<string[]> {
  return (await cluster.pods()).map(({ spec }) => spec.nodeName ?? '?').sort();
}

/** What `kubectl rollout status` waits for. */
function complete(desired: number): Promise<DaemonSet> {
  return cluster.until(`the roll-out on ${desired} nodes`, async () => {
    const set = await cluster.client.get(DaemonSetKind, KEY);
    const { status, metadata } = set;
    const isObserved = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
    const counts = [status.desiredNumberScheduled, status.updatedNumberScheduled, status.numberAvailable];
    return isObserved && counts.every((count) => count === desired) && set;
  });
}

test('each node gets one pod, bound by the scheduler, with the tolerations of daemons', async () => {
  await start(['pi-1', 'pi-2', 'pi-3']);
  await create();
  const { status } = await complete(3);
  assert.deepEqual([status.numberReady, status.numberUnavailable, status.numberMisscheduled], [3, 0, 0]);
  assert.deepEqual(await placed(), ['pi-1', 'pi-2', 'pi-3']);
  const [pod] = await cluster.pods();
  const tolerated = (pod?.spec.tolerations ?? []).map(({ key, effect }) => `${key}:${effect}`);
  for (const taint of ['not-ready:NoExecute', 'unreachable:NoExecute', 'unschedulable:NoSchedule']) {
    assert.ok(tolerated.includes(`node.kubernetes.io/${taint}`), taint);
  }
  assert.ok((pod?.spec.tolerations ?? []).every(({ tolerationSeconds }) => tolerationSeconds === undefined));
});

test('nodes that come get a pod, nodes that go lose theirs, labels decide', async () => {
  await start(['pi-1']);
  await create({ template: { ...template, spec: { ...template.spec, nodeSelector: { gpio: 'yes' } } } });
  await cluster.clock.advance(1_000);
  assert.deepEqual(await placed(), []);
  const label = (node: string, value: string | null) =>
    cluster.client.patch(NodeKind, { name: node }, { type: 'merge', body: { metadata: { labels: { gpio: value } } } });
  await label('pi-1', 'yes');
  await complete(1);
  await cluster.addNode({ name: 'pi-2', labels: { gpio: 'yes' } });
  await complete(2);
  assert.deepEqual(await placed(), ['pi-1', 'pi-2']);
  await label('pi-1', null);
  await cluster.until('one pod', async () => (await placed()).join() === 'pi-2');
  await cluster.client.delete(NodeKind, { name: 'pi-2' });
  await cluster.until('no pod', async () => (await placed()).length === 0);
});

test('a cordoned board keeps and gets its daemons; a tainted one keeps them and gets none', async () => {
  await start(['pi-1', 'pi-2']);
  const cordon = { spec: { unschedulable: true } };
  await cluster.client.patch(NodeKind, { name: 'pi-1' }, { type: 'merge', body: cordon });
  await create();
  await complete(2);
  const taint = { spec: { taints: [{ key: 'example.com/kept-free', effect: 'NoSchedule' }] } };
  await cluster.client.patch(NodeKind, { name: 'pi-2' }, { type: 'merge', body: taint });
  await complete(1);
  assert.deepEqual(await placed(), ['pi-1', 'pi-2']);
  const pod = (await cluster.pods()).find(({ spec }) => spec.nodeName === 'pi-2');
  await cluster.client.delete(PodKind, { namespace: 'default', name: pod?.metadata.name ?? '' });
  await cluster.clock.advance(10_000);
  assert.deepEqual(await placed(), ['pi-1']);
  await cluster.client.patch(NodeKind, { name: 'pi-2' }, { type: 'merge', body: { spec: { taints: null } } });
  await complete(2);
});

test('a roll-out leaves one node at a time without its pod, and can be undone', async () => {
  await start(['pi-1', 'pi-2', 'pi-3']);
  await create({ minReadySeconds: 2 });
  await complete(3);
  let worst = 3;
  await setImage('agent:2');
  await cluster.until('the roll-out', async () => {
    const { status, metadata } = await cluster.client.get(DaemonSetKind, KEY);
    const running = (await cluster.pods()).filter(isRunning).length;
    worst = Math.min(worst, running);
    const isObserved = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
    return isObserved && status.updatedNumberScheduled === 3 && status.numberAvailable === 3;
  });
  assert.equal(worst, 2);
  const revisions = (await cluster.client.list(ControllerRevisionKind)).items;
  const first = revisions.find(({ revision }) => revision === 1);
  await patch(JSON.parse(JSON.stringify(first?.data)));
  await complete(3);
  assert.ok((await cluster.pods()).every(({ spec }) => spec.containers[0]?.image === 'agent:1'));
});

function isRunning({ status, metadata }: Pod): boolean {
  return status.phase === 'Running' && metadata.deletionTimestamp === undefined;
}

test('with surge the new pod is there before the old one goes', async () => {
  await start(['pi-1', 'pi-2']);
  await create({ updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
  await complete(2);
  let worst = 2;
  let most = 2;
  await setImage('agent:2');
  await cluster.until('the roll-out', async () => {
    const pods = await cluster.pods();
    worst = Math.min(worst, new Set(pods.filter(isRunning).map(({ spec }) => spec.nodeName)).size);
    most = Math.max(most, pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length);
    return pods.length === 2 && pods.every(({ spec }) => spec.containers[0]?.image === 'agent:2');
  });
  assert.deepEqual([worst, most], [2, 3]);
});

test('OnDelete replaces what somebody deletes', async () => {
  await start(['pi-1', 'pi-2']);
  await create({ updateStrategy: { type: 'OnDelete' } });
  await complete(2);
  await setImage('agent:2');
  await cluster.clock.advance(10_000);
  assert.ok((await cluster.pods()).every(({ spec }) => spec.containers[0]?.image === 'agent:1'));
  const [pod] = await cluster.pods();
  await cluster.client.delete(PodKind, { namespace: 'default', name: pod?.metadata.name ?? '' });
  await cluster.until('a new pod', async () =>
    (await cluster.pods()).some(({ spec }) => spec.containers[0]?.image === 'agent:2'),
  );
});

test('a failed pod is replaced, later and later', async () => {
  await start(['pi-1'], { ends: () => ({ afterMs: 100, phase: 'Failed' }) });
  await create();
  const uids = new Set<string>();
  const look = async () => {
    for (const { metadata } of await cluster.pods()) uids.add(metadata.uid);
    return false;
  };
  await cluster.until('a minute to go by', look, 60_000).catch(() => undefined);
  // 1 + 2 + 4 + 8 + 16 + 32 s between the replacements.
  assert.ok(uids.size >= 5 && uids.size <= 8, String(uids.size));
});
