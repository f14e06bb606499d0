import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { MAX_VOLATILE_DIRECTORIES } from '../../../master/store/limits.ts';
import type { SqliteStore } from '../../../master/store/sqlite-store.ts';
import { StoreError } from '../../../master/store/store.ts';
import { createStoreFixture, readHistory, type StoreFixture } from '../../support/store-fixture.ts';

let fixture: StoreFixture<SqliteStore>;
afterEach(() => fixture.dispose());

const compacted = (error: unknown): boolean => error instanceof StoreError && error.reason === 'compacted';

async function beat(key: string, value: string): Promise<number> {
  const result = await fixture.store.write({ key, value, durability: 'memory' });
  return result.ok ? result.revision : assert.fail('conflict');
}

it('history is bounded by events: watchers of that directory list again, others resume', async () => {
  fixture = await createStoreFixture('memory', { limits: { volatileHistoryEvents: 10 } });
  const { store } = fixture;
  await store.write({ key: '/pods/a', value: 'x' });
  const start = store.revision();
  const revisions: number[] = [];
  for (let i = 0; i < 25; i++) revisions.push(await beat('/leases/a', `${i}`));
  const oldest = revisions[14] ?? 0;
  assert.equal((await readHistory(store, '/leases/', oldest)).length, 10);
  await assert.rejects(readHistory(store, '/leases/', oldest - 1), compacted);
  await assert.rejects(store.list({ prefix: '/', revision: oldest - 1 }), compacted);
  assert.deepEqual(await readHistory(store, '/pods/', start), []);
  assert.equal((await store.list({ prefix: '/pods/', revision: start })).items.length, 1);
});

it('history is bounded by the size of its values', async () => {
  fixture = await createStoreFixture('memory', { limits: { volatileHistoryChars: 1000 } });
  const start = await beat('/leases/a', 'x');
  for (let i = 0; i < 10; i++) await beat('/leases/a', 'x'.repeat(300));
  await assert.rejects(readHistory(fixture.store, '/leases/', start), compacted);
  assert.equal((await fixture.store.get('/leases/a'))?.value.length, 300);
});

it('after a restart only prefixes that held volatile keys list again', async () => {
  fixture = await createStoreFixture('file');
  await fixture.store.write({ key: '/pods/default/a', value: 'x' });
  const start = fixture.store.revision();
  await beat('/core/leases/kube-node-lease/a', 'x');
  await fixture.store.write({ key: '/pods/default/b', value: 'x' });
  const store = await fixture.restart('crash');
  assert.equal((await readHistory(store, '/pods/', start)).length, 1);
  assert.deepEqual(await readHistory(store, '/core/leases/other/', start), []);
  for (const prefix of ['/core/leases/', '/core/leases/kube-node-lease/', '/core/leases/kube-node-lease/a', '/']) {
    await assert.rejects(readHistory(store, prefix, start), compacted);
  }
});

it('remembers a bounded number of directories; beyond it every prefix counts as volatile', async () => {
  fixture = await createStoreFixture('memory');
  const start = fixture.store.revision();
  const directories = Array.from({ length: MAX_VOLATILE_DIRECTORIES + 5 }, (_, i) => `/events/${i}/e`);
  await Promise.all(directories.map((key) => beat(key, 'x')));
  const { commits } = fixture.store.stats();
  await beat('/elsewhere/e', 'x');
  assert.equal(fixture.store.stats().commits, commits);
  const store = await fixture.restart('crash');
  await assert.rejects(readHistory(store, '/pods/', start), compacted);
});
