/** Watches: order, selectors, first states, bookmarks, tables, and how they end. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ACCEPT, type Any, type ApiFixture, CONFIG_MAPS, configMap, PODS, pod, startApi } from './api-fixture.ts';

let api: ApiFixture;
before(async () => {
  api = await startApi();
});
after(() => api.stop());

const brief = (event: Any): [string, string] => [event.type, event.object.metadata.name];

async function bind(name: string, node: string): Promise<void> {
  const binding = { metadata: { name }, target: { kind: 'Node', name: node } };
  assert.equal((await api.post(`${PODS}/${name}/binding`, binding)).code, 201);
}

test('changes after a revision, each once and in order', async () => {
  const { body: before } = await api.post(CONFIG_MAPS, configMap('w0'));
  const revision = before.metadata.resourceVersion;
  await api.post(CONFIG_MAPS, configMap('w1'));
  const watch = await api.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${revision}`);
  await api.patch(`${CONFIG_MAPS}/w1`, 'merge', { data: { a: '1' } });
  const { body: deleted } = await api.delete(`${CONFIG_MAPS}/w1`);
  assert.equal(deleted.status, 'Success');
  await api.post(CONFIG_MAPS, configMap('w2'));
  const events = await watch.take(4);
  assert.deepEqual(events.map(brief), [
    ['ADDED', 'w1'],
    ['MODIFIED', 'w1'],
    ['DELETED', 'w1'],
    ['ADDED', 'w2'],
  ]);
  const revisions = events.map((event) => Number(event.object.metadata.resourceVersion));
  assert.deepEqual(
    revisions,
    [...revisions].sort((a, b) => a - b),
  );
  assert.equal(new Set(revisions).size, 4);
  await watch.stop();
});

test('without a revision the present objects come first, also for zero', async () => {
  for (const query of ['watch=1', 'watch=true&resourceVersion=0']) {
    const watch = await api.watch(`${CONFIG_MAPS}?${query}&fieldSelector=metadata.name%3Dw0`);
    assert.deepEqual(brief(await watch.next()), ['ADDED', 'w0']);
    await api.patch(`${CONFIG_MAPS}/w0`, 'merge', { data: { [`k${query.length}`]: 'x' } });
    assert.deepEqual(brief(await watch.next()), ['MODIFIED', 'w0']);
    await watch.stop();
  }
});

test('an object that begins or ceases to match is ADDED or DELETED', async () => {
  await api.post(CONFIG_MAPS, configMap('moving'));
  const watch = await api.watch(
    `${CONFIG_MAPS}?watch=true&labelSelector=in%3Dyes&resourceVersion=${api.store.revision()}`,
  );
  const label = (value: string | null) =>
    api.patch(`${CONFIG_MAPS}/moving`, 'merge', { metadata: { labels: { in: value } } });
  await label('yes');
  await api.patch(`${CONFIG_MAPS}/moving`, 'merge', { data: { a: 'b' } });
  const { body: left } = await label(null);
  await label('yes');
  const events = await watch.take(4);
  assert.deepEqual(events.map(brief), [
    ['ADDED', 'moving'],
    ['MODIFIED', 'moving'],
    ['DELETED', 'moving'],
    ['ADDED', 'moving'],
  ]);
  // The last state that this watcher knew, at the revision of the change.
  assert.deepEqual(events[2].object.metadata.labels, { in: 'yes' });
  assert.equal(events[2].object.metadata.resourceVersion, left.metadata.resourceVersion);
  await watch.stop();
});

test('the pods of one node: a kubelet’s watch', async () => {
  const watch = await api.watch(
    `/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Dn1&resourceVersion=${api.store.revision()}`,
  );
  for (const name of ['k1', 'k2']) await api.post(PODS, pod(name));
  await bind('k2', 'n2');
  await bind('k1', 'n1');
  await api.patch(`${PODS}/k2/status`, 'merge', { status: { phase: 'Running' } });
  await api.patch(`${PODS}/k1/status`, 'merge', { status: { phase: 'Running' } });
  assert.deepEqual((await watch.take(2)).map(brief), [
    ['ADDED', 'k1'],
    ['MODIFIED', 'k1'],
  ]);
  await watch.stop();
});

test('two watches share the values of their events', async () => {
  const path = `${CONFIG_MAPS}?watch=true&resourceVersion=${api.store.revision()}`;
  const [one, two] = [await api.watch(path), await api.watch(path)];
  const waiting = Promise.all([one.next(), two.next()]);
  await api.post(CONFIG_MAPS, configMap('shared'));
  const [first, second] = await waiting;
  assert.equal(first, second);
  await one.stop();
  await two.stop();
});

test('a WatchList ends its first state with an annotated bookmark', async () => {
  await api.post(PODS, pod('listed'));
  const query =
    'allowWatchBookmarks=true&fieldSelector=metadata.name%3Dlisted&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&timeoutSeconds=60&watch=true';
  const watch = await api.watch(`${PODS}?${query}`);
  assert.deepEqual(brief(await watch.next()), ['ADDED', 'listed']);
  const bookmark = await watch.next();
  assert.deepEqual([bookmark.type, bookmark.object.kind, bookmark.object.apiVersion], ['BOOKMARK', 'Pod', 'v1']);
  assert.deepEqual(bookmark.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' });
  assert.equal(bookmark.object.metadata.resourceVersion, String(api.store.revision()));
  await api.delete(`${PODS}/listed`);
  assert.deepEqual(brief(await watch.next()), ['DELETED', 'listed']);
  await watch.stop();
});

test('a WatchList must say how its revision is meant', async () => {
  const { code, body } = await api.get(`${PODS}?watch=true&sendInitialEvents=true`);
  assert.deepEqual([code, body.reason], [422, 'Invalid']);
});

test('bookmarks tell quiet watchers how far the cluster has come', async () => {
  const watch = await api.watch(
    `${CONFIG_MAPS}?watch=true&allowWatchBookmarks=true&resourceVersion=${api.store.revision()}`,
  );
  const waiting = watch.next();
  await api.clock.settle();
  await api.post(PODS, pod('elsewhere'));
  const revision = api.store.revision();
  await api.clock.advance(130_000);
  const bookmark = await waiting;
  assert.deepEqual([bookmark.type, bookmark.object.metadata.resourceVersion], ['BOOKMARK', String(revision)]);
  await watch.stop();
});

test('tables: one row an event, columns in the first only', async () => {
  const watch = await api.watch(`${PODS}?watch=true&resourceVersion=${api.store.revision()}`, { accept: ACCEPT.table });
  await api.post(PODS, pod('row'));
  await bind('row', 'n1');
  const [added, modified] = await watch.take(2);
  assert.deepEqual([added.type, added.object.kind, added.object.rows[0].cells[0]], ['ADDED', 'Table', 'row']);
  assert.ok(added.object.columnDefinitions.length > 0);
  assert.deepEqual([modified.type, modified.object.columnDefinitions], ['MODIFIED', []]);
  assert.equal(modified.object.rows[0].object.kind, 'PartialObjectMetadata');
  await watch.stop();
});

test('a watch ends after its time', async () => {
  const watch = await api.watch(`${PODS}?watch=true&timeoutSeconds=5&resourceVersion=${api.store.revision()}`);
  const end = watch.next();
  await api.clock.advance(5_001);
  assert.equal(await end, undefined);
});

test('a revision that is compacted away, or has not happened, is Expired', async () => {
  await api.patch(`${CONFIG_MAPS}/w0`, 'merge', { data: { compacted: 'soon' } });
  const old = api.store.revision() - 1;
  await api.store.compact(api.store.revision());
  // Beyond the history in memory too.
  for (let index = 0; index < 600; index += 1) {
    await api.patch(`${CONFIG_MAPS}/w0`, 'merge', { data: { n: String(index) } });
  }
  for (const revision of [old, 10_000_000]) {
    const watch = await api.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${revision}`);
    const event = await watch.next();
    assert.deepEqual(
      [event?.type, event?.object.code, event?.object.reason],
      ['ERROR', 410, 'Expired'],
      String(revision),
    );
    assert.equal(await watch.next(), undefined);
  }
});

test('a watch resumes from the store’s history, then goes on live', async () => {
  const revision = api.store.revision();
  for (let index = 0; index < 700; index += 1) {
    await api.patch(`${CONFIG_MAPS}/w0`, 'merge', { data: { m: String(index) } });
  }
  const watch = await api.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${revision}`);
  const seen = (await watch.take(700)).map((event) => event.object.data.m);
  assert.deepEqual(
    seen,
    Array.from({ length: 700 }, (_, index) => String(index)),
  );
  await api.patch(`${CONFIG_MAPS}/w0`, 'merge', { data: { m: 'live' } });
  assert.equal((await watch.next()).object.data.m, 'live');
  await watch.stop();
});

test('a watch ends with the server', async () => {
  const own = await startApi();
  const watch = await own.watch(`${PODS}?watch=true`);
  const end = watch.next();
  await own.clock.settle();
  await own.server.stop();
  assert.equal(await end, undefined);
  const late = await own.watch(`${PODS}?watch=true&resourceVersion=1`);
  assert.equal(await late.next(), undefined);
  await own.store.close();
});
