import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import Database from 'better-sqlite3';
import {
  COMPACT_INTERVAL_MS,
  Compactor,
  MAX_HISTORY_BYTES,
  MAX_HISTORY_CHANGES,
  MAX_WAL_BYTES,
} from '../../../master/store/compactor.ts';
import type { SqliteStore, StoreStats } from '../../../master/store/sqlite-store.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { createStoreFixture, type StoreFixture } from '../../support/store-fixture.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

let fixture: StoreFixture<SqliteStore> | undefined;
afterEach(() => fixture?.dispose());

async function write(store: SqliteStore, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => store.write({ key: `/a/${i % 10}`, value: `${i}` })));
}

async function withCompactor(store: SqliteStore, intervals: number): Promise<void> {
  const clock = createVirtualClock();
  const compactor = new Compactor({ store, clock, logger: silentLogger });
  await compactor.start();
  for (let i = 0; i < intervals; i++) await clock.advance(COMPACT_INTERVAL_MS);
  await compactor.stop();
}

it('leaves a short history and an idle store alone', async () => {
  fixture = await createStoreFixture('file');
  const { store } = fixture;
  await write(store, 500);
  const before = store.stats();
  for (let i = 0; i < 50; i++) await store.write({ key: '/leases/a', value: `${i}`, durability: 'memory' });
  await withCompactor(store, 3);
  assert.equal(store.stats().compactRevision, 0);
  assert.equal(store.stats().commits, before.commits + 1, 'the first memory write and nothing else');
});

it('halves a long history once, and then leaves it', async () => {
  fixture = await createStoreFixture('memory');
  const { store } = fixture;
  const start = store.revision();
  await write(store, MAX_HISTORY_CHANGES + 2);
  await withCompactor(store, 3);
  const { compactRevision, historyChanges } = store.stats();
  assert.equal(compactRevision, start + MAX_HISTORY_CHANGES / 2 + 1);
  assert.equal(historyChanges, MAX_HISTORY_CHANGES / 2 + 1);
});

it('removes the rows that compaction makes useless', async () => {
  fixture = await createStoreFixture('file');
  const { store } = fixture;
  await write(store, 2_000);
  await store.write({ key: '/a/0', value: undefined });
  await store.compact(store.revision());
  await store.snapshot(fixture.snapshotPath);
  const db = new Database(fixture.snapshotPath, { readonly: true });
  assert.equal(db.prepare('SELECT count(*) FROM log').pluck().get(), 9);
  assert.equal(db.prepare('SELECT count(*) FROM cur').pluck().get(), 9);
  db.close();
});

it('goes on with a compaction that a crash cut short', async () => {
  fixture = await createStoreFixture('file');
  await write(fixture.store, 2_000);
  const cut = fixture.store.compact(fixture.store.revision());
  const store = await fixture.restart('crash');
  await cut.catch(() => undefined);
  await write(store, 1);
  await store.compact(store.revision());
  await store.snapshot(fixture.snapshotPath);
  const db = new Database(fixture.snapshotPath, { readonly: true });
  assert.equal(db.prepare('SELECT count(*) FROM log').pluck().get(), 10);
  db.close();
});

const idle: StoreStats = {
  revision: 100,
  compactRevision: 0,
  changes: 0,
  commits: 0,
  diskChanges: 0,
  historyChanges: 0,
  historyBytes: 0,
  databaseBytes: 0,
  walBytes: 0,
};
const policies: readonly { name: string; stats: Partial<StoreStats>; does: string[] }[] = [
  { name: 'nothing to do', stats: {}, does: [] },
  {
    name: 'history at its limits',
    stats: { historyChanges: MAX_HISTORY_CHANGES, historyBytes: MAX_HISTORY_BYTES },
    does: [],
  },
  {
    name: 'few large changes',
    stats: { historyChanges: 5, historyBytes: MAX_HISTORY_BYTES + 1 },
    does: ['compact before 2'],
  },
  { name: 'a large write-ahead log', stats: { walBytes: MAX_WAL_BYTES + 1 }, does: ['truncate'] },
];
for (const { name, stats, does } of policies) {
  it(`policy: ${name}`, async () => {
    const done: string[] = [];
    const store = {
      stats: () => ({ ...idle, ...stats }),
      revisionBefore: (changes: number) => changes,
      compact: async (revision: number) => void done.push(`compact before ${revision}`),
      truncateWal: () => void done.push('truncate'),
    };
    const clock = createVirtualClock();
    const compactor = new Compactor({ store, clock, logger: silentLogger });
    await compactor.start();
    await clock.advance(COMPACT_INTERVAL_MS);
    await compactor.stop();
    assert.deepEqual(done, does);
  });
}
