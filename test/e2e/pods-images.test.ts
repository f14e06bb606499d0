/**
 * Where images of pods come from: policies, secrets, events, and what is told when they do not come; and a program that ends again
 * and again, as an alert. On real Docker.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PodKind } from '../../shared/api/pod.ts';
import { SecretKind } from '../../shared/api/secret.ts';
import { ServiceAccountKind } from '../../shared/api/service-account.ts';
import type { JsonObject } from '../../shared/machinery/json.ts';
import { startAlerts, startAlertWitness } from '../support/alert-witness.ts';
import { hasDocker } from '../support/docker.ts';
import { container, openPodNode, type PodNode, statusOf } from '../support/pod-node.ts';
import { busyboxFile, REGISTRY_USER, startTestRegistry, type TestRegistry } from '../support/registry.ts';
import { createSkippingClock, type SkippingClock } from '../support/skipping-clock.ts';

let node: PodNode;
let registry: TestRegistry;
let clock: SkippingClock;

const PLATFORM = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
const SLEEP = ['/bin/busybox', 'sleep', '1000'];
const SECRET = { imagePullSecrets: [{ name: 'registry' }] };
const key = (name: string) => ({ namespace: 'default', name });

/** A name of its own in each run: an engine that is shared may keep images. */
const image = (tag: string): string => `${registry.host}/team/app:${tag}`;

function pulls(name: string, policy: string | undefined, over: JsonObject = {}): JsonObject {
  return {
    ...over,
    containers: [{ name: 'main', image: image(name), command: SLEEP, ...(policy ? { imagePullPolicy: policy } : {}) }],
  };
}

async function createSources(): Promise<void> {
  const files = [await busyboxFile()];
  for (const tag of ['once', 'always', 'latest', 'own'])
    await registry.push({ name: `team/app:${tag}`, platforms: [PLATFORM], files });
  const auths = { [registry.host]: REGISTRY_USER };
  const stringData = { '.dockerconfigjson': JSON.stringify({ auths }) };
  await node.client.create(SecretKind, {
    metadata: key('registry'),
    type: 'kubernetes.io/dockerconfigjson',
    stringData,
  });
  await node.client.create(ServiceAccountKind, { metadata: key('puller'), ...SECRET });
}

async function createAll(): Promise<void> {
  await Promise.all([
    node.create('once', pulls('once', 'IfNotPresent', SECRET)),
    node.create('always', pulls('always', 'Always', SECRET)),
    node.create('latest', pulls('latest', undefined, SECRET)),
    node.create('own', pulls('own', undefined, { serviceAccountName: 'puller' })),
    node.create('never', pulls('absent', 'Never')),
    node.create('refused', pulls('once-refused', 'Always', { imagePullSecrets: [{ name: 'none' }] })),
    node.create('misnamed', { containers: [{ name: 'main', image: 'Not A Name' }] }),
    node.create('missing', pulls('missing', 'Always', SECRET)),
  ]);
}

/** Manifests that the engine asked for, of a tag. */
async function asked(tag: string): Promise<number> {
  return (await registry.requests(new RegExp(`/v2/team/app/manifests/${tag}$`))).filter(
    ({ method, status, userAgent }) => {
      return method !== 'PUT' && status === 200 && userAgent !== 'test';
    },
  ).length;
}

const waiting = (pod: string, reason: string) =>
  node.until(pod, reason, (seen) => statusOf(seen)?.state.waiting?.reason === reason);

if (await hasDocker()) {
  describe('pods on Docker: images', () => {
    before(async () => {
      clock = createSkippingClock();
      registry = await startTestRegistry({ withPassword: true });
      node = await openPodNode({ clock });
      await createSources();
      await createAll();
    });
    after(async () => {
      await node?.close();
      await removeImages();
      await registry?.stop();
    });

    it('imagePullSecrets open a registry, and events tell of the pull', async () => {
      const pod = await node.ready('once');
      assert.match(await node.event('once', 'Pulling'), /^Pulling image ".*team\/app:once"$/);
      assert.match(
        await node.event('once', 'Pulled'),
        /^Successfully pulled image ".*" in [\d.]+m?s.*Image size: \d+ bytes\.$/,
      );
      assert.equal(statusOf(pod)?.image, image('once'));
      assert.match(statusOf(pod)?.imageID ?? '', /sha256:[0-9a-f]{64}$/);
    });

    it('imagePullSecrets of the service account', async () => {
      const pod = await node.ready('own');
      assert.deepEqual(pod.spec.imagePullSecrets, SECRET.imagePullSecrets);
    });

    it('imagePullPolicy IfNotPresent and Always', async () => {
      await Promise.all([node.ready('once'), node.ready('always'), node.ready('latest')]);
      const { spec } = await node.get('latest');
      assert.equal(spec.containers[0]?.imagePullPolicy, 'Always');
      const before = { once: await asked('once'), always: await asked('always') };
      await Promise.all([
        node.create('once-more', pulls('once', 'IfNotPresent', SECRET)),
        node.create('always-more', pulls('always', 'Always', SECRET)),
      ]);
      await Promise.all([node.ready('once-more'), node.ready('always-more')]);
      assert.equal(await asked('once'), before.once);
      assert.ok((await asked('always')) > before.always);
      assert.match(await node.event('once-more', 'Pulled'), /already present on machine/);
    });

    it('imagePullPolicy Never: an image that is not there', async () => {
      const pod = await waiting('never', 'ErrImageNeverPull');
      assert.match(statusOf(pod)?.state.waiting?.message ?? '', /is not present with pull policy of Never/);
    });

    it('a registry that asks for a password, and a missing secret', async () => {
      assert.match(await node.event('refused', 'FailedToRetrieveImagePullSecret'), /\(none\)/);
      await node.event('refused', 'Failed', /no basic auth credentials|unauthorized|denied/);
    });

    it('an image that does not exist: ErrImagePull and ImagePullBackOff, then it comes', async () => {
      await waiting('missing', 'ErrImagePull');
      const pod = await waiting('missing', 'ImagePullBackOff');
      assert.match(statusOf(pod)?.state.waiting?.message ?? '', /^Back-off pulling image/);
      assert.match(await node.event('missing', 'BackOff'), /^Back-off pulling image/);
      await assert.rejects(node.logs('missing'), /is waiting to start: trying and failing to pull image$/);
      await registry.push({ name: 'team/app:missing', platforms: [PLATFORM], files: [await busyboxFile()] });
      clock.skip(30_000);
      await node.ready('missing');
    });

    it('an image name that is none: InvalidImageName', async () => {
      const pod = await waiting('misnamed', 'InvalidImageName');
      assert.match(statusOf(pod)?.state.waiting?.message ?? '', /couldn't parse image name "Not A Name"/);
    });

    it('a program that ends again and again is an alert, until its pod is gone', async () => {
      const witness = await startAlertWitness(node.client, {});
      const alerts = await startAlerts(node.client, witness);
      const about = { kind: 'Pod', ...key('looping') };
      try {
        await node.create('looping', { containers: [container({ command: ['false'] })] });
        for (const restarts of [1, 2]) {
          await node.until('looping', `has ended ${restarts} times`, (pod) => {
            const { restartCount = 0, state } = statusOf(pod) ?? {};
            return restartCount >= restarts && state?.waiting?.reason === 'CrashLoopBackOff';
          });
          clock.skip(60_000);
        }
        assert.match(
          await witness.begins('CrashLoop', about),
          /^container main ended again, \d+ restarts: bramble logs -p/,
        );
        await node.client.delete(PodKind, key('looping'));
        assert.equal(await witness.isOver('CrashLoop', about), 'it is not there any more');
        await witness.isQuiet();
      } finally {
        await alerts.stop();
        await witness.stop();
      }
    });
  });
}

/** An engine that was there before is left as it was; one of this test's own has gone with its images. */
async function removeImages(): Promise<void> {
  if (registry === undefined || node === undefined) return;
  const tags = ['once', 'always', 'latest', 'own', 'missing'];
  await node.engine.docker('rmi', ...tags.map(image)).catch(() => undefined);
}
