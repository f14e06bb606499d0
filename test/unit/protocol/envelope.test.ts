/** Reading envelopes that anybody may have sent, topic filters, join tokens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ClientFrame, EnvelopeError, encodeFrame, type ServerFrame } from '../../../shared/protocol/envelope.ts';
import {
  checkCaHash,
  computeCaHash,
  formatJoinToken,
  JoinTokenError,
  parseJoinToken,
} from '../../../shared/protocol/join-token.ts';
import { MAX_ENVELOPE_BYTES } from '../../../shared/protocol/limits.ts';
import { parseClientFrame, parseServerFrame } from '../../../shared/protocol/parse-envelope.ts';
import { filterMatches, isValidFilter } from '../../../shared/protocol/topic-filter.ts';

const seed = 20_260_101;

test('what is encoded is read back', () => {
  const id = fc.string({ minLength: 1, maxLength: 100 });
  const count = fc.nat();
  const clientFrame: fc.Arbitrary<ClientFrame> = fc.oneof(
    fc.record({ type: fc.constant('cancel' as const), id }),
    fc.record({ type: fc.constant('credit' as const), id, upTo: count, probe: fc.boolean() }),
    fc.record({ type: fc.constant('item' as const), id, seq: count, channel: fc.nat(255), data: fc.base64String() }),
    fc.record({
      type: fc.constant('request' as const),
      id,
      method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
      path: fc.constant('/api/v1/pods'),
      query: fc.dictionary(fc.string(), fc.array(fc.string())),
      headers: fc.dictionary(fc.constantFrom('accept', 'content-type'), fc.string()),
      body: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))),
      window: count,
    }),
  );
  fc.assert(
    fc.property(clientFrame, (frame) =>
      assert.deepEqual(parseClientFrame(encodeFrame(frame)), JSON.parse(JSON.stringify(frame))),
    ),
    { seed },
  );
  const frames: ServerFrame[] = [
    { type: 'response', id: '1', code: 200, headers: { warning: 'x' }, body: { a: [1, null] } },
    { type: 'stream', id: '1', stream: 'channels', code: 101, window: 64 },
    { type: 'item', id: '1', seq: 3, event: null },
    { type: 'item', id: '1', seq: 3, channel: 3, close: true },
    { type: 'item', id: '1', seq: 3, data: 'AA==' },
    { type: 'position', id: '1', seq: 9, upTo: 70 },
    { type: 'end', id: '1', seq: 9 },
  ];
  for (const frame of frames) assert.deepEqual(parseServerFrame(encodeFrame(frame)), frame);
});

test('garbage is an EnvelopeError, never anything else', () => {
  const shapes = fc.object({ key: fc.constantFrom('type', 'id', 'method', 'path', 'query', 'seq', 'channel', 'body') });
  const payload = fc.oneof(
    fc.uint8Array(),
    shapes.map((value) => Buffer.from(JSON.stringify(value) ?? '')),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  );
  fc.assert(
    fc.property(payload, (bytes) => {
      for (const parse of [parseClientFrame, parseServerFrame]) {
        try {
          parse(bytes);
        } catch (error) {
          assert(error instanceof EnvelopeError);
        }
      }
    }),
    { seed, numRuns: 500 },
  );
});

test('a request is short to type', () => {
  const frame = parseClientFrame(
    Buffer.from('{"id":"1","method":"GET","path":"/api/v1/pods?labelSelector=app%3Dweb&x=1&x=2","query":{"limit":5}}'),
  );
  assert.deepEqual(frame, {
    type: 'request',
    id: '1',
    method: 'GET',
    path: '/api/v1/pods',
    query: { labelSelector: ['app=web'], x: ['1', '2'], limit: ['5'] },
    headers: {},
  });
});

test('complaints name the frame where they can, and the bound is kept', () => {
  const failure = (text: string): EnvelopeError => {
    try {
      parseClientFrame(Buffer.from(text));
    } catch (error) {
      assert(error instanceof EnvelopeError);
      return error;
    }
    throw new Error(`${text} was accepted`);
  };
  assert.equal(failure('{"id":"a","method":"GET","path":"pods"}').id, 'a');
  assert.equal(failure('{"id":"a","method":"GET","path":"/","body":1,"bodyBase64":"AA=="}').id, 'a');
  assert.equal(failure('{"id":"a","type":"item","seq":-1,"channel":0,"data":""}').id, 'a');
  assert.equal(failure('{"id":"a","type":"item","seq":1,"channel":256,"data":""}').id, 'a');
  assert.equal(failure('{"id":5}').id, undefined);
  assert.equal(failure('[]').id, undefined);
  assert.equal(failure(`"${'x'.repeat(MAX_ENVELOPE_BYTES)}"`).reason, 'too-large');
});

test('topic filters match as MQTT says', () => {
  const table: [string, string, boolean][] = [
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/c', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a', false],
    ['a/+', 'a/', true],
    ['a/+/c', 'a/b/c', true],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['#', 'a/b', true],
    ['+', '/a', false],
    ['+/+', '/a', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
  ];
  for (const [filter, topic, expected] of table)
    assert.equal(filterMatches(filter, topic), expected, `${filter} ${topic}`);
  for (const filter of ['a/#', '#', '+', '+/a', '/']) assert(isValidFilter(filter), filter);
  for (const filter of ['', 'a#', 'a/#/b', 'a+', 'a/+b', '\0']) assert(!isValidFilter(filter), filter);
});

test('join tokens are read, written and checked against a CA', () => {
  const der = Buffer.from('a certificate');
  const token = { caHash: computeCaHash(der), id: 'abcdef', secret: 'fedcba9876543210' };
  const text = formatJoinToken(token);
  assert.deepEqual(parseJoinToken(` ${text}\n`), token);
  checkCaHash(token, der);
  assert.throws(
    () => checkCaHash(token, Buffer.from('another')),
    (error) => error instanceof JoinTokenError && error.reason === 'wrong-ca',
  );
  for (const bad of [
    '',
    'abcdef.0123456789abcdef',
    text.slice(0, -1),
    text.replace('bramble', 'brambel'),
    `${text}:x`,
  ]) {
    assert.throws(
      () => parseJoinToken(bad),
      (error) =>
        error instanceof JoinTokenError && error.reason === 'malformed' && !error.message.includes(token.secret),
    );
  }
});
