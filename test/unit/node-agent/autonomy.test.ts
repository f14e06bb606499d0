/** A node whose master is away, in virtual time: what runs goes on, what crashed comes back, what was told is remembered. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { ConfigMapKind } from '../../../shared/api/config-map.ts';
import { EventKind } from '../../../shared/api/event.ts';
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import { SecretKind } from '../../../shared/api/secret.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import type { FakeRuntimeOptions } from '../../support/fake-runtime.ts';
import { type AgentFixture, createAgentFixture, PODS_ROOT } from './agent-fixture.ts';

const MINUTE_MS = 60_000;
const CONTAINER = { name: 'main', image: 'app:1' };

let fixture: AgentFixture | undefined;

afterEach(async () => {
  fixture?.setLink(true);
  await fixture?.stop();
  fixture = undefined;
});

/** A node on which `names` run. */
async function openWith(names: readonly string[], spec: object = {}, options: Partial<FakeRuntimeOptions> = {}) {
  const opened = await createAgentFixture(options);
  fixture = opened;
  for (const name of names) await opened.createPod(name, { containers: [CONTAINER], ...spec });
  for (const name of names) await opened.until(`${name} is ready`, async () => isReady(await opened.getPod(name)));
  await opened.clock.advance(2_000);
  return opened;
}

function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

function running({ runtime }: AgentFixture): string[] {
  return runtime
    .running()
    .map(({ pod, name }) => `${pod.name}/${name}`)
    .sort();
}

function deletePod({ client }: AgentFixture, name: string, gracePeriodSeconds?: number): Promise<void> {
  const options = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
  return client.delete(PodKind, { namespace: 'default', name }, options);
}

async function isGone({ getPod }: AgentFixture, name: string): Promise<boolean> {
  const error = await getPod(name).then(
    () => undefined,
    (reason) => reason,
  );
  return isStatusError(error, 'NotFound');
}

describe('autonomy: the master goes away', () => {
  it('nothing is touched, and crashed containers start again', async () => {
    const node = await openWith(['a', 'b']);
    const { starts } = node.runtime;
    node.setLink(false);
    await node.clock.advance(10 * MINUTE_MS);
    assert.equal(node.runtime.starts, starts);
    const [first] = node.runtime.running();
    node.runtime.crash(first?.id ?? '');
    await node.clock.advance(2_000);
    assert.deepEqual(running(node), ['a/main', 'b/main']);
  });

  it('what happened meanwhile is told when it is back', async () => {
    const node = await openWith(['a']);
    node.setLink(false);
    for (let crash = 0; crash < 3; crash += 1) {
      node.runtime.crash(node.runtime.running()[0]?.id ?? '');
      await node.clock.advance(2 * MINUTE_MS);
    }
    node.setLink(true);
    await node.until('the crashes are told', async () => {
      const [status] = (await node.getPod('a')).status.containerStatuses ?? [];
      return status?.restartCount === 3 && status.ready;
    });
  });

  it('pods that were told to end do so, and those that crash do not wait for them', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const node = await openWith(names);
    for (const name of names.slice(0, 5)) await deletePod(node, name);
    await node.clock.advance(10);
    node.setLink(false);
    await node.clock.advance(5_000);
    assert.deepEqual(running(node), ['f/main']);
    node.runtime.crash(node.runtime.running()[0]?.id ?? '');
    await node.clock.advance(2_000);
    assert.deepEqual(running(node), ['f/main'], 'five deletions that wait for the master hold nobody up');
    node.setLink(true);
    await node.until('the deleted are gone', async () => (await isGone(node, 'a')) && (await isGone(node, 'e')));
  });
});

describe('autonomy: the agent starts without a master', () => {
  it('adopts what runs', async () => {
    const node = await openWith(['a', 'b']);
    const { starts } = node.runtime;
    node.setLink(false);
    await node.restartAgent();
    await node.clock.advance(5 * MINUTE_MS);
    assert.equal(node.runtime.starts, starts);
    node.runtime.crash(node.runtime.running()[0]?.id ?? '');
    await node.clock.advance(15_000);
    assert.deepEqual(running(node), ['a/main', 'b/main'], 'and looks after it');
    node.setLink(true);
    await node.clock.advance(MINUTE_MS);
    assert.equal(node.runtime.starts, starts + 1, 'the master makes no difference when it is back');
  });

  it('cold-starts everything after a reboot, with its files', async () => {
    const opened = await createAgentFixture();
    fixture = opened;
    const { client, files, clock } = opened;
    await client.create(ConfigMapKind, { metadata: { name: 'page', namespace: 'default' }, data: { index: 'hello' } });
    const data = { password: Buffer.from('swordfish').toString('base64') };
    await client.create(SecretKind, { metadata: { name: 'key', namespace: 'default' }, data });
    const mounts = [
      { name: 'page', mountPath: '/page' },
      { name: 'key', mountPath: '/key' },
    ];
    const spec = {
      containers: [
        { ...CONTAINER, volumeMounts: mounts, envFrom: [{ configMapRef: { name: 'more', optional: true } }] },
      ],
      volumes: [
        { name: 'page', configMap: { name: 'page' } },
        { name: 'key', secret: { secretName: 'key' } },
      ],
    };
    const { metadata } = await opened.createPod('web', spec);
    await opened.until('web is ready', async () => isReady(await opened.getPod('web')));
    await clock.advance(2_000);
    opened.setLink(false);
    await files.removeTree(PODS_ROOT);
    await opened.rebootBoard();
    await clock.advance(10_000);
    assert.deepEqual(running(opened), ['web/main']);
    const volumes = `${PODS_ROOT}/${metadata.uid}/volumes`;
    assert.deepEqual(files.projected(`${volumes}/kubernetes.io~configmap/page`), { index: 'hello' });
    assert.deepEqual(files.projected(`${volumes}/kubernetes.io~secret/key`), { password: 'swordfish' });
    opened.setLink(true);
    await clock.advance(MINUTE_MS);
    assert.deepEqual(running(opened), ['web/main']);
    assert.equal(opened.runtime.starts, 2, 'once before and once after the reboot');
  });

  it('waits for a Secret that it never saw', async () => {
    const node = await openWith(['a']);
    await node.createPod('late', { containers: [{ ...CONTAINER, envFrom: [{ secretRef: { name: 'never' } }] }] });
    await node.clock.advance(2_000);
    for (const name of [...node.disk.files.keys()]) if (name.startsWith('Secret')) node.disk.files.delete(name);
    node.setLink(false);
    await node.rebootBoard();
    await node.clock.advance(MINUTE_MS);
    assert.deepEqual(running(node), ['a/main']);
  });

  it('does not start again what was over', async () => {
    const spec = { restartPolicy: 'Never', terminationGracePeriodSeconds: 1 };
    const node = await openWith(['a'], spec, { planOf: () => ({ runForMs: 20_000 }) });
    await node.until('a is over', async () => (await node.getPod('a')).status.phase === 'Succeeded');
    await node.clock.advance(2_000);
    for (const { id } of (await node.runtime.list()).containers) await node.runtime.removeContainer(id);
    node.setLink(false);
    await node.rebootBoard();
    await node.clock.advance(MINUTE_MS);
    assert.equal(node.runtime.starts, 1);
  });

  it('does not start again what the master knows to be over, though the power went in that moment', async () => {
    const spec = { restartPolicy: 'Never', terminationGracePeriodSeconds: 1 };
    const node = await openWith(['a'], spec, { planOf: () => ({ runForMs: 20_000 }) });
    await node.until('a is over', async () => (await node.getPod('a')).status.phase === 'Succeeded');
    node.setLink(false);
    for (const { id } of (await node.runtime.list()).containers) await node.runtime.removeContainer(id);
    await node.rebootBoard();
    await node.clock.advance(MINUTE_MS);
    assert.equal(node.runtime.starts, 1);
  });

  it('does not start again what the master knows to be gone, though the power went in that moment', async () => {
    const node = await openWith(['a', 'b']);
    await deletePod(node, 'a');
    await node.until('a is gone', () => isGone(node, 'a'));
    node.setLink(false);
    await node.rebootBoard();
    await node.clock.advance(MINUTE_MS);
    assert.deepEqual(running(node), ['b/main']);
  });

  it('tells the end of a pod also when its card takes nothing any more', async () => {
    const spec = { restartPolicy: 'Never', terminationGracePeriodSeconds: 1 };
    const node = await openWith(['a', 'b'], spec, { planOf: () => ({ runForMs: 20_000 }) });
    node.disk.fail('read-only file system');
    await node.until('a is over', async () => (await node.getPod('a')).status.phase === 'Succeeded');
    await deletePod(node, 'b');
    await node.until('b is gone', () => isGone(node, 'b'));
  });

  it('gives the master a moment before it starts what it remembers', async () => {
    const node = await openWith(['a']);
    node.setLink(false);
    await node.rebootBoard();
    await node.clock.advance(3_000);
    assert.deepEqual(running(node), []);
    await deletePod(node, 'a', 0);
    node.setLink(true);
    await node.clock.advance(MINUTE_MS);
    assert.equal(node.runtime.starts, 1, 'what was deleted meanwhile never starts');
  });
});

describe('autonomy: the board comes back to another world', () => {
  it('ends what was deleted by force while it was away, and leaves nothing', async () => {
    const node = await openWith(['a', 'b']);
    node.setLink(false);
    await node.rebootBoard();
    await node.clock.advance(10_000);
    assert.deepEqual(running(node), ['a/main', 'b/main']);
    await deletePod(node, 'a', 0);
    await node.clock.advance(5 * MINUTE_MS);
    assert.deepEqual(running(node), ['a/main', 'b/main'], 'nobody has told the node');
    node.setLink(true);
    await node.until('a has ended', async () => running(node).join() === 'b/main');
    await node.clock.advance(10_000);
    assert.equal((await node.runtime.list()).sandboxes.length, 1);
    assert.equal([...node.disk.files.keys()].filter((name) => name.startsWith('Pod')).length, 1);
  });

  it('a pod that has its name by now is another pod', async () => {
    const node = await openWith(['a']);
    const before = node.runtime.running()[0]?.pod.uid;
    node.setLink(false);
    await node.rebootBoard();
    await node.clock.advance(10_000);
    await deletePod(node, 'a', 0);
    await node.createPod('a', { containers: [CONTAINER] });
    node.setLink(true);
    await node.until('the new one runs, and only it', async () => {
      const uids = node.runtime.running().map(({ pod }) => pod.uid);
      return uids.length === 1 && uids[0] !== before;
    });
  });

  it('without memory nothing is ended before the master was heard', async () => {
    const node = await openWith(['a', 'b']);
    for (const name of node.disk.files.keys()) node.disk.damage(name);
    node.setLink(false);
    await node.restartAgent();
    await node.clock.advance(10 * MINUTE_MS);
    assert.deepEqual(running(node), ['a/main', 'b/main']);
    node.setLink(true);
    await node.clock.advance(MINUTE_MS);
    assert.deepEqual(running(node), ['a/main', 'b/main']);
    const reasons = (await node.client.list(EventKind)).items.map(({ reason }) => reason);
    assert.ok(reasons.includes('AssignmentDamaged'), reasons.join());
  });

  it('clocks that jump while it is away do no harm', async () => {
    const node = await openWith(['a']);
    node.setLink(false);
    for (const jumpMs of [-20 * 365 * 86_400_000, 40 * 365 * 86_400_000]) {
      node.clock.jumpWallClock(jumpMs);
      node.runtime.crash(node.runtime.running()[0]?.id ?? '');
      await node.clock.advance(6 * MINUTE_MS);
      assert.deepEqual(running(node), ['a/main'], 'back-off is bounded whatever the clock says');
    }
    await node.rebootBoard();
    node.clock.jumpWallClock(-30 * 365 * 86_400_000);
    await node.clock.advance(MINUTE_MS);
    assert.deepEqual(running(node), ['a/main']);
  });

  it('a quiet node writes nothing to its disk', async () => {
    const node = await openWith(['a', 'b']);
    const { writes } = node.disk;
    node.runtime.crash(node.runtime.running()[0]?.id ?? '');
    await node.clock.advance(60 * MINUTE_MS);
    assert.equal(node.disk.writes, writes);
  });
});
