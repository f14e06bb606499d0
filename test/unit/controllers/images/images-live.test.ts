/** Images in a whole control plane: platforms before placement, planned pulls and images fetched ahead, in virtual time. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { RegistryClient } from '../../../../master/controllers/images/registry/registry-client.ts';
import { RegistryError } from '../../../../master/controllers/images/registry/registry-error.ts';
import { DeploymentKind } from '../../../../shared/api/deployment.ts';
import { EventKind } from '../../../../shared/api/event.ts';
import { ImageInfoKind } from '../../../../shared/api/image-info.ts';
import { type ImagePull, ImagePullKind } from '../../../../shared/api/image-pull.ts';
import { NodeKind } from '../../../../shared/api/node.ts';
import { PodKind } from '../../../../shared/api/pod.ts';
import { imagePullName } from '../../../../shared/machinery/image-pull-name.ts';
import { type LiveCluster, startLiveCluster } from '../live-cluster.ts';

const APP = 'registry.local/app:1';
const DIGEST = `sha256:${'1'.repeat(64)}`;

/** A registry whose image is built for what the test says; `undefined` never answers. */
class OneImage implements RegistryClient {
  architectures: readonly string[] | undefined = ['arm64'];
  lookups = 0;

  async digestOf(): Promise<string> {
    this.lookups += 1;
    if (this.architectures === undefined) return new Promise(() => undefined);
    if (this.architectures.length === 0) throw new RegistryError('not-found', 'there is no such image');
    return DIGEST.replace('111', String(this.architectures.length).padStart(3, '0'));
  }

  async describe(_image: unknown, digest: string) {
    const variants = (this.architectures ?? []).map((architecture) => this.#variant(architecture));
    return { digest, variants };
  }

  async completeVariant(_image: unknown, variant: { architecture: string }) {
    return { ...this.#variant(variant.architecture), imageId: `sha256:${'2'.repeat(64)}`, sizeBytes: 5 };
  }

  #variant(architecture: string) {
    return { os: 'linux', architecture, manifestDigest: architecture, imageId: undefined, sizeBytes: undefined };
  }
}

let registry: OneImage;
let cluster: LiveCluster;

beforeEach(async () => {
  registry = new OneImage();
  cluster = await startLiveCluster({ registry });
});

afterEach(() => cluster.stop());

async function addNode(name: string, architecture = 'arm64', options: { images?: Record<string, number> } = {}) {
  await cluster.addNode({ name, architecture, annotations: { 'bramble.dev/peer-port': '7443' }, ...options });
  const addresses = [{ type: 'InternalIP' as const, address: `10.0.0.${name.length}` }];
  const patch = { type: 'strategic', subresource: 'status', body: { status: { addresses } } } as const;
  await cluster.client.patch(NodeKind, { name }, patch);
}

const createPod = (name: string, image = APP) =>
  cluster.client.create(PodKind, { metadata: { namespace: 'default', name }, spec: { containers: [{ name, image }] } });

const nodeOf = async (name: string) =>
  (await cluster.client.get(PodKind, { namespace: 'default', name })).spec.nodeName || undefined;

const placed = (name: string) => cluster.until(`${name} to be placed`, () => nodeOf(name));

async function messages(reason: string): Promise<string[]> {
  const { items } = await cluster.client.list(EventKind, { namespace: 'default' });
  return items.filter((event) => event.reason === reason).map(({ message = '' }) => message);
}

describe('platforms before placement', () => {
  it('puts a pod where its image runs, without a try elsewhere', async () => {
    registry.architectures = ['amd64'];
    for (const name of ['pi-1', 'pi-2', 'pi-3']) await addNode(name);
    await addNode('pc', 'amd64');
    await createPod('app');
    assert.equal(await placed('app'), 'pc');
    const { items } = await cluster.client.list(ImageInfoKind);
    assert.deepEqual(
      items.map(({ spec, status }) => [spec.image, status.state, status.platforms]),
      [[APP, 'Known', [{ os: 'linux', architecture: 'amd64' }]]],
    );
    assert.deepEqual(await messages('FailedScheduling'), []);
  });

  it('names the missing platform, and places the pod when the image is built for it', async () => {
    registry.architectures = ['amd64'];
    await addNode('pi-1');
    await createPod('app');
    const [message] = await cluster.until('the event', async () => {
      const found = await messages('FailedScheduling');
      return found.length > 0 && found;
    });
    assert.equal(
      message,
      `0/1 nodes are available: 1 node(s) had no image "${APP}" for linux/arm64 (it is built for linux/amd64).`,
    );
    registry.architectures = ['amd64', 'arm64'];
    assert.equal(await cluster.until('the pod to be placed', () => nodeOf('app'), 15 * 60_000), 'pi-1');
  });

  it('waits only a moment for a registry that does not answer', async () => {
    registry.architectures = undefined;
    await addNode('pi-1');
    const startMs = cluster.clock.nowMs();
    await createPod('app');
    await cluster.clock.advance(1_000);
    assert.equal(await nodeOf('app'), undefined);
    await placed('app');
    assert.ok(cluster.clock.nowMs() - startMs < 4_000);
    // The next one of that registry does not wait at all.
    await createPod('next', 'registry.local/other:1');
    await cluster.clock.advance(500);
    assert.equal(await nodeOf('next'), 'pi-1');
  });

  it('asks nobody about an image that every kind of node has', async () => {
    await addNode('pi-1', 'arm64', { images: { [APP]: 1 } });
    await addNode('pi-2');
    await createPod('app');
    await placed('app');
    assert.equal(registry.lookups, 0);
  });
});

function ask(nodeName: string): Promise<ImagePull> {
  const metadata = { name: imagePullName(nodeName, APP, false) };
  return cluster.client.create(ImagePullKind, { metadata, spec: { nodeName, image: APP } });
}

const pullOf = (nodeName: string) =>
  cluster.client.get(ImagePullKind, { name: imagePullName(nodeName, APP, false) }).then(({ status }) => status);

const planned = (nodeName: string, source: string) =>
  cluster.until(`${nodeName} to be told: ${source}`, async () => {
    const { plan } = await pullOf(nodeName).catch((): ImagePull['status'] => ({}));
    return plan?.source === source && plan;
  });

function tell(nodeName: string, status: ImagePull['status']): Promise<ImagePull> {
  const name = imagePullName(nodeName, APP, false);
  return cluster.client.patch(ImagePullKind, { name }, { type: 'merge', subresource: 'status', body: { status } });
}

describe('planned pulls', () => {
  it('lets one node fetch, the others of its kind wait and then copy, and another kind fetch for itself', async () => {
    registry.architectures = ['arm64', 'amd64'];
    for (const name of ['a', 'bb', 'ccc']) await addNode(name);
    await addNode('pc', 'amd64');
    await ask('a');
    assert.equal((await planned('a', 'Registry')).reason, undefined);
    await ask('bb');
    assert.equal((await planned('bb', 'Wait')).waitsFor, 'a');
    await ask('pc');
    await planned('pc', 'Registry');
    await tell('a', { phase: 'Succeeded' });
    const plan = await planned('bb', 'Peers');
    assert.deepEqual(plan.peers, [{ nodeName: 'a', address: '10.0.0.1', port: 7443 }]);
    assert.deepEqual([plan.imageID, plan.sizeBytes], [`sha256:${'2'.repeat(64)}`, 5]);
  });

  it('plans anew without those from whom it could not be copied', async () => {
    for (const name of ['a', 'bb']) await addNode(name);
    await ask('a');
    await planned('a', 'Registry');
    await tell('a', { phase: 'Succeeded' });
    await ask('bb');
    await planned('bb', 'Peers');
    await tell('bb', { phase: 'Pending', attempt: 1, failedPeers: ['a'] });
    await planned('bb', 'Registry');
  });

  it('tells a node for which there is no image at once', async () => {
    registry.architectures = ['amd64'];
    await addNode('a');
    await ask('a');
    const plan = await planned('a', 'Registry');
    assert.equal(plan.reason, 'PlatformMissing');
    assert.match(plan.message ?? '', /is not built for linux\/arm64, only for linux\/amd64/);
  });

  it('forgets pulls that are over after a while, and those of nodes that are gone', async () => {
    for (const name of ['a', 'bb']) await addNode(name);
    for (const name of ['a', 'bb']) await ask(name);
    await planned('a', 'Registry');
    await tell('a', { phase: 'Succeeded' });
    await cluster.client.delete(NodeKind, { name: 'bb' });
    const left = async () => (await cluster.client.list(ImagePullKind)).items.map(({ spec }) => spec.nodeName);
    await cluster.until('that of bb to go', async () => (await left()).join() === 'a', 60_000);
    await cluster.until('that of a to go', async () => (await left()).length === 0, 11 * 60_000);
  });
});

function createDeployment(annotation: string) {
  const labels = { app: 'web' };
  const spec = { nodeSelector: { 'bramble.dev/site': 'roof' }, containers: [{ name: 'main', image: APP }] };
  return cluster.client.create(DeploymentKind, {
    metadata: { namespace: 'default', name: 'web', annotations: { 'bramble.dev/prepull': annotation } },
    spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
}

describe('images fetched ahead', () => {
  const roof = { 'bramble.dev/site': 'roof' };

  it('asks each node that could run the pods, says how far it is, and takes it back', async () => {
    for (const [name, labels] of [
      ['a', roof],
      ['bb', roof],
      ['cellar', {}],
    ] as const)
      await cluster.addNode({ name, labels });
    await cluster.addNode({ name: 'pc', architecture: 'amd64', labels: roof });
    await createDeployment('true');
    const pulls = async () => (await cluster.client.list(ImagePullKind)).items;
    const names = await cluster.until('the pulls', async () => {
      const found = (await pulls()).map(({ spec }) => spec.nodeName).sort();
      return found.length === 2 && found;
    });
    assert.deepEqual(names, ['a', 'bb'], 'not the wrong place, not the wrong platform');
    assert.deepEqual([...new Set((await pulls()).map(({ spec }) => spec.purpose))], ['Prepull']);
    for (const name of ['a', 'bb']) await tell(name, { phase: 'Succeeded' });
    for (const name of ['a', 'bb']) {
      const body = { status: { images: [{ names: [APP], sizeBytes: 1 }] } };
      await cluster.client.patch(NodeKind, { name }, { type: 'strategic', subresource: 'status', body });
    }
    await cluster.until('the good news', async () => (await messages('Prepulled')).length > 0);
    assert.deepEqual(await messages('Prepulled'), [`Image "${APP}" is on all 2 nodes that could run it`]);
    const body = { metadata: { annotations: { 'bramble.dev/prepull': null } } };
    await cluster.client.patch(DeploymentKind, { namespace: 'default', name: 'web' }, { type: 'merge', body });
    await cluster.until('the pulls to go', async () => (await pulls()).length === 0);
  });

  it('says which node could not fetch it, and tries again', async () => {
    await cluster.addNode({ name: 'a', labels: roof });
    await createDeployment('bramble.dev/site=roof');
    await planned('a', 'Registry');
    await tell('a', { phase: 'Failed', message: 'the disk of this node is full' });
    const [why] = await cluster.until('the bad news', async () => {
      const found = await messages('PrepullFailed');
      return found.length > 0 && found;
    });
    assert.equal(why, `Image "${APP}" could not be fetched by node a: the disk of this node is full`);
    await cluster.until('another try', async () => (await pullOf('a')).attempt === 1, 6 * 60_000);
  });

  it('says when the annotation cannot be read', async () => {
    await createDeployment('a in (');
    const [why] = await cluster.until('the complaint', async () => {
      const found = await messages('PrepullInvalid');
      return found.length > 0 && found;
    });
    assert.match(why ?? '', /neither "true" nor a label selector/);
  });
});
