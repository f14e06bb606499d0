/** What readers are told: entries, numbered changes, and who is dropped. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DeltaLog, MAX_DELTA_BYTES, MAX_DELTAS } from '../../../master/status-page/live/delta-log.ts';
import { EntrySet, renderSet } from '../../../master/status-page/live/entry-set.ts';
import { type Message, Store } from '../../../master/status-page/page/store.ts';
import { computePod } from '../../../master/status-page/views/pod.ts';
import type { EntryView, PodView } from '../../../master/status-page/views/view-types.ts';
import { pod } from './objects.ts';

describe('entries', () => {
  test('only what looks another way is told', () => {
    const entries = new EntrySet();
    const world = new Map<string, EntryView>([['pod/a/b', computePod(pod('b'))]]);
    const refresh = () => entries.refresh((key) => world.get(key));
    entries.mark('pod/a/b');
    assert.deepEqual([...(refresh()?.set.keys() ?? [])], ['pod/a/b']);
    entries.mark('pod/a/b');
    world.set('pod/a/b', computePod(pod('b')));
    assert.equal(refresh(), undefined);
    world.delete('pod/a/b');
    entries.mark('pod/a/b');
    entries.mark('pod/a/never');
    assert.deepEqual(refresh()?.remove, ['pod/a/b']);
  });
  test('texts become one object', () => {
    assert.deepEqual(
      JSON.parse(
        renderSet([
          ['a"', '{"x":1}'],
          ['b', '[]'],
        ]),
      ),
      { 'a"': { x: 1 }, b: [] },
    );
  });
});

describe('the log of changes', () => {
  test('goes on after a number, says when it is gone', () => {
    const log = new DeltaLog();
    for (let index = 0; index < MAX_DELTAS + 10; index += 1) log.append((sequence) => `${sequence}`);
    assert.equal(log.after(log.sequence), 'none');
    assert.deepEqual(log.after(log.sequence - 1), { sequence: log.sequence, text: `${log.sequence}` });
    assert.deepEqual(log.after(10), { sequence: 11, text: '11' });
    assert.equal(log.after(9), 'gone');
    assert.equal(log.after(log.sequence + 5), 'gone');
  });
  test('is bounded in bytes too', () => {
    const log = new DeltaLog();
    const text = 'x'.repeat(MAX_DELTA_BYTES / 2);
    for (let index = 0; index < 4; index += 1) log.append(() => text);
    assert.equal(log.after(1), 'gone');
    assert.notEqual(log.after(3), 'gone');
  });
});

describe('the store of the page', () => {
  const view = (name: string): PodView => computePod(pod(name));
  const load = (store: Store, sequence: number, names: string[]): void => {
    const messages: Message[] = [
      { type: 'reset', epoch: 'e', sequence, nowMs: 1_000 },
      { type: 'part', set: Object.fromEntries(names.map((name) => [`pod/default/${name}`, view(name)])) },
      { type: 'ready' },
    ];
    for (const message of messages) store.take(message, 0);
  };
  const delta = (sequence: number, set: Record<string, EntryView>, remove: string[] = []): Message => ({
    ...{ type: 'delta', sequence, nowMs: 2_000, set, remove },
  });
  test('a load replaces all at once', () => {
    const store = new Store();
    load(store, 3, ['a', 'b']);
    store.take({ type: 'reset', epoch: 'f', sequence: 9, nowMs: 1 }, 0);
    store.take({ type: 'part', set: { 'pod/default/c': view('c') } }, 0);
    assert.equal(store.all('pod').size, 2);
    assert.equal(store.take({ type: 'ready' }, 0), 'changed');
    assert.deepEqual([...store.all('pod').keys()], ['pod/default/c']);
    assert.equal(store.since, 'f.9');
  });
  test('changes in their order, a gap is broken', () => {
    const store = new Store();
    load(store, 3, ['a']);
    assert.equal(store.take(delta(4, { 'pod/default/b': view('b') }, ['pod/default/a']), 5), 'changed');
    assert.deepEqual([...store.all('pod').keys()], ['pod/default/b']);
    assert.equal(store.since, 'e.4');
    assert.equal(store.take(delta(6, {}), 5), 'broken');
    assert.equal(store.heardMs, 5);
    assert.equal(store.masterMs(105), 2_100);
  });
  test('resuming keeps what is there', () => {
    const store = new Store();
    load(store, 3, ['a']);
    store.take({ type: 'resume', epoch: 'e', sequence: 3, nowMs: 1 }, 0);
    assert.equal(store.take({ type: 'ready' }, 0), 'same');
    assert.equal(store.all('pod').size, 1);
    assert.equal(store.take(delta(4, {}), 0), 'changed');
  });
});
