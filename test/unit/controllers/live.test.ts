/** The controllers at work on the real API server: what a user does, and what becomes of it. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { CertificateSigningRequestKind } from '../../../shared/api/certificate-signing-request.ts';
import { ConfigMapKind } from '../../../shared/api/config-map.ts';
import { type Deployment, DeploymentKind } from '../../../shared/api/deployment.ts';
import { EventKind } from '../../../shared/api/event.ts';
import { NamespaceKind } from '../../../shared/api/namespace.ts';
import { NodeKind } from '../../../shared/api/node.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { ReplicaSetKind } from '../../../shared/api/replica-set.ts';
import { SecretKind } from '../../../shared/api/secret.ts';
import { ServiceAccountKind } from '../../../shared/api/service-account.ts';
import { getCondition } from '../../../shared/machinery/conditions.ts';
import { isControlledBy } from '../../../shared/machinery/owner-references.ts';
import { formatTime, sleep } from '../../../shared/platform/clock.ts';
import { createCertificateRequest } from '../../../shared/protocol/x509/certificate-request.ts';
import { generatePrivateKey } from '../../../shared/protocol/x509/keys.ts';
import { type LiveCluster, startLiveCluster } from './live-cluster.ts';
import { type DeploymentOptions, makeDeployment, makeReplica, makeTemplate } from './objects.ts';

const KEY = { namespace: 'default', name: 'web' };

let cluster: LiveCluster;

beforeEach(async () => {
  cluster = await startLiveCluster({ sign: async (pem, { usages }) => `signed for ${usages}: ${pem.length}` });
  for (const name of ['pi-1', 'pi-2', 'pi-3']) await cluster.addNode({ name });
});

afterEach(() => cluster.stop());

async function deploy(options: DeploymentOptions = {}): Promise<Deployment> {
  const { spec } = makeDeployment(options);
  await cluster.client.create(DeploymentKind, { metadata: KEY, spec });
  return complete();
}

function complete(image?: string): Promise<Deployment> {
  return cluster.until('the roll-out', async () => {
    const deployment = await cluster.client.get(DeploymentKind, KEY);
    const { status, spec, metadata } = deployment;
    const counts = [status.replicas, status.updatedReplicas, status.availableReplicas];
    const isObserved = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
    const isWanted = image === undefined || imageOf(spec.template) === image;
    return isObserved && isWanted && counts.every((count) => count === spec.replicas) && deployment;
  });
}

function imageOf({ spec }: { spec: Pod['spec'] }): string | undefined {
  return spec.containers[0]?.image;
}

async function patch(body: Record<string, unknown>): Promise<void> {
  await cluster.client.patch(DeploymentKind, KEY, { type: 'strategic', body });
}

function setImage(image: string): Promise<void> {
  return patch({ spec: { template: { spec: { containers: [{ name: 'main', image }] } } } });
}

test('a Deployment runs, one pod on each board, and says so', async () => {
  const { status, metadata } = await deploy();
  const pods = await cluster.pods();
  assert.deepEqual(pods.map((pod) => pod.spec.nodeName).sort(), ['pi-1', 'pi-2', 'pi-3']);
  assert.equal(getCondition(status.conditions, 'Available')?.status, 'True');
  assert.equal(getCondition(status.conditions, 'Progressing')?.reason, 'NewReplicaSetAvailable');
  assert.equal(metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
  await cluster.clock.advance(1_000);
  const events = (await cluster.client.list(EventKind)).items.map(
    (event) => `${event.involvedObject.kind} ${event.reason}`,
  );
  for (const expected of ['Deployment ScalingReplicaSet', 'ReplicaSet SuccessfulCreate', 'Pod Scheduled']) {
    assert.ok(events.includes(expected), expected);
  }
});

test('scale up and down, and a pod that is deleted comes back', async () => {
  await deploy();
  await patch({ spec: { replicas: 7 } });
  await complete();
  assert.equal((await cluster.pods()).length, 7);
  await patch({ spec: { replicas: 2 } });
  await complete();
  const [first] = await cluster.until('two pods', async () =>
    (await cluster.pods()).length === 2 ? cluster.pods() : false,
  );
  const { name = '' } = first?.metadata ?? {};
  await cluster.client.delete(PodKind, { namespace: 'default', name });
  await cluster.until(
    'another pod',
    async () => !(await cluster.exists(PodKind, name)) && (await cluster.pods()).length === 2,
  );
});

test('a rolling update replaces the pods, and an undo brings the old template back as a new revision', async () => {
  const before = await deploy();
  await setImage('nginx:2');
  await complete('nginx:2');
  await cluster.until('the old pods', async () => (await cluster.pods()).every((pod) => imageOf(pod) === 'nginx:2'));
  const { items } = await cluster.client.list(ReplicaSetKind);
  assert.deepEqual(items.map(({ spec }) => spec.replicas).sort(), [0, 3]);
  // As kubectl rollout undo does it.
  const value = { ...before.spec.template };
  await cluster.client.patch(DeploymentKind, KEY, {
    type: 'json',
    body: [{ op: 'replace', path: '/spec/template', value }],
  });
  const undone = await complete('nginx:1');
  assert.equal((await cluster.client.list(ReplicaSetKind)).items.length, 2);
  await cluster.until('revision 3', async () => {
    const { metadata } = await cluster.client.get(DeploymentKind, KEY);
    return metadata.annotations?.['deployment.kubernetes.io/revision'] === '3';
  });
  assert.equal(imageOf(undone.spec.template), 'nginx:1');
});

test('a paused Deployment waits; a resumed one goes on', async () => {
  await deploy();
  await patch({ spec: { paused: true } });
  await setImage('nginx:2');
  await cluster.clock.advance(5_000);
  assert.ok((await cluster.pods()).every((pod) => imageOf(pod) === 'nginx:1'));
  await patch({ spec: { paused: null } });
  await complete('nginx:2');
});

test('recreate never runs old and new side by side', async () => {
  await deploy({ type: 'Recreate' });
  await setImage('nginx:2');
  await cluster.until('the new pods', async () => {
    const images = new Set((await cluster.pods()).map(imageOf));
    assert.ok(images.size <= 1);
    return images.has('nginx:2');
  });
  await complete('nginx:2');
});

test('a roll-out that cannot go on fails after its deadline, without losing what ran', async () => {
  await deploy({ maxUnavailable: 0, maxSurge: 1 });
  await patch({ spec: { progressDeadlineSeconds: 30, template: { spec: { nodeSelector: { no: 'where' } } } } });
  await cluster.until('the deadline', async () => {
    const { status } = await cluster.client.get(DeploymentKind, KEY);
    return getCondition(status.conditions, 'Progressing')?.reason === 'ProgressDeadlineExceeded';
  });
  const running = (await cluster.pods()).filter((pod) => pod.status.phase === 'Running');
  assert.equal(running.length, 3);
});

test('an orphan is adopted, a pod that is relabelled is released and replaced', async () => {
  const { spec } = makeReplica({ name: 'orphan' });
  await cluster.client.create(PodKind, {
    metadata: { name: 'orphan', namespace: 'default', labels: { app: 'web' } },
    spec,
  });
  const selector = { matchLabels: { app: 'web' } };
  const set = { replicas: 2, selector, template: makeTemplate() };
  const created = await cluster.client.create(ReplicaSetKind, { metadata: KEY, spec: set });
  const owned = async () => (await cluster.pods()).filter((pod) => isControlledBy(pod, created));
  await cluster.until(
    'adoption',
    async () => (await owned()).some((pod) => pod.metadata.name === 'orphan') && (await owned()).length === 2,
  );
  const key = { namespace: 'default', name: 'orphan' };
  await cluster.client.patch(PodKind, key, { type: 'merge', body: { metadata: { labels: { app: 'free' } } } });
  await cluster.until('release', async () => (await owned()).length === 2 && (await cluster.pods()).length === 3);
  assert.deepEqual((await cluster.client.get(PodKind, key)).metadata.ownerReferences ?? [], []);
});

test('a slow informer never makes a ReplicaSet create or delete too many pods', async () => {
  await cluster.stop();
  const lagMs = 3_000;
  cluster = await startLiveCluster({
    disturb: {
      controllers: (client, clock) => ({
        ...client,
        async *watch(kind, options) {
          for await (const event of client.watch(kind, options)) {
            if (kind.kind === 'Pod') await sleep(clock, lagMs, options.signal);
            yield event;
          }
        },
      }),
    },
  });
  const selector = { matchLabels: { app: 'web' } };
  const spec = { replicas: 4, selector, template: makeTemplate() };
  await cluster.client.create(ReplicaSetKind, { metadata: KEY, spec });
  for (const replicas of [4, 4, 2, 2]) {
    for (let look = 0; look < 20; look += 1) {
      const body = { metadata: { labels: { look: `${look}` } }, spec: { replicas } };
      await cluster.client.patch(ReplicaSetKind, KEY, { type: 'merge', body });
      await cluster.clock.advance(1_000);
      const { length } = await cluster.pods();
      assert.ok(length <= 4 && (look === 0 || length >= 2), `${length} pods`);
    }
    assert.equal((await cluster.pods()).length, replicas);
  }
});

for (const propagationPolicy of ['Background', 'Foreground'] as const) {
  test(`deleting a Deployment in the ${propagationPolicy} takes everything with it`, async () => {
    await deploy();
    await cluster.client.delete(DeploymentKind, KEY, { propagationPolicy });
    await cluster.until('nothing left', async () => {
      const isThere = await cluster.exists(DeploymentKind, 'web');
      const { items: sets } = await cluster.client.list(ReplicaSetKind);
      const pods = await cluster.pods();
      if (propagationPolicy === 'Foreground' && !isThere) assert.deepEqual([sets.length, pods.length], [0, 0]);
      return !isThere && sets.length === 0 && pods.length === 0;
    });
  });
}

test('deleting a Deployment with Orphan leaves what it owned', async () => {
  await deploy();
  await cluster.client.delete(DeploymentKind, KEY, { propagationPolicy: 'Orphan' });
  await cluster.until('the Deployment to go', async () => !(await cluster.exists(DeploymentKind, 'web')));
  await cluster.clock.advance(10_000);
  const { items } = await cluster.client.list(ReplicaSetKind);
  assert.deepEqual(
    items.map(({ metadata }) => metadata.ownerReferences?.length ?? 0),
    [0],
  );
  assert.equal((await cluster.pods()).length, 3);
});

test('a namespace goes with its content and not before it', async () => {
  const metadata = { namespace: 'lab', name: 'web' };
  await cluster.client.create(NamespaceKind, { metadata: { name: 'lab' } });
  await cluster.until('its service account', () => cluster.exists(ServiceAccountKind, 'default', 'lab'));
  await cluster.client.create(ConfigMapKind, { metadata, data: { a: 'b' } });
  await cluster.client.create(DeploymentKind, { metadata, spec: makeDeployment().spec });
  await cluster.until(
    'pods',
    async () => (await cluster.pods()).filter((pod) => pod.status.phase === 'Running').length === 3,
  );
  await cluster.client.patch(ConfigMapKind, metadata, {
    type: 'merge',
    body: { metadata: { finalizers: ['example.com/hold'] } },
  });
  await cluster.client.delete(NamespaceKind, { name: 'lab' });
  const held = await cluster.until('what keeps it', async () => {
    const namespace = await cluster.client.get(NamespaceKind, { name: 'lab' });
    const condition = getCondition(namespace.status.conditions, 'NamespaceFinalizersRemaining');
    return condition?.status === 'True' && (await cluster.pods()).length === 0 && condition;
  });
  assert.match(held.message ?? '', /example.com\/hold in 1/);
  await cluster.client.patch(ConfigMapKind, metadata, { type: 'merge', body: { metadata: { finalizers: null } } });
  await cluster.until('the namespace to go', async () => !(await cluster.exists(NamespaceKind, 'lab')));
});

test('a deleted default service account comes back', async () => {
  const key = { namespace: 'default', name: 'default' };
  await cluster.until('it', () => cluster.exists(ServiceAccountKind, 'default'));
  const { metadata } = await cluster.client.get(ServiceAccountKind, key);
  await cluster.client.delete(ServiceAccountKind, key);
  await cluster.until('it again', async () => {
    if (!(await cluster.exists(ServiceAccountKind, 'default'))) return false;
    return (await cluster.client.get(ServiceAccountKind, key)).metadata.uid !== metadata.uid;
  });
});

test('a board whose link is cut is not ready within a second, its pods move, and it comes back', async () => {
  await deploy();
  await cluster.setLink('pi-2', 'down');
  const cutMs = cluster.clock.monotonicMs();
  const node = await cluster.until('NotReady', async () => {
    const found = await cluster.client.get(NodeKind, { name: 'pi-2' });
    const isTainted = found.spec.taints?.some(
      ({ key, effect }) => key.endsWith('unreachable') && effect === 'NoExecute',
    );
    return getCondition(found.status.conditions, 'Ready')?.status === 'Unknown' && isTainted && found;
  });
  assert.ok(cluster.clock.monotonicMs() - cutMs <= 1_000);
  assert.equal(getCondition(node.status.conditions, 'Ready')?.reason, 'NodeStatusUnknown');
  await cluster.until(
    'the pod not to count',
    async () => (await cluster.client.get(DeploymentKind, KEY)).status.readyReplicas === 2,
  );
  await cluster.until('three ready elsewhere', async () => {
    const alive = (await cluster.pods()).filter((pod) => pod.metadata.deletionTimestamp === undefined);
    const isMoved = alive.length === 3 && alive.every((pod) => pod.spec.nodeName !== 'pi-2');
    return isMoved && (await cluster.client.get(DeploymentKind, KEY)).status.readyReplicas === 3;
  });
  await cluster.setLink('pi-2', 'up');
  await cluster.until('it to be clean again', async () => {
    const { spec } = await cluster.client.get(NodeKind, { name: 'pi-2' });
    return (spec.taints ?? []).length === 0 && (await cluster.pods()).length === 3;
  });
});

test('pods of a Node object that is gone are removed though nobody answers for them', async () => {
  await deploy();
  await cluster.setLink('pi-3', 'down');
  await cluster.client.delete(NodeKind, { name: 'pi-3' });
  await cluster.until('all pods elsewhere', async () => {
    const pods = await cluster.pods();
    return pods.length === 3 && pods.every((pod) => pod.spec.nodeName !== 'pi-3');
  });
});

test('a cordoned board gets its taint and no new pods', async () => {
  await cluster.client.patch(NodeKind, { name: 'pi-1' }, { type: 'merge', body: { spec: { unschedulable: true } } });
  await cluster.until(
    'the taint',
    async () => (await cluster.client.get(NodeKind, { name: 'pi-1' })).spec.taints?.length === 1,
  );
  await deploy({ replicas: 4 });
  assert.ok((await cluster.pods()).every((pod) => pod.spec.nodeName !== 'pi-1'));
});

function ask(user: 'newcomer' | 'node', name: string, nodeName: string) {
  const client =
    user === 'newcomer'
      ? cluster.as('system:bootstrap:abcdef', ['system:bootstrappers'])
      : cluster.as('system:node:pi-1', ['system:nodes']);
  const subject = { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] };
  const request = Buffer.from(createCertificateRequest(subject, generatePrivateKey())).toString('base64');
  const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
  return client.create(CertificateSigningRequestKind, {
    metadata: { name },
    spec: { request, signerName, usages: ['client auth'] },
  });
}

function decided(name: string): Promise<string> {
  return cluster.until('the decision', async () => {
    const { status } = await cluster.client.get(CertificateSigningRequestKind, { name });
    if (status.certificate !== undefined) return Buffer.from(status.certificate, 'base64').toString();
    return getCondition(status.conditions, 'Denied')?.reason ?? getCondition(status.conditions, 'Failed')?.reason;
  });
}

test('boards get certificates for their own names only', async () => {
  await ask('newcomer', 'new', 'pi-9');
  await ask('newcomer', 'taken', 'pi-1');
  await ask('node', 'renewal', 'pi-1');
  await ask('node', 'foreign', 'pi-2');
  assert.match(await decided('new'), /^signed for client auth/);
  assert.equal(await decided('taken'), 'NameTaken');
  assert.match(await decided('renewal'), /^signed for client auth/);
  assert.equal(await decided('foreign'), 'ForeignName');
});

test('join tokens go when their time is over', async () => {
  const expiration = Buffer.from(formatTime(cluster.clock.nowMs() + 60_000)).toString('base64');
  const metadata = { namespace: 'kube-system', name: 'bootstrap-token-abcdef' };
  await cluster.until('kube-system', () => cluster.exists(NamespaceKind, 'kube-system'));
  const data = {
    'token-id': Buffer.from('abcdef').toString('base64'),
    'token-secret': Buffer.from('0123456789abcdef').toString('base64'),
    expiration,
  };
  await cluster.client.create(SecretKind, { metadata, type: 'bootstrap.kubernetes.io/token', data });
  await cluster.clock.advance(59_000);
  assert.equal(await cluster.exists(SecretKind, metadata.name, 'kube-system'), true);
  await cluster.clock.advance(2_000);
  assert.equal(await cluster.exists(SecretKind, metadata.name, 'kube-system'), false);
});
