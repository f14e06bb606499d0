/** The last assignment: written when it changes and not otherwise, read back whole or as far as it is whole. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Assignment } from '../../../../../node-agent/kubelet/assignment/assignment.ts';
import { createSealer } from '../../../../../node-agent/kubelet/assignment/sealer.ts';
import type { ConfigMap } from '../../../../../shared/api/config-map.ts';
import { ConfigMapRef, PodRef, SecretRef } from '../../../../../shared/api/kind-refs.ts';
import type { Pod } from '../../../../../shared/api/pod.ts';
import type { Secret } from '../../../../../shared/api/secret.ts';
import { silentLogger } from '../../../../../shared/platform/logger.ts';
import { seededRandom } from '../../../../../shared/platform/random.ts';
import { MemoryAssignmentDisk } from '../../../../support/memory-assignment-disk.ts';
import { createVirtualClock } from '../../../../support/virtual-clock.ts';
import { pod as makePod } from '../builders.ts';

const KEY = Buffer.alloc(32, 7);
const SETTLE_MS = 1_000;

function makeMetadata(name: string, resourceVersion = '5') {
  return { name, namespace: 'default', uid: `uid of ${name}`, resourceVersion, creationTimestamp: '' };
}

function makeSecret(password: string): Secret {
  const data = { password: Buffer.from(password).toString('base64') };
  return { apiVersion: 'v1', kind: 'Secret', metadata: makeMetadata('key'), type: 'Opaque', data };
}

function makeConfigMap(name: string, text = 'text'): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: makeMetadata(name), data: { text } };
}

async function open() {
  const clock = createVirtualClock();
  const disk = new MemoryAssignmentDisk(clock);
  const damage: string[] = [];
  const make = (key = KEY): Assignment =>
    new Assignment({
      ...{ disk, clock, random: seededRandom(1), logger: silentLogger },
      sealer: createSealer(key, seededRandom(2)),
      onDamage: (message) => damage.push(message),
    });
  const assignment = make();
  await assignment.start();
  const reopen = async (key = KEY): Promise<Assignment> => {
    const next = make(key);
    await next.start();
    return next;
  };
  return { clock, disk, damage, assignment, reopen };
}

describe('assignment: what is written', () => {
  it('is what was told, once', async () => {
    const { clock, disk, assignment, reopen } = await open();
    const pod = makePod({});
    assignment.keep(PodRef, 'default/web', pod);
    assignment.keep(SecretRef, 'default/key', makeSecret('swordfish'));
    assignment.keep(ConfigMapRef, 'default/missing', undefined);
    await clock.advance(SETTLE_MS);
    assert.equal(disk.writes, 3);
    const next = await reopen();
    assert.deepEqual(next.list(PodRef)?.[0]?.spec, JSON.parse(JSON.stringify(pod.spec)));
    assert.deepEqual(next.find(SecretRef, 'default/key')?.object?.data, makeSecret('swordfish').data);
    assert.deepEqual(next.find(ConfigMapRef, 'default/missing'), { object: undefined });
    assert.equal(next.find(ConfigMapRef, 'default/unknown'), undefined);
  });

  const changes: readonly [string, (pod: Pod) => Pod, number][] = [
    ['nothing', (pod) => structuredClone(pod), 0],
    ['its version', (pod) => ({ ...pod, metadata: { ...pod.metadata, resourceVersion: '99' } }), 0],
    ['who manages it', (pod) => ({ ...pod, metadata: { ...pod.metadata, managedFields: [{ manager: 'me' }] } }), 0],
    ['its status', (pod) => ({ ...pod, status: { ...pod.status, phase: 'Running', podIP: '10.0.0.1' } }), 0],
    [
      'the order of its fields',
      ({ spec, metadata, ...pod }) => ({
        spec,
        metadata: { labels: {}, ...metadata },
        ...pod,
      }),
      0,
    ],
    ['its labels', (pod) => ({ ...pod, metadata: { ...pod.metadata, labels: { a: 'b' } } }), 1],
    ['its end', (pod) => ({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }), 1],
    ['that it is over', (pod) => ({ ...pod, status: { ...pod.status, phase: 'Succeeded' } }), 1],
  ];
  for (const [what, change, writes] of changes) {
    it(`${writes === 0 ? 'nothing' : 'the pod'} when ${what} changed`, async () => {
      const { clock, disk, assignment } = await open();
      const pod = makePod({ metadata: { labels: {} } });
      assignment.keep(PodRef, 'default/web', pod);
      await clock.advance(SETTLE_MS);
      const before = disk.writes;
      assignment.keep(PodRef, 'default/web', change(pod));
      await clock.advance(SETTLE_MS);
      assert.equal(disk.writes - before, writes);
    });
  }

  it('nothing that a new agent hears again', async () => {
    const { clock, disk, assignment, reopen } = await open();
    assignment.keep(PodRef, 'default/web', makePod({}));
    assignment.keep(ConfigMapRef, 'default/page', makeConfigMap('page'));
    await clock.advance(SETTLE_MS);
    const before = disk.writes;
    const next = await reopen();
    next.list(PodRef);
    next.keep(PodRef, 'default/web', makePod({}));
    next.keep(ConfigMapRef, 'default/page', makeConfigMap('page'));
    next.forgetUnused();
    await clock.advance(SETTLE_MS);
    assert.equal(disk.writes, before);
  });

  it('changes that come together, together, and the last of them', async () => {
    const { clock, disk, assignment, reopen } = await open();
    for (const text of ['a', 'b', 'c']) assignment.keep(ConfigMapRef, 'default/page', makeConfigMap('page', text));
    await clock.advance(SETTLE_MS);
    assert.equal(disk.writes, 1);
    assert.equal((await reopen()).find(ConfigMapRef, 'default/page')?.object?.data?.['text'], 'c');
  });

  it('also what changes while it is written', async () => {
    const { clock, assignment, disk, reopen } = await open();
    assignment.keep(ConfigMapRef, 'default/page', makeConfigMap('page', 'a'));
    disk.fail('no space');
    await clock.advance(SETTLE_MS);
    assignment.keep(ConfigMapRef, 'default/page', makeConfigMap('page', 'b'));
    disk.fail(undefined);
    await clock.advance(60_000);
    assert.equal((await reopen()).find(ConfigMapRef, 'default/page')?.object?.data?.['text'], 'b');
  });

  it('at once for who waits for it, what came together in one go', async () => {
    const { clock, disk, assignment, reopen } = await open();
    const told: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      assignment.keep(ConfigMapRef, `default/${name}`, makeConfigMap(name));
      void assignment.settled().then(() => told.push(name));
    }
    await clock.advance(1);
    assert.deepEqual(told, ['a', 'b', 'c']);
    assert.equal(disk.writes, 3);
    assert.ok((await reopen()).find(ConfigMapRef, 'default/c'));
    await clock.advance(SETTLE_MS);
    assert.equal(disk.writes, 3);
  });

  it('later, when the disk refuses: nobody waits for that', async () => {
    const { clock, disk, assignment, reopen } = await open();
    disk.fail('no space');
    assignment.keep(ConfigMapRef, 'default/page', makeConfigMap('page'));
    await assignment.settled();
    disk.fail(undefined);
    await clock.advance(60_000);
    assert.ok((await reopen()).find(ConfigMapRef, 'default/page'));
  });

  it('the rest, at the end', async () => {
    const { assignment, reopen } = await open();
    assignment.keep(ConfigMapRef, 'default/page', makeConfigMap('page'));
    await assignment.stop();
    assert.ok((await reopen()).find(ConfigMapRef, 'default/page'));
  });

  it('no secret and no name of one', async () => {
    const { clock, disk, assignment } = await open();
    assignment.keep(SecretRef, 'default/key', makeSecret('swordfish'));
    await clock.advance(SETTLE_MS);
    const all = [...disk.files].map(([name, bytes]) => name + Buffer.from(bytes).toString('latin1')).join();
    for (const text of ['swordfish', Buffer.from('swordfish').toString('base64'), 'default', 'password']) {
      assert.ok(!all.includes(text), text);
    }
  });
});

describe('assignment: what is forgotten', () => {
  it('goes from the disk', async () => {
    const { clock, disk, assignment } = await open();
    assignment.keep(PodRef, 'default/web', makePod({}));
    await clock.advance(SETTLE_MS);
    assignment.forget(PodRef, 'default/web');
    await clock.advance(SETTLE_MS);
    assert.equal(disk.files.size, 0);
  });

  it('is what nobody asked for since the start', async () => {
    const { clock, disk, assignment, reopen } = await open();
    for (const name of ['used', 'told', 'left']) assignment.keep(ConfigMapRef, `default/${name}`, makeConfigMap(name));
    await clock.advance(SETTLE_MS);
    const next = await reopen();
    next.find(ConfigMapRef, 'default/used');
    next.keep(ConfigMapRef, 'default/told', makeConfigMap('told'));
    next.forgetUnused();
    await clock.advance(SETTLE_MS);
    assert.equal(disk.files.size, 2);
    const last = await reopen();
    assert.equal(last.find(ConfigMapRef, 'default/left'), undefined);
    assert.ok(last.find(ConfigMapRef, 'default/used'));
  });
});

describe('assignment: what cannot be read', () => {
  it('is ignored and told, and the rest is there', async () => {
    const { clock, disk, damage, assignment, reopen } = await open();
    assignment.keep(PodRef, 'default/web', makePod({}));
    assignment.keep(ConfigMapRef, 'default/page', makeConfigMap('page'));
    await clock.advance(SETTLE_MS);
    disk.damage([...disk.files.keys()].find((name) => name.startsWith('ConfigMap')) ?? '');
    const next = await reopen();
    assert.equal(next.list(PodRef)?.length, 1);
    assert.equal(next.find(ConfigMapRef, 'default/page'), undefined);
    next.forgetUnused();
    assert.match(damage.join(), /damaged and have been ignored: 1$/);
    await clock.advance(SETTLE_MS);
    assert.equal(disk.files.size, 1);
  });

  it('says nothing about pods when all of it is damaged', async () => {
    const { clock, assignment, reopen } = await open();
    assignment.keep(PodRef, 'default/web', makePod({}));
    await clock.advance(SETTLE_MS);
    assert.equal((await reopen(Buffer.alloc(32, 8))).list(PodRef), undefined);
  });

  it('says nothing when the disk does not answer', async () => {
    const { disk, damage, reopen } = await open();
    disk.fail('I/O error');
    const next = await reopen();
    assert.equal(next.list(PodRef), undefined);
    next.forgetUnused();
    assert.match(damage.join(), /could not be read/);
  });

  it('a file cannot stand for another', async () => {
    const { clock, disk, assignment, reopen } = await open();
    assignment.keep(SecretRef, 'default/key', makeSecret('one'));
    assignment.keep(ConfigMapRef, 'default/page', makeConfigMap('page'));
    await clock.advance(SETTLE_MS);
    const [first = '', second = ''] = disk.files.keys();
    disk.files.set(second, disk.files.get(first) ?? new Uint8Array());
    const next = await reopen();
    assert.ok(next.find(SecretRef, 'default/key'));
    assert.equal(next.find(ConfigMapRef, 'default/page'), undefined);
  });
});

describe('assignment: bounds', () => {
  it('what is too large is not kept, and neither is its last version', async () => {
    const { clock, disk, assignment } = await open();
    assignment.keep(ConfigMapRef, 'default/page', makeConfigMap('page'));
    await clock.advance(SETTLE_MS);
    assignment.keep(ConfigMapRef, 'default/page', makeConfigMap('page', 'x'.repeat(3 * 1024 * 1024)));
    await clock.advance(SETTLE_MS);
    assert.equal(disk.files.size, 0);
  });
});
