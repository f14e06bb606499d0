/** Answers of registries: shared, kept, not waited for, and not asked for while a registry is away. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ImageLookups } from '../../../../master/controllers/images/image-lookups.ts';
import { collectCredentials, imagesOf } from '../../../../master/controllers/images/pod-images.ts';
import type { ImageVariant, RegistryClient } from '../../../../master/controllers/images/registry/registry-client.ts';
import { RegistryError } from '../../../../master/controllers/images/registry/registry-error.ts';
import { type Clock, sleep } from '../../../../shared/platform/clock.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { seededRandom } from '../../../../shared/platform/random.ts';
import { createVirtualClock, type VirtualClock } from '../../../support/virtual-clock.ts';
import { makePod } from '../../scheduler/cluster.ts';

const APP = 'registry.local/app:1';
const DIGEST = `sha256:${'1'.repeat(64)}`;
const HOUR_MS = 3_600_000;

/** A registry with one image, as slow and as broken as a test wants. */
class TestRegistry implements RegistryClient {
  readonly asked: string[] = [];
  readonly #clock: Clock;
  delayMs = 0;
  failure: RegistryError | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async digestOf(): Promise<string> {
    return this.#answer('digest', DIGEST);
  }

  async describe() {
    const variant = {
      os: 'linux',
      architecture: 'arm64',
      manifestDigest: 'm',
      imageId: undefined,
      sizeBytes: undefined,
    };
    return this.#answer('describe', { digest: DIGEST, variants: [variant] });
  }

  async completeVariant(_image: unknown, variant: ImageVariant) {
    return this.#answer('variant', { ...variant, imageId: 'id', sizeBytes: 5 });
  }

  async #answer<T>(what: string, value: T): Promise<T> {
    this.asked.push(what);
    if (this.delayMs > 0) await sleep(this.#clock, this.delayMs);
    if (this.failure !== undefined) throw this.failure;
    return value;
  }
}

describe('lookups of images', () => {
  let clock: VirtualClock;
  let registry: TestRegistry;
  let lookups: ImageLookups;
  let late: string[];

  beforeEach(() => {
    clock = createVirtualClock();
    registry = new TestRegistry(clock);
    late = [];
    const base = { clock, random: seededRandom(1), logger: silentLogger };
    lookups = new ImageLookups({ ...base, registry, onLateAnswer: (image) => late.push(image) });
  });

  async function look(maxAgeMs = HOUR_MS, image = APP): Promise<string> {
    const asked = lookups.look(image, [], maxAgeMs);
    await clock.advance(3_000);
    const facts = await asked;
    return facts.type === 'known' ? 'known' : facts.reason;
  }

  it('are shared by all that ask at the same time', async () => {
    await Promise.all([lookups.look(APP, [], HOUR_MS), lookups.look(APP, [], HOUR_MS)]);
    assert.deepEqual(registry.asked, ['digest', 'describe']);
  });

  it('ask for a digest only, when its meaning is known', async () => {
    assert.equal(await look(), 'known');
    assert.equal(await look(), 'known');
    assert.equal(registry.asked.length, 2);
    assert.equal(await look(0), 'known');
    assert.deepEqual(registry.asked, ['digest', 'describe', 'digest']);
  });

  it('do not wait for a slow registry, and tell its late answer', async () => {
    registry.delayMs = 10_000;
    assert.equal(await look(), 'RegistryUnreachable');
    assert.equal(await look(HOUR_MS, 'registry.local/other'), 'RegistryUnreachable');
    assert.equal(registry.asked.length, 1, 'the second image is not asked for meanwhile');
    await clock.advance(20_000);
    assert.deepEqual(late, [APP]);
    registry.delayMs = 0;
    assert.equal(await look(), 'known');
  });

  it('pause while a registry is away, longer each time', async () => {
    registry.failure = new RegistryError('unreachable', 'away');
    for (let round = 0; round < 40; round += 1) {
      assert.equal(await look(0), 'RegistryUnreachable');
      await clock.advance(57_000);
    }
    assert.ok(
      registry.asked.length >= 4 && registry.asked.length <= 9,
      `asked ${registry.asked.length} times in 40 minutes`,
    );
    registry.failure = undefined;
    await clock.advance(600_000);
    assert.equal(await look(0), 'known');
  });

  it('keep what was known while a registry is away, but not when it says no', async () => {
    assert.equal(await look(), 'known');
    registry.failure = new RegistryError('unreachable', 'away');
    assert.equal(await look(0), 'known');
    await clock.advance(60_000);
    registry.failure = new RegistryError('not-found', 'gone');
    assert.equal(await look(0), 'NotFound');
  });

  it('take a no for a while', async () => {
    registry.failure = new RegistryError('not-found', 'none');
    assert.equal(await look(0), 'NotFound');
    registry.failure = undefined;
    assert.equal(await look(HOUR_MS), 'NotFound');
    await clock.advance(10_000);
    assert.equal(await look(HOUR_MS), 'known');
  });

  it('complete a variant once', async () => {
    const arm64 = { os: 'linux', architecture: 'arm64' };
    assert.equal(await lookups.variant(APP, arm64, []), undefined);
    await look();
    assert.equal((await lookups.variant(APP, arm64, []))?.imageId, 'id');
    assert.equal((await lookups.variant(APP, arm64, []))?.imageId, 'id');
    assert.equal(await lookups.variant(APP, { os: 'linux', architecture: 'amd64' }, []), undefined);
    assert.deepEqual(registry.asked, ['digest', 'describe', 'variant']);
  });

  it('ask nobody about a name that is none, or without a registry client', async () => {
    assert.equal(await look(0, 'No/Name'), 'InvalidImageName');
    const base = { clock, random: seededRandom(1), logger: silentLogger, onLateAnswer: () => undefined };
    const facts = await new ImageLookups({ ...base, registry: undefined }).look(APP, [], 0);
    assert.equal(facts.type, 'unknown');
    assert.deepEqual(registry.asked, []);
  });
});

it('images of a pod: each once, without those that are never pulled', () => {
  const pod = makePod({});
  const [container] = pod.spec.containers;
  assert.ok(container);
  const containers = [
    { ...container, image: 'nginx' },
    { ...container, image: 'docker.io/library/nginx:latest' },
    { ...container, image: 'local', imagePullPolicy: 'Never' as const },
  ];
  const initContainers = [{ ...container, image: 'team/init:2' }];
  assert.deepEqual(imagesOf({ spec: { ...pod.spec, containers, initContainers } }), [
    'docker.io/team/init:2',
    'docker.io/library/nginx:latest',
  ]);
});

it('credentials for an image out of several Secrets', () => {
  const secret = (username: string) => ({
    type: 'kubernetes.io/dockerconfigjson',
    data: {
      '.dockerconfigjson': Buffer.from(
        JSON.stringify({ auths: { 'registry.local': { username, password: 'p' } } }),
      ).toString('base64'),
    },
  });
  const secrets = new Map([
    ['default/a', secret('a')],
    ['default/b', secret('b')],
    ['other/a', secret('a')],
  ]);
  const names = ['a', 'b', 'missing'].map((name) => ({ namespace: 'default', name }));
  const found = collectCredentials(APP, [...names, { namespace: 'other', name: 'a' }], (key) => secrets.get(key));
  assert.deepEqual(
    found.map(({ username }) => username),
    ['a', 'b'],
  );
  assert.deepEqual(
    collectCredentials('nginx', names, (key) => secrets.get(key)),
    [],
  );
});
