/** Images in placement: where they run, who has them, and how long pods wait to hear what they are built for. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { ImageState, neededImages } from '../../../master/scheduler/images/image-state.ts';
import { IMAGE_PATIENCE_MS, ImageWait } from '../../../master/scheduler/images/image-wait.ts';
import { imageLocality } from '../../../master/scheduler/plugins/image-locality.ts';
import { imagePlatform } from '../../../master/scheduler/plugins/image-platform.ts';
import { computePodInfo, type PodInfo } from '../../../master/scheduler/pod-info.ts';
import type { ImageInfo } from '../../../shared/api/image-info.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
import { makeCache, makeContainer, makeNode, makePod, type NodeOptions } from './cluster.ts';

const APP = 'registry.local/app:1';
const MEBIBYTE = 2 ** 20;

type Policy = 'Always' | 'IfNotPresent' | 'Never';

/** A pod of one container. */
function podOf(image: string, imagePullPolicy: Policy = 'IfNotPresent'): Pod {
  const pod = makePod();
  return { ...pod, spec: { ...pod.spec, containers: [{ ...makeContainer({}), image, imagePullPolicy }] } };
}

const infoOf = (image: string, policy?: Policy): PodInfo => computePodInfo(podOf(image, policy));

function makeInfo(image: string, status: ImageInfo['status']): ImageInfo {
  const metadata = { name: 'hash', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  return { apiVersion: 'bramble.dev/v1', kind: 'ImageInfo', metadata, spec: { image }, status };
}

const platforms = (...names: string[]) => names.map((architecture) => ({ os: 'linux', architecture }));

function refusals(nodes: readonly (NodeOptions & { name: string })[], infos: readonly ImageInfo[], policy?: 'Always') {
  const cache = makeCache({ nodes });
  for (const info of infos) cache.images.infos.set(info.spec.image, info);
  const snapshot = cache.snapshot(0);
  const filter = imagePlatform.preFilter(infoOf(APP, policy), snapshot);
  return filter && snapshot.nodes.map((node) => filter.check(node)?.[0]);
}

describe('the filter ImagePlatform', () => {
  const nodes = [
    { name: 'pi', architecture: 'arm64' },
    { name: 'old-pi', architecture: 'arm' },
    { name: 'pc', architecture: 'amd64' },
  ];

  it('refuses nodes for which the image is not built, and says for what it is', () => {
    const info = makeInfo(APP, { state: 'Known', platforms: platforms('amd64', 'arm') });
    const built = '(it is built for linux/amd64, linux/arm)';
    // A 64-bit board runs what is built for 32-bit ones.
    assert.deepEqual(refusals(nodes, [info]), [undefined, undefined, undefined]);
    const only = makeInfo(APP, { state: 'Known', platforms: platforms('amd64') });
    const reason = (platform: string) =>
      `node(s) had no image "${APP}" for ${platform} ${built.replace(', linux/arm', '')}`;
    assert.deepEqual(refusals(nodes, [only]), [reason('linux/arm64'), reason('linux/arm'), undefined]);
  });

  it('refuses nobody while nothing is known', () => {
    assert.equal(refusals(nodes, []), undefined);
    assert.equal(refusals(nodes, [makeInfo(APP, { state: 'Unknown', reason: 'Unreachable' })]), undefined);
    assert.equal(refusals(nodes, [makeInfo('other', { state: 'Known', platforms: platforms('amd64') })]), undefined);
  });

  it('believes a node that has the image, unless it is pulled anyway', () => {
    const having = [{ name: 'pi', architecture: 'arm64', images: { [APP]: 5 } }];
    const info = makeInfo(APP, { state: 'Known', platforms: platforms('amd64') });
    assert.deepEqual(refusals(having, [info]), [undefined]);
    assert.match(refusals(having, [info], 'Always')?.[0] ?? '', /linux\/arm64/);
  });

  it('takes the platform from the labels of the node before what the engine says', () => {
    const labelled = [{ name: 'pi', architecture: 'arm64', labels: { 'kubernetes.io/arch': 'amd64' } }];
    const info = makeInfo(APP, { state: 'Known', platforms: platforms('amd64') });
    assert.deepEqual(refusals(labelled, [info]), [undefined]);
  });

  it('sees hope when more is known of one of its images', () => {
    const pod = infoOf('busybox');
    const hears = (image: string) => imagePlatform.wakesOn?.(pod, { type: 'image-changed', image });
    assert.deepEqual([hears('docker.io/library/busybox:latest'), hears(APP)], [true, false]);
  });
});

test('images that are pulled, each once, by their canonical names', () => {
  const { spec } = podOf('busybox', 'Always');
  const canonical = 'docker.io/library/busybox:latest';
  const initContainers = [
    { ...makeContainer({}), image: canonical },
    { ...makeContainer({}), image: 'local', imagePullPolicy: 'Never' as const },
  ];
  assert.deepEqual(neededImages({ spec: { ...spec, initContainers } }), [
    { written: 'busybox', canonical, isAlwaysPulled: true },
  ]);
});

test('ImageLocality prefers nodes with large images that many nodes have', () => {
  const score = (nodes: readonly (NodeOptions & { name: string })[]) => {
    const snapshot = makeCache({ nodes }).snapshot(0);
    const scorer = imageLocality.preScore(infoOf(APP), snapshot, snapshot.nodes);
    return scorer && snapshot.nodes.map((node) => Math.round(scorer(node)));
  };
  const large = { [APP]: 523 * MEBIBYTE };
  assert.equal(score([{ name: 'a' }, { name: 'b' }]), undefined);
  assert.deepEqual(
    score([
      { name: 'a', images: large },
      { name: 'b', images: large },
    ]),
    [51, 51],
  );
  assert.deepEqual(score([{ name: 'a', images: large }, { name: 'b' }]), [24, 0]);
  assert.deepEqual(score([{ name: 'a', images: { [APP]: 5 * MEBIBYTE } }, { name: 'b' }]), [0, 0]);
});

test('the state of images follows the lists of the nodes', () => {
  const images = new ImageState();
  const [needed = assert.fail()] = neededImages(podOf(APP));
  images.setNode(makeNode({ name: 'pi', images: { [APP]: 7 } }));
  assert.deepEqual([images.sizeOn('pi', APP), images.holderCount(APP), images.isUnheardOf(needed)], [7, 1, false]);
  images.setNode(makeNode({ name: 'pc', architecture: 'amd64' }));
  assert.equal(images.isUnheardOf(needed), true, 'another kind of node does not have it');
  images.infos.set(APP, makeInfo(APP, { state: 'Unknown' }));
  assert.equal(images.isUnheardOf(needed), false);
  images.setNode(makeNode({ name: 'pi' }));
  images.removeNode('pc');
  assert.deepEqual([images.sizeOn('pi', APP), images.holderCount(APP)], [undefined, 0]);
});

test('a pod waits once, and not longer than the patience', async () => {
  const clock = createVirtualClock();
  const images = new ImageState();
  images.setNode(makeNode({ name: 'pi' }));
  const over: string[] = [];
  const wait = new ImageWait({ clock, images, patienceMs: IMAGE_PATIENCE_MS, onOver: (image) => over.push(image) });
  const pod = infoOf(APP);
  assert.equal(wait.mustWait(pod), true);
  await clock.advance(IMAGE_PATIENCE_MS - 1);
  assert.deepEqual([wait.mustWait(pod), over], [true, []]);
  await clock.advance(1);
  assert.deepEqual([wait.mustWait(pod), over], [false, [APP]]);
  wait.forget(pod.key);
  assert.equal(wait.mustWait({ ...pod, uid: 'another' }), true);
  images.infos.set(APP, makeInfo(APP, { state: 'Unknown' }));
  assert.equal(wait.mustWait({ ...pod, uid: 'another' }), false);
  wait.stop();
  const never = new ImageWait({ clock, images: new ImageState(), patienceMs: 0, onOver: () => undefined });
  assert.equal(never.mustWait(pod), false);
});
