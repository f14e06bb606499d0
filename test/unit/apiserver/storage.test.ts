/** The object cache, the event queue, continue tokens: small parts with sharp edges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeContinue, encodeContinue } from '../../../master/apiserver/registry/continue-token.ts';
import type { ApiObject } from '../../../master/apiserver/storage/api-object.ts';
import { EventQueue } from '../../../master/apiserver/storage/event-queue.ts';
import { ObjectCache, serializeObject } from '../../../master/apiserver/storage/object-cache.ts';

const KEY = '/core/configmaps/default/a';

function stored(
  modRevision: number,
  text = 'x',
): { key: string; value: string; modRevision: number; createRevision: number } {
  const metadata = { name: 'a', uid: 'u', creationTimestamp: '' };
  const value = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, text });
  return { key: KEY, value, modRevision, createRevision: 1 };
}

test('a value is parsed once a revision, and its revision is in its metadata', () => {
  const cache = new ObjectCache();
  const first = cache.read(stored(3));
  assert.equal(first.metadata.resourceVersion, '3');
  assert.equal(cache.read(stored(3)), first);
  const second = cache.read(stored(4));
  assert.notEqual(second, first);
  assert.equal(cache.read(stored(3)), first, 'the state before is kept for watches');
  cache.read(stored(2));
  assert.equal(cache.read(stored(4)), second, 'the past does not push out the present');
});

test('what a write stages is given out without being parsed', () => {
  const cache = new ObjectCache();
  const { value } = stored(1);
  const object: ApiObject = JSON.parse(value);
  cache.stage(KEY, value, object);
  const read = cache.read({ ...stored(9), value });
  assert.equal(read.metadata.resourceVersion, '9');
  assert.equal(object.metadata.resourceVersion, undefined, 'the staged object stays as it is');
  assert.equal(serializeObject(read), value);
});

test('the cache is bounded by the length of its values', () => {
  const size = stored(1).value.length;
  const cache = new ObjectCache(3 * size);
  for (let index = 0; index < 10; index += 1) cache.read({ ...stored(index + 1), key: `${KEY}${index}` });
  assert.equal(cache.size, 3);
  cache.forget(`${KEY}9`);
  assert.equal(cache.size, 2);
});

test('a queue gives in order, and ends when it is full or closed', async () => {
  const queue = new EventQueue<number>(2);
  const waiting = queue.next();
  queue.push(1);
  assert.equal(await waiting, 1);
  for (const item of [2, 3, 4]) queue.push(item);
  assert.deepEqual([await queue.next(), await queue.next(), await queue.next()], [2, 3, undefined]);
  const closed = new EventQueue<number>(2);
  const end = closed.next();
  closed.close();
  assert.equal(await end, undefined);
});

test('continue tokens read back what they say, and nothing else is a token', () => {
  fc.assert(
    fc.property(fc.record({ revision: fc.nat(), startAfter: fc.string() }, { noNullPrototype: true }), (token) => {
      assert.deepEqual(decodeContinue(encodeContinue(token)), token);
    }),
    { seed: 3 },
  );
  for (const text of [
    '',
    'x',
    Buffer.from('{}').toString('base64url'),
    Buffer.from('{"v":"bramble/v1","rv":-1,"start":""}').toString('base64url'),
  ]) {
    assert.throws(() => decodeContinue(text), /continue key is not valid/);
  }
});
