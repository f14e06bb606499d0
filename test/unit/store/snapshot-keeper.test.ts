/** Copies of the store: on demand, by the clock, kept as many as wanted; a cut in the middle; what a file must be to be put back. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { checkStoreFile } from '../../../cli/api/store-file.ts';
import { createSnapshotFiles } from '../../../master/snapshots/snapshot-files.ts';
import { SnapshotKeeper } from '../../../master/snapshots/snapshot-keeper.ts';
import { openSqliteStore, type SqliteStore } from '../../../master/store/sqlite-store.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';
import { waitFor } from '../../support/wait.ts';

const HOUR_MS = 3_600_000;

describe('snapshots', () => {
  let folder: string;
  let store: SqliteStore;
  let clock: VirtualClock;
  let keeper: SnapshotKeeper;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bramble-snapshots-'));
    clock = createVirtualClock();
    store = await openSqliteStore({
      path: join(folder, 'store.db'),
      clock,
      logger: silentLogger,
      schedule: queueMicrotask,
    });
    keeper = make(store);
  });
  afterEach(async () => {
    await keeper.stop();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  function make(source: Pick<SqliteStore, 'snapshot' | 'revision'>, intervalMs = 0): SnapshotKeeper {
    const files = createSnapshotFiles(join(folder, 'snapshots'));
    return new SnapshotKeeper({ store: source, files, intervalMs, keep: 3, clock, logger: silentLogger });
  }

  const write = (value: string) => store.write({ key: '/test/a', value });
  const names = async (): Promise<string[]> => (await readdir(join(folder, 'snapshots'))).sort();

  it('are whole stores that can be opened, with what was written until then', async () => {
    await write('"before"');
    const { name, bytes } = await keeper.take();
    await write('"after"');
    const path = join(folder, 'snapshots', `${name}.db`);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const text = await readFile(path);
    checkStoreFile(path, text.subarray(0, 100), text.length);
    assert.equal(text.length, bytes);
    const read = await keeper.read(name);
    const chunks: Uint8Array[] = [];
    for await (const chunk of read ?? []) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(text));
    const copy = await openSqliteStore({ path, clock, logger: silentLogger, schedule: queueMicrotask });
    assert.equal((await copy.get('/test/a'))?.value, '"before"');
    await copy.close();
    assert.equal(await keeper.read('../store'), undefined);
  });
  it('are kept as many as wanted, the newest', async () => {
    for (let count = 0; count < 5; count += 1) {
      await keeper.take();
      await clock.advance(HOUR_MS);
    }
    assert.equal((await keeper.list()).length, 3);
    assert.deepEqual(await names(), ['20260101t020000z.db', '20260101t030000z.db', '20260101t040000z.db']);
  });
  it('are taken by the clock, and not where nothing has changed', async () => {
    keeper = make(store, 6 * HOUR_MS);
    await write('"one"');
    await keeper.start();
    const passes = async (hours: number): Promise<void> => {
      for (let minutes = 0; minutes < hours * 60; minutes += 10) {
        await clock.advance(600_000);
        await keeper.list();
      }
    };
    await passes(7);
    await waitFor('the first', async () => (await keeper.list()).length === 1);
    await passes(13);
    assert.equal((await keeper.list()).length, 1);
    await write('"two"');
    await passes(7);
    await waitFor('the second', async () => (await keeper.list()).length === 2);
  });
  it('are taken by the clock and stay, though the clock was once years ahead', async () => {
    keeper = make(store, 6 * HOUR_MS);
    await mkdir(join(folder, 'snapshots'), { recursive: true });
    for (const year of [2097, 2098, 2099]) await writeFile(join(folder, `snapshots/${year}0101t000000z.db`), '');
    await write('"one"');
    await keeper.start();
    for (let hour = 0; hour < 7; hour += 1) {
      for (let look = 0; look < 6; look += 1) await clock.advance(600_000);
      await keeper.list();
    }
    const isRight = (kept: readonly string[]): boolean => kept.length === 3 && (kept[0]?.startsWith('2026') ?? false);
    await waitFor('one of now, and two of the others', async () => isRight(await names()));
  });
  it('that fail say so, and leave those that are there; a rest of a cut is cleared away', async () => {
    await keeper.take();
    const before = await names();
    const broken = make({ revision: () => 1, snapshot: () => Promise.reject(new Error('the disk is full')) });
    await clock.advance(HOUR_MS);
    await assert.rejects(broken.take(), /the disk is full/);
    assert.equal(broken.problem, 'the snapshot failed: the disk is full');
    assert.deepEqual(await names(), before);
    await writeFile(join(folder, 'snapshots/20260101t090000z.db.partial'), 'half');
    await keeper.start();
    assert.deepEqual(await names(), before);
  });
  const wrong: [string, (bytes: Buffer) => Buffer, RegExp][] = [
    ['a text', () => Buffer.from('hello'), /is no snapshot/],
    [
      'another program’s database',
      (bytes) => {
        bytes.writeUInt32BE(1, 68);
        return bytes;
      },
      /not one of Bramble/,
    ],
    [
      'a later version',
      (bytes) => {
        bytes.writeUInt32BE(9, 60);
        return bytes;
      },
      /version 9/,
    ],
    ['one that is cut off', (bytes) => bytes.subarray(0, -1024), /cut off or damaged/],
  ];
  for (const [what, change, message] of wrong) {
    it(`are not ${what}`, async () => {
      const { name } = await keeper.take();
      const bytes = change(await readFile(join(folder, 'snapshots', `${name}.db`)));
      assert.throws(() => checkStoreFile('x', bytes.subarray(0, 100), bytes.length), message);
    });
  }
});
