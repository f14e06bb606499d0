/** A snapshot put back: the store and the house's messages of one moment, revisions that only grow, and power cuts at each step. */
import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { checkStoreFile } from '../../../cli/api/store-file.ts';
import { BrokerPersistence } from '../../../master/broker/persistence/broker-persistence.ts';
import { openPersistenceFile } from '../../../master/broker/persistence/persistence-file.ts';
import { completeRestore } from '../../../master/complete-restore.ts';
import { type Disk, systemDisk } from '../../../master/snapshots/replace-database.ts';
import { REVISION_LEAP } from '../../../master/store/restored-store.ts';
import { openSqliteStore, type SqliteStore } from '../../../master/store/sqlite-store.ts';
import { StoreError } from '../../../master/store/store.ts';
import { createWholeSnapshot, MQTT_FILE, STORE_FILE } from '../../../master/whole-snapshot.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const BASE = { clock: createVirtualClock(), logger: silentLogger };

/** A power cut: nothing after it happens. */
class PowerCut extends Error {}

function cutAfter(count: number): Disk {
  let left = count;
  const counted =
    <A extends unknown[]>(work: (...args: A) => void) =>
    (...args: A): void => {
      left -= 1;
      if (left < 0) throw new PowerCut();
      work(...args);
    };
  return {
    link: counted(systemDisk.link),
    rename: counted(systemDisk.rename),
    remove: counted(systemDisk.remove),
    syncFolder: counted(systemDisk.syncFolder),
  };
}

const open = (folder: string): Promise<SqliteStore> =>
  openSqliteStore({ ...BASE, path: join(folder, STORE_FILE), schedule: queueMicrotask });

const openHouse = (folder: string): BrokerPersistence =>
  new BrokerPersistence({ ...BASE, file: openPersistenceFile(join(folder, MQTT_FILE)) });

async function retainedOf(folder: string): Promise<string[]> {
  const house = openHouse(folder);
  const found: string[] = [];
  for await (const { topic, payload } of house.createRetainedStream('#')) found.push(`${topic} ${payload}`);
  await house.destroy();
  return found.sort();
}

async function keysOf(folder: string): Promise<string[]> {
  const store = await open(folder);
  const { items } = await store.list({ prefix: '/' });
  await store.close();
  return items.map(({ key, value }) => `${key} ${value}`);
}

const OLD = ['/a "then"', '/b "then"'];
const NEW = ['/a "now"', '/c "now"'];

describe('a snapshot that is put back', () => {
  let base: string;
  /** A data directory of a master that goes on after its snapshot, with a log that is not yet in its database. */
  let lived: string;
  let snapshot: string;
  let earlier: string;
  let revision = 0;
  let folder: string;
  let count = 0;

  before(async () => {
    base = await mkdtemp(join(tmpdir(), 'bramble-restore-'));
    lived = join(base, 'lived');
    [snapshot, earlier] = [join(base, 'copy.db'), join(base, 'earlier.db')];
    const store = await open(lived);
    const house = openHouse(lived);
    const big = Buffer.alloc(200_000, 'x');
    await store.write({ key: '/a', value: '"then"' });
    await store.write({ key: '/b', value: '"then"' });
    await house.storeRetained({ topic: 'home/lamp', payload: 'on', retain: true });
    await house.storeRetained({ topic: 'home/picture', payload: big, retain: true });
    // Not yet in its file: a snapshot has it all the same.
    await createWholeSnapshot({ store, kept: () => house }).snapshot(snapshot);
    await store.snapshot(earlier);
    await store.write({ key: '/a', value: '"now"' });
    await store.write({ key: '/b', value: undefined });
    await store.write({ key: '/c', value: '"now"' });
    await house.storeRetained({ topic: 'home/lamp', payload: 'off', retain: true });
    await house.storeRetained({ topic: 'home/door', payload: 'open', retain: true });
    revision = store.revision();
    // As a power cut leaves it.
    await house.destroy();
    await cp(lived, `${lived}-cut`, { recursive: true });
    store.crash();
    lived = `${lived}-cut`;
  });
  after(() => rm(base, { recursive: true, force: true }));

  beforeEach(async () => {
    count += 1;
    folder = join(base, `${count}`);
    await cp(lived, folder, { recursive: true });
  });

  const layReady = (from: string) => copyFile(from, join(folder, `${STORE_FILE}.restore`));
  const complete = (disk = systemDisk) =>
    completeRestore({ dataDir: folder, random: seededRandom(1), logger: silentLogger, disk });
  const isOldHouse = async () => {
    const retained = await retainedOf(folder);
    return (
      retained.length === 2 && retained[0] === 'home/lamp on' && retained[1]?.startsWith('home/picture xxx') === true
    );
  };

  it('is nothing where none was laid ready', async () => {
    await writeFile(join(folder, `${STORE_FILE}.restore.partial`), 'half');
    assert.equal(await complete(), false);
    assert.deepEqual(await keysOf(folder), NEW);
    assert.ok(!(await readdir(folder)).some((name) => name.includes('restore')));
  });

  it('is one file for its owner, brings objects and messages, and keeps what was there', async () => {
    const { mode, size } = await stat(snapshot);
    assert.equal(mode & 0o777, 0o600);
    checkStoreFile(snapshot, (await readFile(snapshot)).subarray(0, 100), size);
    assert.deepEqual(
      (await readdir(base)).filter((name) => name.startsWith('copy')),
      ['copy.db'],
    );
    await layReady(snapshot);
    assert.equal(await complete(), true);
    assert.deepEqual(await keysOf(folder), OLD);
    assert.ok(await isOldHouse());
    assert.equal((await stat(join(folder, MQTT_FILE))).mode & 0o777, 0o600);
    const kept = join(folder, 'kept');
    await mkdir(kept);
    for (const name of [STORE_FILE, MQTT_FILE])
      await copyFile(join(folder, `${name}.before-restore`), join(kept, name));
    assert.deepEqual(await keysOf(kept), NEW);
    assert.deepEqual((await retainedOf(kept)).slice(0, 2), ['home/door open', 'home/lamp off']);
    assert.equal(await complete(), false);
  });

  it('moves revisions beyond all that were ever given out, each time; watches of before are told to list again', async () => {
    let newest = revision;
    for (let times = 0; times < 3; times += 1) {
      await layReady(snapshot);
      await complete();
      const store = await open(folder);
      assert.ok(store.revision() >= newest + REVISION_LEAP, `${store.revision()} after ${newest}`);
      for (const afterRevision of [1, revision, newest, newest + 5_000]) {
        const signal = new AbortController().signal;
        const watch = store.watch({ prefix: '/', afterRevision, signal });
        await assert.rejects(watch.next(), (error) => error instanceof StoreError && error.reason === 'compacted');
      }
      const { revision: listed } = await store.list({ prefix: '/' });
      assert.equal(listed, store.revision());
      await store.write({ key: '/d', value: '1' });
      await store.write({ key: '/lease', value: '1', durability: 'memory' });
      newest = store.revision();
      await store.compact(newest);
      await store.close();
    }
  });

  it('of an earlier release, without messages: those that are there stay', async () => {
    await layReady(earlier);
    await complete();
    assert.deepEqual(await keysOf(folder), OLD);
    assert.deepEqual((await retainedOf(folder)).slice(0, 2), ['home/door open', 'home/lamp off']);
  });

  it('becomes the store of a new machine', async () => {
    await rm(folder, { recursive: true });
    await mkdir(folder);
    await layReady(snapshot);
    await complete();
    assert.deepEqual(await keysOf(folder), OLD);
    assert.ok(await isOldHouse());
    assert.ok(!(await readdir(folder)).some((name) => name.includes('before')));
  });

  it('replaces a store that is damaged, and keeps that', async () => {
    const path = join(folder, STORE_FILE);
    const bytes = (await readFile(path)).fill(7, 0, 1_000);
    await writeFile(path, bytes);
    await writeFile(`${path}-wal`, 'no log');
    await layReady(snapshot);
    await complete();
    assert.deepEqual(await keysOf(folder), OLD);
    assert.ok((await readFile(`${path}.before-restore`)).equals(bytes));
    const store = await open(folder);
    assert.ok(store.revision() > REVISION_LEAP);
    await store.close();
  });

  it('that is damaged is refused, and nothing changes', async () => {
    const bytes = await readFile(snapshot);
    await writeFile(join(folder, `${STORE_FILE}.restore`), bytes.fill(7, 1_024, 20_000));
    await assert.rejects(complete(), (error) => {
      assert.ok(error instanceof StoreError && error.reason === 'corrupt', String(error));
      assert.match(error.message, /remove .*store\.db\.restore to go on as before/);
      return true;
    });
    await rm(join(folder, `${STORE_FILE}.restore`));
    assert.deepEqual(await keysOf(folder), NEW);
  });

  it('waits while a master runs', async () => {
    const running = await open(folder);
    await layReady(snapshot);
    await assert.rejects(complete(), (error) => error instanceof StoreError && error.reason === 'in-use');
    await running.write({ key: '/e', value: '"now"' });
    await running.close();
    await complete();
    assert.deepEqual(await keysOf(folder), OLD);
  });

  it('is whole after a power cut at any step', async () => {
    let cuts = 0;
    for (let isCut = true; isCut; cuts += 1) {
      await rm(folder, { recursive: true });
      await cp(lived, folder, { recursive: true });
      await layReady(snapshot);
      isCut = await complete(cutAfter(cuts)).then(
        () => false,
        (error) => {
          assert.ok(error instanceof PowerCut, String(error));
          return true;
        },
      );
      // A second cut, at each step, and then the start that has its way.
      await complete(cutAfter(cuts)).catch((error) => assert.ok(error instanceof PowerCut, String(error)));
      await complete();
      assert.deepEqual(await keysOf(folder), OLD, `after ${cuts} steps`);
      assert.ok(await isOldHouse(), `after ${cuts} steps`);
      const kept = join(folder, 'kept');
      await mkdir(kept);
      for (const name of [STORE_FILE, MQTT_FILE])
        await copyFile(join(folder, `${name}.before-restore`), join(kept, name));
      assert.deepEqual(await keysOf(kept), NEW, `after ${cuts} steps`);
      assert.equal((await retainedOf(kept)).length, 3, `after ${cuts} steps`);
    }
    assert.ok(cuts > 15, `${cuts} steps`);
  });
});

describe('a snapshot that fails', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bramble-failing-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('leaves nothing, wherever it does', async () => {
    const store = await open(folder);
    const fail = async (): Promise<never> => {
      throw new Error('the disk is full');
    };
    const house = { changes: 0, copyTo: async () => true };
    const failing: [Parameters<typeof createWholeSnapshot>[0], RegExp][] = [
      [{ store: { stats: () => ({ diskChanges: 1 }), snapshot: fail }, kept: () => house }, /the disk is full/],
      [{ store, kept: () => ({ ...house, copyTo: fail }) }, /the disk is full/],
      // It says that the file is there, and it is not.
      [{ store, kept: () => house }, /cannot be made|ENOENT/],
    ];
    for (const [sources, message] of failing) {
      const names = await readdir(folder);
      await assert.rejects(createWholeSnapshot(sources).snapshot(join(folder, 'one.db')), message);
      assert.deepEqual(await readdir(folder), names);
    }
    await createWholeSnapshot({ store, kept: () => undefined }).snapshot(join(folder, 'one.db'));
    assert.ok((await readdir(folder)).includes('one.db'));
    await store.close();
  });

  it('is due again when something went to disk, not after heartbeats', async () => {
    const store = await open(folder);
    const whole = createWholeSnapshot({ store, kept: () => undefined });
    await store.write({ key: '/a', value: '1' });
    const before = whole.revision();
    await store.write({ key: '/leases/a', value: 'now', durability: 'memory' });
    assert.equal(whole.revision(), before);
    await store.write({ key: '/a', value: '2' });
    assert.notEqual(whole.revision(), before);
    await store.close();
  });
});
