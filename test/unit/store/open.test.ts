import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import Database from 'better-sqlite3';
import { openDatabase } from '../../../master/store/open-database.ts';
import { openSqliteStore, type SqliteStore } from '../../../master/store/sqlite-store.ts';
import { StoreError, type StoreErrorReason } from '../../../master/store/store.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bramble-open-'));
  path = join(folder, 'data', 'store.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(at = path): Promise<SqliteStore> {
  return openSqliteStore({ path: at, clock: createVirtualClock(), logger: silentLogger, schedule: queueMicrotask });
}

async function refuses(reason: StoreErrorReason, mentions: RegExp, at = path): Promise<void> {
  await assert.rejects(open(at), (error) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, mentions);
    return true;
  });
}

it('makes folder and file for their owner only', async () => {
  const store = await open();
  await store.write({ key: '/a', value: 'x' });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(`${path}-wal`).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, 'data')).mode & 0o777, 0o700);
  await store.close();
});

it('sets what durability and the card ask for', () => {
  const db = openDatabase({ path, maxBytes: 2 ** 20 });
  const settings = Object.fromEntries(
    [
      'journal_mode',
      'synchronous',
      'page_size',
      'wal_autocheckpoint',
      'max_page_count',
      'locking_mode',
      'foreign_keys',
    ].map((name) => [name, db.pragma(name, { simple: true })]),
  );
  db.close();
  assert.deepEqual(settings, {
    journal_mode: 'wal',
    synchronous: 2,
    page_size: 1024,
    wal_autocheckpoint: 4096,
    max_page_count: 1024,
    locking_mode: 'exclusive',
    foreign_keys: 0,
  });
});

it('refuses a second owner and lets the next one in', async () => {
  const first = await open();
  await refuses('in-use', /in use by another process: stop the other master/);
  assert.equal((await first.write({ key: '/a', value: 'x' })).ok, true);
  await first.close();
  await (await open()).close();
});

it('says what to do with a file that is no database', async () => {
  await (await open()).close();
  writeFileSync(path, 'garbage '.repeat(1000));
  await refuses('corrupt', /put a snapshot in its place/);
});

it('finds damaged pages', async () => {
  const store = await open();
  await Promise.all(Array.from({ length: 200 }, (_, i) => store.write({ key: `/a/${i}`, value: 'x'.repeat(400) })));
  await store.close();
  const bytes = readFileSync(path);
  bytes.fill(0xff, 20 * 1024, 60 * 1024);
  writeFileSync(path, bytes);
  await refuses('corrupt', /put a snapshot in its place/);
});

it("refuses another program's database", async () => {
  await (await open()).close();
  const db = new Database(path);
  db.pragma('application_id = 1');
  db.close();
  await refuses('corrupt', /database of another program/);
});

it('refuses the file of a newer version', async () => {
  await (await open()).close();
  const db = new Database(path);
  db.pragma('user_version = 2');
  db.close();
  await refuses('unsupported-version', /newer Bramble/);
});

it('says that the folder cannot be made, or cannot be written', async () => {
  writeFileSync(join(folder, 'file'), '');
  await refuses('not-writable', /check the folder and its rights/, join(folder, 'file', 'store.db'));
  await refuses('not-writable', /check the folder and its rights/, '/proc/bramble/store.db');
  await refuses('not-writable', /choose another data directory/, folder);
});

it('says that a snapshot cannot be written, and leaves nothing half done', async () => {
  const store = await open();
  const target = join(folder, 'missing', 'snapshot.db');
  await assert.rejects(store.snapshot(target), (error) => {
    assert.ok(error instanceof StoreError && error.reason === 'not-writable', String(error));
    assert.match(error.message, /^the snapshot .*missing.* check the folder/);
    return true;
  });
  await store.snapshot(join(folder, 'snapshot.db'));
  assert.deepEqual(readdirSync(folder).sort(), ['data', 'snapshot.db']);
  await store.close();
});
