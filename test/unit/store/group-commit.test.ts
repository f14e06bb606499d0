import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import { MAX_BATCH_WRITES, REVISION_BLOCK } from '../../../master/store/limits.ts';
import type { SqliteStore } from '../../../master/store/sqlite-store.ts';
import { createStoreFixture, type StoreFixture } from '../../support/store-fixture.ts';

let fixture: StoreFixture<SqliteStore>;
beforeEach(async () => {
  fixture = await createStoreFixture('file');
});
afterEach(() => fixture.dispose());

function writeMany(count: number, durability: 'disk' | 'memory'): Promise<unknown> {
  return Promise.all(
    Array.from({ length: count }, (_, i) => fixture.store.write({ key: `/leases/${i}`, value: 'x', durability })),
  );
}

it('commits the writes of one turn in one transaction', async () => {
  await writeMany(100, 'disk');
  const { changes, commits } = fixture.store.stats();
  assert.deepEqual({ changes, commits }, { changes: 100, commits: 1 });
});

it('does not let a batch grow without bound', async () => {
  await writeMany(2 * MAX_BATCH_WRITES + 1, 'disk');
  assert.equal(fixture.store.stats().commits, 3);
});

it('answers a turn that only lost comparisons without a change', async () => {
  await fixture.store.write({ key: '/a', value: 'x' });
  const { revision, commits } = fixture.store.stats();
  const result = await fixture.store.write({ key: '/a', value: 'y', expectedRevision: 0 });
  assert.equal(result.ok, false);
  assert.deepEqual([fixture.store.stats().revision, fixture.store.stats().commits], [revision, commits]);
});

it('writes nothing for memory writes but once a directory', async () => {
  await writeMany(1, 'memory');
  assert.equal(fixture.store.stats().commits, 1, 'the directory is remembered and revisions are set aside');
  const before = filesOf(dirname(fixture.snapshotPath));
  for (let round = 0; round < 50; round++) await writeMany(20, 'memory');
  assert.equal(fixture.store.stats().commits, 1);
  assert.deepEqual(filesOf(dirname(fixture.snapshotPath)), before);
});

it('skips the rest of the block after a crash only', async () => {
  await writeMany(5, 'memory');
  const { revision } = fixture.store.stats();
  const clean = await fixture.restart('clean');
  assert.equal(clean.revision(), revision + 1);
  await writeMany(1, 'memory');
  const crashed = await fixture.restart('crash');
  assert.ok(crashed.revision() > revision + REVISION_BLOCK);
});

/** Every file below the folder with its size and time of change. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { size, mtimeMs } = statSync(join(folder, name));
    return `${name} ${size} ${mtimeMs}`;
  });
}
