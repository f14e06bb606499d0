import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { openSqliteStore, type SqliteStore } from '../../../master/store/sqlite-store.ts';
import { StoreError } from '../../../master/store/store.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { createStoreFixture, readHistory } from '../../support/store-fixture.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const VALUE = 'x'.repeat(20_000);

function isNoSpace(error: unknown): boolean {
  return error instanceof StoreError && error.reason === 'no-space' && /free space/.test(error.message);
}

/** Writes until the store refuses; returns how many writes it took. */
async function fill(store: SqliteStore): Promise<number> {
  for (let count = 0; count < 5_000; count++) {
    try {
      await store.write({ key: `/fill/${count % 50}`, value: VALUE });
    } catch (error) {
      assert.ok(isNoSpace(error), String(error));
      return count;
    }
  }
  return assert.fail('the disk was never full');
}

it('at its size limit: the whole batch is refused, nothing of it is seen, compaction makes room', async () => {
  const fixture = await createStoreFixture('file', { maxBytes: 3 * 2 ** 20 });
  const { store } = fixture;
  await fill(store);
  const revision = store.revision();
  // The first one has room: it must go with the others all the same.
  const small = store.write({ key: '/batch/0', value: 'x' });
  const batch = [small, ...['/batch/1', '/batch/2'].map((key) => store.write({ key, value: VALUE }))];
  const heartbeat = store
    .write({ key: '/leases/a', value: 'now', durability: 'memory' })
    .catch((error: unknown) => error);
  for (const result of await Promise.allSettled(batch)) {
    assert.ok(result.status === 'rejected' && isNoSpace(result.reason), JSON.stringify(result));
  }
  await heartbeat;
  assert.equal((await store.list({ prefix: '/batch/' })).items.length, 0);
  assert.deepEqual(await readHistory(store, '/batch/', revision), []);
  assert.equal((await store.list({ prefix: '/fill/' })).items.length, 50);
  assert.equal((await store.write({ key: '/small', value: 'x' })).ok, true);
  await store.compact(store.revision());
  assert.equal((await store.list({ prefix: '/batch/' })).items.length, 0);
  assert.equal((await store.write({ key: '/batch/1', value: VALUE })).ok, true);
  await fixture.dispose();
});

it('memory writes that share a turn with refused disk writes go on', async () => {
  const fixture = await createStoreFixture('file', { maxBytes: 3 * 2 ** 20 });
  const { store } = fixture;
  await store.write({ key: '/leases/a', value: 'first', durability: 'memory' });
  await fill(store);
  const revision = store.revision();
  const refused = assert.rejects(store.write({ key: '/big', value: VALUE }), isNoSpace);
  const result = await store.write({ key: '/leases/a', value: 'second', durability: 'memory' });
  await refused;
  assert.equal(result.ok && result.revision, revision + 1);
  assert.equal((await store.get('/leases/a'))?.value, 'second');
  await fixture.dispose();
});

it('on a full file system: refuses, serves reads, and goes on when there is space', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bramble-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true });
    t.diagnostic('no right to mount a small file system here: only the size limit was tested');
    return;
  }
  try {
    await fullFileSystem(folder);
  } finally {
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  }
});

async function fullFileSystem(folder: string): Promise<void> {
  const ballast = join(folder, 'ballast');
  writeFileSync(ballast, Buffer.alloc(3 * 2 ** 20));
  const path = join(folder, 'store.db');
  const open = (): Promise<SqliteStore> =>
    openSqliteStore({ path, clock: createVirtualClock(), logger: silentLogger, schedule: queueMicrotask });
  let store = await open();
  const written = await fill(store);
  assert.ok(written > 0);
  const revision = store.revision();
  const state = await store.list({ prefix: '/fill/' });
  assert.ok(state.items.length > 0);
  rmSync(ballast);
  assert.equal((await store.write({ key: '/again', value: VALUE })).ok, true);
  assert.equal(store.revision(), revision + 1);
  store.crash();
  store = await open();
  assert.deepEqual((await store.list({ prefix: '/fill/' })).items, state.items);
  assert.equal((await store.get('/again'))?.value, VALUE);
  await store.close();
}
