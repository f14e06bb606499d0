import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openSqliteStore, type SqliteStore } from '../../../master/store/sqlite-store.ts';
import { StoreError } from '../../../master/store/store.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { nextInt, seededRandom } from '../../../shared/platform/random.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const WRITER = fileURLToPath(new URL('../../support/store-writer.ts', import.meta.url));
const ROUNDS = 4;
const MAX_ACKNOWLEDGED = 2_000;

const open = (path: string): Promise<SqliteStore> =>
  openSqliteStore({ path, clock: createVirtualClock(), logger: silentLogger, schedule: queueMicrotask });

/** Runs the writer until it has acknowledged `count` writes, and kills it in the middle of the next; returns all it said. */
async function writeAndKill(path: string, round: number, count: number): Promise<[key: string, revision: number][]> {
  const child = spawn(process.execPath, [WRITER, path, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: [string, number][] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [key, revision] = line.split(' ');
    // A kill may cut the last line.
    if (key === undefined || revision === undefined) continue;
    acknowledged.push([key, Number(revision)]);
    if (acknowledged.length === 1)
      await assert.rejects(open(path), (error) => error instanceof StoreError && error.reason === 'in-use');
    if (acknowledged.length === count) child.kill('SIGKILL');
  }
  return acknowledged;
}

it('a master killed in a burst of writes has lost nothing that it acknowledged, and its revisions go on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bramble-crash-'));
  const path = join(folder, 'store.db');
  const random = seededRandom(7);
  const expected = new Map<string, number>();
  let newest = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const acknowledged = await writeAndKill(path, round, 1 + nextInt(random, MAX_ACKNOWLEDGED));
    for (const [key, revision] of acknowledged) {
      assert.ok(revision > newest, `revision ${revision} after ${newest}`);
      newest = revision;
      if (key !== 'memory') expected.set(key, revision);
    }
    const store = await open(path);
    assert.ok(store.revision() >= newest);
    newest = store.revision();
    const { items } = await store.list({ prefix: '/burst/' });
    const found = new Map(items.map((item) => [item.key, item.modRevision]));
    for (const [key, revision] of expected) assert.equal(found.get(key), revision, `${key} was acknowledged`);
    await store.close();
  }
  assert.ok(expected.size > 0);
  rmSync(folder, { recursive: true });
});
