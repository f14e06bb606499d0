/** What every store must do, in etcd's words; run on each implementation. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  type KeyValue,
  type Store,
  StoreError,
  type StoreErrorReason,
  type StoreEvent,
  type Write,
} from '../../master/store/store.ts';
import { readHistory, type StoreFixture, WatchReader } from '../support/store-fixture.ts';

export function storeContract(name: string, makeFixture: () => Promise<StoreFixture>): void {
  describe(`store contract: ${name}`, () => {
    let fixture: StoreFixture;
    beforeEach(async () => {
      fixture = await makeFixture();
    });
    afterEach(() => fixture.dispose());
    const use = (): StoreFixture => fixture;
    describe('writes', () => writeContract(use));
    describe('lists', () => listContract(use));
    describe('watches', () => watchContract(use));
    describe('compaction', () => compactionContract(use));
    describe('memory writes', () => memoryContract(use));
    describe('life', () => lifeContract(use));
  });
}

type Use = () => StoreFixture;

function writeContract(use: Use): void {
  it('creates with the next revision', async () => {
    const { store } = use();
    const before = store.revision();
    assert.ok(before >= 1, 'a resourceVersion of 0 has a meaning of its own');
    const result = await store.write({ key: '/a', value: 'one' });
    assert.deepEqual(result, { ok: true, revision: before + 1, previous: undefined });
    assert.equal(store.revision(), before + 1);
    const expected = { key: '/a', value: 'one', modRevision: before + 1, createRevision: before + 1 };
    assert.deepEqual(await store.get('/a'), expected);
  });

  it('updates: createRevision stays, previous is told', async () => {
    const { store } = use();
    const created = await put(store, '/a', 'one');
    const result = await store.write({ key: '/a', value: 'two' });
    assert.deepEqual(result, {
      ok: true,
      revision: created + 1,
      previous: { key: '/a', value: 'one', modRevision: created, createRevision: created },
    });
    assert.equal((await store.get('/a'))?.createRevision, created);
  });

  it('deletes, and creates anew', async () => {
    const { store } = use();
    await put(store, '/a', 'one');
    const result = await store.write({ key: '/a', value: undefined });
    assert.equal(result.ok && result.previous?.value, 'one');
    assert.equal(await store.get('/a'), undefined);
    const again = await put(store, '/a', 'two');
    assert.equal((await store.get('/a'))?.createRevision, again);
  });

  it('deleting what is not there changes nothing', async () => {
    const { store } = use();
    const revision = await put(store, '/a', 'one');
    assert.deepEqual(await store.write({ key: '/b', value: undefined }), { ok: true, revision, previous: undefined });
    assert.equal(store.revision(), revision);
  });

  const comparisons: { name: string; key: string; offset: number | 'absent'; ok: boolean }[] = [
    { name: 'the present revision', key: '/a', offset: 0, ok: true },
    { name: 'an older revision', key: '/a', offset: -1, ok: false },
    { name: 'must not exist, exists', key: '/a', offset: 'absent', ok: false },
    { name: 'must not exist, does not', key: '/b', offset: 'absent', ok: true },
    { name: 'must exist, does not', key: '/b', offset: 0, ok: false },
  ];
  for (const { name, key, offset, ok } of comparisons) {
    it(`compares: ${name}`, async () => {
      const { store } = use();
      await put(store, '/a', 'zero');
      const revision = await put(store, '/a', 'one');
      const current = await store.get(key);
      const expectedRevision = offset === 'absent' ? 0 : revision + offset;
      const result = await store.write({ key, value: 'two', expectedRevision });
      if (ok) assert.equal(result.ok, true);
      else assert.deepEqual(result, { ok: false, reason: 'conflict', current });
      assert.equal((await store.get(key))?.value, ok ? 'two' : current?.value);
      assert.equal(store.revision(), ok ? revision + 1 : revision);
    });
  }

  it('of writes that arrive together and expect the same revision one wins', async () => {
    const { store } = use();
    const revision = await put(store, '/a', 'zero');
    const attempts = Array.from({ length: 20 }, (_, i) =>
      store.write({ key: '/a', value: `${i}`, expectedRevision: revision }),
    );
    const results = await Promise.all(attempts);
    assert.deepEqual(
      results.map((result) => result.ok),
      [true, ...Array(19).fill(false)],
    );
    const winner = await store.get('/a');
    for (const result of results) if (!result.ok) assert.deepEqual(result.current, winner);
  });

  it('writes that arrive together happen in their order, a revision each', async () => {
    const { store } = use();
    const before = store.revision();
    const writes = ['one', 'two', undefined, 'three'].map((value) => store.write({ key: '/a', value }));
    const results = await Promise.all(writes);
    assert.deepEqual(
      results.map((result) => result.ok && result.revision - before),
      [1, 2, 3, 4],
    );
    assert.deepEqual(
      results.map((result) => result.ok && result.previous?.value),
      [undefined, 'one', 'two', undefined],
    );
  });

  it('keeps any text', async () => {
    const { store } = use();
    const value = JSON.stringify({ text: 'ä€😀\u0000"\\', long: 'x'.repeat(300_000) });
    await put(store, '/ä€😀', value);
    assert.equal((await store.get('/ä€😀'))?.value, value);
  });
}

function listContract(use: Use): void {
  const keys = ['/a', '/a/', '/a/1', '/a/10', '/a/2', '/a/\ue000', '/a/😀', '/a0', '/b/1'];

  it('lists a prefix in the order of the keys and nothing beside it', async () => {
    const { store } = use();
    for (const key of [...keys].reverse()) await put(store, key, key);
    const result = await store.list({ prefix: '/a/' });
    assert.deepEqual(keysOf(result.items), ['/a/', '/a/1', '/a/10', '/a/2', '/a/\ue000', '/a/😀']);
    assert.equal(result.revision, store.revision());
    assert.equal(result.remaining, 0);
    assert.deepEqual(keysOf((await store.list({ prefix: '' })).items), keys);
    assert.deepEqual(keysOf((await store.list({ prefix: '/c' })).items), []);
  });

  it('pages with startAfter, limit and remaining', async () => {
    const { store } = use();
    for (const key of keys) await put(store, key, key);
    const first = await store.list({ prefix: '/a', limit: 3 });
    assert.deepEqual(keysOf(first.items), ['/a', '/a/', '/a/1']);
    assert.equal(first.remaining, 5);
    const second = await store.list({ prefix: '/a', limit: 5, startAfter: '/a/1' });
    assert.deepEqual(keysOf(second.items), ['/a/10', '/a/2', '/a/\ue000', '/a/😀', '/a0']);
    assert.equal(second.remaining, 0);
    assert.deepEqual(keysOf((await store.list({ prefix: '/b', startAfter: '/a/1' })).items), ['/b/1']);
  });

  it('pages at one revision show one state, whatever is written between them', async () => {
    const { store } = use();
    const names = Array.from({ length: 25 }, (_, i) => `/p/${String.fromCharCode(97 + i)}`);
    await Promise.all(
      names.map((key, i) => store.write({ key, value: 'old', durability: i % 3 === 0 ? 'memory' : 'disk' })),
    );
    const pages: KeyValue[] = [];
    let page = await store.list({ prefix: '/p/', limit: 4 });
    const revision = page.revision;
    for (let round = 0; page.items.length > 0; round++) {
      pages.push(...page.items);
      assert.equal(page.remaining, names.length - pages.length);
      await disturb(store, round);
      page = await store.list({ prefix: '/p/', limit: 4, revision, startAfter: pages.at(-1)?.key ?? '' });
    }
    assert.deepEqual(keysOf(pages), names);
    assert.ok(pages.every(({ value }) => value === 'old'));
  });

  it('shows the state of every revision', async () => {
    const { store } = use();
    const states = await writeRandomly(store, 60);
    for (const [revision, state] of states) {
      const { items } = await store.list({ prefix: '/r/', revision });
      assert.deepEqual(items, state, `state at ${revision}`);
    }
  });

  it('refuses a revision that has not happened', async () => {
    const { store } = use();
    await rejects(store.list({ prefix: '', revision: store.revision() + 1 }), 'future-revision');
  });
}

function watchContract(use: Use): void {
  it('tells history, then that it has caught up, then what is committed', async () => {
    const { store } = use();
    const start = store.revision();
    await put(store, '/w/a', 'one');
    await put(store, '/other', 'x');
    const watch = new WatchReader(store, '/w/', start);
    const first = await watch.next();
    assert.deepEqual(first?.events.map(summary), ['put /w/a one was -']);
    assert.deepEqual(await watch.next(), { revision: store.revision(), events: [] });
    await put(store, '/w/a', 'two');
    await store.write({ key: '/w/a', value: undefined });
    const live = await watch.events(2);
    assert.deepEqual(live.map(summary), ['put /w/a two was one', 'delete /w/a was two']);
    watch.stop();
  });

  it('resumes from every revision without a gap or a double', async () => {
    const { store } = use();
    const start = store.revision();
    const states = await writeRandomly(store, 40);
    const all = await readHistory(store, '/r/', start);
    const revisions = all.map(revisionOfEvent);
    assert.deepEqual(revisions, [...states.keys()]);
    for (const revision of states.keys()) {
      const rest = await readHistory(store, '/r/', revision);
      assert.deepEqual(
        rest,
        all.filter((event) => revisionOfEvent(event) > revision),
      );
    }
  });

  it('tells more history than one page holds', async () => {
    const { store } = use();
    const start = store.revision();
    const count = 1201;
    await Promise.all(Array.from({ length: count }, (_, i) => store.write({ key: `/w/${i}`, value: `${i}` })));
    const events = await readHistory(store, '/w/', start);
    assert.deepEqual(
      events.map(revisionOfEvent),
      Array.from({ length: count }, (_, i) => start + 1 + i),
    );
  });

  it('joins history and live changes while writes go on', async () => {
    const { store } = use();
    const start = store.revision();
    const count = 2000;
    const writing = (async () => {
      for (let i = 0; i < count; i += 50) {
        await Promise.all(
          Array.from({ length: 50 }, (_, j) => store.write({ key: `/w/${(i + j) % 7}`, value: `${i + j}` })),
        );
      }
    })();
    const watch = new WatchReader(store, '/w/', start);
    const events = await watch.events(count);
    assert.deepEqual(
      events.map(revisionOfEvent),
      Array.from({ length: count }, (_, i) => start + 1 + i),
    );
    watch.stop();
    await writing;
  });

  it('tells writes of one commit in one batch, to each watcher its own prefix', async () => {
    const { store } = use();
    const watches = ['/w/a', '/w/b', '/w/'].map((prefix) => new WatchReader(store, prefix, store.revision()));
    for (const watch of watches) await watch.next();
    await Promise.all(['/w/a1', '/w/b1', '/w/a2'].map((key) => store.write({ key, value: 'x' })));
    const batches = await Promise.all(watches.map((watch) => watch.next()));
    const keys = batches.map((batch) => batch?.events.map((event) => event.type === 'put' && event.keyValue.key));
    assert.deepEqual(keys, [['/w/a1', '/w/a2'], ['/w/b1'], ['/w/a1', '/w/b1', '/w/a2']]);
    assert.ok(batches.every((batch) => batch?.revision === store.revision()));
    for (const watch of watches) watch.stop();
  });

  it('refuses a revision that has not happened', async () => {
    const { store } = use();
    await rejects(new WatchReader(store, '', store.revision() + 1).next(), 'future-revision');
  });

  it('ends when its signal aborts and when the store closes', async () => {
    const { store } = use();
    const [aborted, closed] = [1, 2].map(() => new WatchReader(store, '/w/', store.revision()));
    await aborted?.next();
    await closed?.next();
    const waiting = [aborted?.next(), closed?.next()];
    aborted?.stop();
    assert.equal(await waiting[0], undefined);
    await store.close();
    assert.equal(await waiting[1], undefined);
  });

  it('drops a watcher that does not read, and others go on', async () => {
    const { store } = use();
    const [slow, quick] = [1, 2].map(() => new WatchReader(store, '/w/', store.revision()));
    await slow?.next();
    await quick?.next();
    const limit = 10_000;
    let seen = 0;
    for (let sent = 0; sent < limit; sent += 500) {
      await Promise.all(
        Array.from({ length: 500 }, () => store.write({ key: '/w/a', value: 'x', durability: 'memory' })),
      );
      seen += (await quick?.events(500))?.length ?? 0;
      if (sent > 0) assert.equal(seen, sent + 500);
    }
    await rejects(drain(slow), 'slow-watcher');
    quick?.stop();
  });
}

function compactionContract(use: Use): void {
  it('forgets history and keeps what is present', async () => {
    const { store } = use();
    const start = store.revision();
    const states = await writeRandomly(store, 80);
    const revisions = [...states.keys()];
    const target = revisions[40] ?? 0;
    const rest = await readHistory(store, '/r/', target);
    await store.compact(target);
    for (const [revision, state] of states) {
      if (revision < target) await rejects(store.list({ prefix: '/r/', revision }), 'compacted');
      else assert.deepEqual((await store.list({ prefix: '/r/', revision })).items, state, `state at ${revision}`);
    }
    await rejects(readHistory(store, '/r/', start), 'compacted');
    await rejects(readHistory(store, '/r/', target - 1), 'compacted');
    assert.deepEqual(await readHistory(store, '/r/', target), rest);
  });

  it('may be repeated, may go back, may not go ahead', async () => {
    const { store } = use();
    await writeRandomly(store, 20);
    const revision = store.revision();
    await store.compact(revision);
    await store.compact(revision);
    await store.compact(revision - 5);
    await rejects(store.list({ prefix: '/r/', revision: revision - 1 }), 'compacted');
    await rejects(store.compact(revision + 1), 'future-revision');
  });

  it('goes on in slices beside writes', async () => {
    const { store } = use();
    await Promise.all(Array.from({ length: 3000 }, (_, i) => store.write({ key: `/w/${i % 100}`, value: `${i}` })));
    const target = store.revision();
    const compacting = store.compact(target);
    for (let i = 0; i < 20; i++) await put(store, `/w/${i}`, 'new');
    await compacting;
    const { items } = await store.list({ prefix: '/w/' });
    assert.equal(items.length, 100);
    assert.equal(items.filter(({ value }) => value === 'new').length, 20);
    assert.equal((await readHistory(store, '/w/', target)).length, 20);
  });

  it('survives a restart, and so do the revisions when the newest change was a deletion', async () => {
    const fixture = use();
    await put(fixture.store, '/a', 'one');
    await fixture.store.write({ key: '/a', value: undefined });
    const revision = fixture.store.revision();
    await fixture.store.compact(revision);
    const store = await fixture.restart('crash');
    assert.ok(store.revision() >= revision);
    await rejects(store.list({ prefix: '', revision: revision - 1 }), 'compacted');
  });
}

function memoryContract(use: Use): void {
  it('are read, listed, compared and watched like any other', async () => {
    const { store } = use();
    const start = store.revision();
    await put(store, '/m/b', 'disk');
    const writes: Write[] = [
      { key: '/m/a', value: 'memory' },
      { key: '/m/b', value: 'over disk' },
      { key: '/m/c', value: 'short' },
      { key: '/m/c', value: undefined },
    ];
    for (const write of writes) assert.equal((await store.write({ ...write, durability: 'memory' })).ok, true);
    assert.equal((await store.get('/m/b'))?.createRevision, start + 1);
    assert.deepEqual(
      (await store.list({ prefix: '/m/' })).items.map(({ value }) => value),
      ['memory', 'over disk'],
    );
    const stale = await store.write({ key: '/m/b', value: 'no', expectedRevision: start + 1 });
    assert.equal(!stale.ok && stale.current?.value, 'over disk');
    const events = await readHistory(store, '/m/', start);
    const expected = ['put /m/b disk was -', 'put /m/a memory was -', 'put /m/b over disk was disk'];
    assert.deepEqual(events.map(summary), [...expected, 'put /m/c short was -', 'delete /m/c was short']);
  });

  it('give way to a later disk write', async () => {
    const fixture = use();
    await fixture.store.write({ key: '/m/a', value: 'memory', durability: 'memory' });
    await put(fixture.store, '/m/a', 'disk');
    assert.equal((await (await fixture.restart('crash')).get('/m/a'))?.value, 'disk');
  });

  it('may hide a key until the restart', async () => {
    const { store } = use();
    await put(store, '/m/a', 'disk');
    await store.write({ key: '/m/a', value: undefined, durability: 'memory' });
    assert.equal(await store.get('/m/a'), undefined);
    assert.deepEqual((await store.list({ prefix: '/m/' })).items, []);
    const again = await put(store, '/m/a', 'anew');
    assert.equal((await store.get('/m/a'))?.createRevision, again);
  });

  for (const how of ['clean', 'crash'] as const) {
    it(`are lost at a ${how} restart at most: revisions go on, and no watcher keeps what vanished`, async () => {
      const fixture = use();
      const before = fixture.store;
      await put(before, '/m/a', 'disk');
      await before.write({ key: '/m/a', value: 'memory', durability: 'memory' });
      await before.write({ key: '/m/b', value: 'memory', durability: 'memory' });
      const seen = before.revision();
      const known = await before.list({ prefix: '/m/' });
      const store = await fixture.restart(how);
      assert.ok(store.revision() >= seen, 'revisions never go back');
      const now = await store.list({ prefix: '/m/' });
      const lost = JSON.stringify(now.items) !== JSON.stringify(known.items);
      if (lost) await rejects(readHistory(store, '/m/', seen), 'compacted');
      assert.ok((await put(store, '/m/c', 'x')) > seen);
    });
  }
}

function lifeContract(use: Use): void {
  for (const how of ['clean', 'crash'] as const) {
    it(`keeps what it acknowledged over a ${how} restart, and watchers resume`, async () => {
      const fixture = use();
      const start = fixture.store.revision();
      const states = await writeRandomly(fixture.store, 50, 'disk');
      const events = await readHistory(fixture.store, '/r/', start);
      const store = await fixture.restart(how);
      assert.ok(store.revision() >= [...states.keys()].length);
      assert.deepEqual(await readHistory(store, '/r/', start), events);
      for (const [revision, state] of states) {
        assert.deepEqual((await store.list({ prefix: '/r/', revision })).items, state);
      }
    });
  }

  it('copies itself into a snapshot while writes go on', async () => {
    const fixture = use();
    const { store } = fixture;
    await Promise.all(Array.from({ length: 2000 }, (_, i) => store.write({ key: `/s/${i}`, value: 'x'.repeat(500) })));
    const before = store.revision();
    const copying = store.snapshot(fixture.snapshotPath);
    for (let i = 0; i < 200; i++) await put(store, '/s/counter', `${i}`);
    await copying;
    const copy = await fixture.openSnapshot();
    const revision = copy.revision();
    assert.ok(revision >= before && revision <= store.revision());
    assert.deepEqual((await copy.list({ prefix: '/s/' })).items, (await store.list({ prefix: '/s/', revision })).items);
  });

  it('refuses everything once closed', async () => {
    const { store } = use();
    const accepted = store.write({ key: '/a', value: 'x' });
    await store.close();
    await store.close();
    assert.equal((await accepted).ok, true, 'what was accepted before is committed');
    await rejects(store.get('/a'), 'closed');
    await rejects(store.list({ prefix: '' }), 'closed');
    await rejects(store.write({ key: '/a', value: 'y' }), 'closed');
    await rejects(store.compact(1), 'closed');
    await rejects(store.snapshot('/nowhere'), 'closed');
    await rejects(new WatchReader(store, '', 0).next(), 'closed');
  });
}

async function put(store: Store, key: string, value: string): Promise<number> {
  const result = await store.write({ key, value });
  assert.ok(result.ok);
  return result.revision;
}

/** Changes keys under `/p/` before and behind the reader of pages: values, deletions, new keys, on disk and in memory. */
async function disturb(store: Store, round: number): Promise<void> {
  const name = (index: number): string => `/p/${String.fromCharCode(97 + (index % 25))}`;
  await store.write({ key: name(round * 7), value: 'new' });
  await store.write({ key: name(round * 5 + 1), value: 'new', durability: 'memory' });
  await store.write({ key: name(round * 3 + 2), value: undefined });
  await store.write({ key: name(round * 11 + 3), value: undefined, durability: 'memory' });
  await store.write({ key: `${name(round)}-new`, value: 'new' });
}

/** `count` changes of a few keys under `/r/`, each its own commit; the state after each, by revision. */
async function writeRandomly(store: Store, count: number, only?: 'disk'): Promise<Map<number, KeyValue[]>> {
  const states = new Map<number, KeyValue[]>();
  const state = new Map<string, KeyValue>();
  for (let i = 0; states.size < count; i++) {
    const key = `/r/${(i * i + 3 * i) % 11}`;
    const value = i % 4 === 3 ? undefined : `v${i}`;
    const durability = only ?? (i % 5 === 2 ? 'memory' : 'disk');
    const result = await store.write({ key, value, durability });
    assert.ok(result.ok);
    assert.deepEqual(result.previous, state.get(key));
    if (value === undefined && result.previous === undefined) continue;
    const { revision } = result;
    if (value === undefined) state.delete(key);
    else
      state.set(key, {
        key,
        value,
        modRevision: revision,
        createRevision: result.previous?.createRevision ?? revision,
      });
    states.set(
      revision,
      [...state.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
  }
  return states;
}

function keysOf(items: readonly KeyValue[]): string[] {
  return items.map(({ key }) => key);
}

function revisionOfEvent(event: StoreEvent): number {
  return event.type === 'put' ? event.keyValue.modRevision : event.revision;
}

function summary(event: StoreEvent): string {
  const previous = event.previous?.value ?? '-';
  if (event.type === 'delete') return `delete ${event.key} was ${previous}`;
  return `put ${event.keyValue.key} ${event.keyValue.value} was ${previous}`;
}

async function drain(watch: WatchReader | undefined): Promise<void> {
  while ((await watch?.next()) !== undefined);
}

async function rejects(promise: Promise<unknown>, reason: StoreErrorReason): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.equal(error.reason, reason);
    return true;
  });
}
