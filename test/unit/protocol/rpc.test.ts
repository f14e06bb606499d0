/** The RPC contract over a link without faults, and over one that breaks at a chosen moment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatusError, notFound, StatusError } from '../../../shared/machinery/errors.ts';
import type { Channels, Request, Response } from '../../../shared/protocol/exchange.ts';
import { objectResponse } from '../../../shared/protocol/exchange.ts';
import {
  CALL_TIMEOUT_MS,
  MAX_ENVELOPE_BYTES,
  SILENCE_LIMIT_MS,
  WINDOW_FRAMES,
} from '../../../shared/protocol/limits.ts';
import { topics } from '../../../shared/protocol/topics.ts';
import { createHarness, get, settleWithin } from './rpc-harness.ts';

const unavailable = (error: unknown): boolean => isStatusError(error, 'ServiceUnavailable');

test('a request arrives as it was sent, and its answer as it was given', async () => {
  const seen: Request[] = [];
  const { client, clock } = await createHarness({
    handler: async (request, clientId) => {
      seen.push(request);
      return { ...objectResponse({ clientId, body: request.body ?? null }, 201), headers: { warning: '299 - "old"' } };
    },
  });
  const call = client.call(
    get('/api/v1/pods', {
      method: 'POST',
      query: { command: ['ls', '-l'] },
      headers: { accept: 'application/json' },
      body: { name: 'a' },
    }),
  );
  const answer = await settleWithin(clock, 0, call);
  assert.deepEqual(answer, {
    type: 'object',
    code: 201,
    headers: { warning: '299 - "old"' },
    body: { clientId: 'phone', body: { name: 'a' } },
  });
  assert.deepEqual(seen[0]?.query, { command: ['ls', '-l'] });
  assert.deepEqual(seen[0]?.headers, { accept: 'application/json' });
});

test('bytes travel as bytes', async () => {
  const { client, clock } = await createHarness({
    handler: async ({ body }) => objectResponse(body instanceof Uint8Array ? [...body] : 'no bytes'),
  });
  const answer = await settleWithin(
    clock,
    0,
    client.call(get('/x', { method: 'PUT', body: Uint8Array.of(0, 255, 7) })),
  );
  assert.deepEqual(answer.type === 'object' && answer.body, [0, 255, 7]);
});

test('an error of the handler rejects at the caller with the same reason, message and details', async () => {
  const { client, clock } = await createHarness({
    handler: async () => {
      throw notFound({ group: 'apps', plural: 'deployments' }, 'web');
    },
  });
  await assert.rejects(settleWithin(clock, 0, client.call(get('/x'))), (error) => {
    assert(error instanceof StatusError);
    assert.deepEqual(error.status, notFound({ group: 'apps', plural: 'deployments' }, 'web').status);
    return true;
  });
});

test('a programmer error of the handler does not leak its text', async () => {
  const { client, clock } = await createHarness({
    handler: async () => {
      throw new Error('secret detail');
    },
  });
  await assert.rejects(settleWithin(clock, 0, client.call(get('/x'))), (error) => {
    assert(isStatusError(error, 'InternalError'));
    assert(!error.message.includes('secret'));
    return true;
  });
});

test('an answer of several megabytes comes in pieces and is whole again', async () => {
  const body = { items: Array.from({ length: 20_000 }, (_, index) => ({ index, text: 'ä'.repeat(60) })) };
  const { client, clock } = await createHarness({ handler: async () => objectResponse(body) });
  const answer = await settleWithin(clock, 0, client.call(get('/x')));
  assert.deepEqual(answer.type === 'object' && answer.body, body);
});

test('a request beyond the bound is refused before it is sent', async () => {
  const { client } = await createHarness({ handler: async () => objectResponse({}) });
  const body = 'x'.repeat(MAX_ENVELOPE_BYTES);
  await assert.rejects(client.call(get('/x', { method: 'PUT', body })), (error) =>
    isStatusError(error, 'RequestEntityTooLarge'),
  );
});

async function* count(upTo: number, onPull: (n: number) => void = () => undefined): AsyncGenerator<number> {
  for (let n = 1; n <= upTo; n += 1) {
    onPull(n);
    yield n;
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function eventsOf(response: Response): AsyncIterable<unknown> {
  assert.equal(response.type, 'events');
  assert(response.type === 'events');
  return response.events;
}

test('a stream of events arrives whole, in order, through many windows', async () => {
  const { client, clock } = await createHarness({
    handler: async () => ({ type: 'events', code: 200, events: count(1_000) }),
  });
  const answer = await settleWithin(clock, 0, client.call(get('/watch')));
  const all = await settleWithin(clock, 0, collect(eventsOf(answer)));
  assert.deepEqual(
    all,
    Array.from({ length: 1_000 }, (_, index) => index + 1),
  );
});

test('a reader that does not read holds the sender at the window', async () => {
  let pulled = 0;
  const { client, clock } = await createHarness({
    handler: async () => ({
      type: 'events',
      code: 200,
      events: count(10_000, (n) => {
        pulled = n;
      }),
    }),
  });
  const answer = await settleWithin(clock, 0, client.call(get('/watch')));
  await clock.advance(1_000);
  assert(pulled <= WINDOW_FRAMES + 1, `${pulled} items were taken from the source`);
  const iterator = eventsOf(answer)[Symbol.asyncIterator]();
  for (let n = 1; n <= WINDOW_FRAMES; n += 1) await iterator.next();
  await clock.advance(1_000);
  assert(pulled > WINDOW_FRAMES + 1);
});

/** A source that never ends by itself and notes that it was let go. */
function endless(signal: AbortSignal, onEnd: () => void): AsyncIterable<unknown> {
  return (async function* () {
    try {
      yield 'first';
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    } finally {
      onEnd();
    }
  })();
}

test('leaving the loop, aborting the signal, or losing the link ends the source at the server', async (t) => {
  for (const how of ['return', 'return before reading', 'abort', 'cut'] as const) {
    await t.test(how, async () => {
      let ended = false;
      let aborted = false;
      const harness = await createHarness({
        handler: async ({ signal }) => {
          signal.addEventListener('abort', () => {
            aborted = true;
          });
          const events = endless(signal, () => {
            ended = true;
          });
          return { type: 'events', code: 200, events };
        },
      });
      const abort = new AbortController();
      const answer = await settleWithin(harness.clock, 0, harness.client.call(get('/watch', { signal: abort.signal })));
      await harness.clock.settle();
      const iterator = eventsOf(answer)[Symbol.asyncIterator]();
      if (how !== 'return before reading') assert.deepEqual(await iterator.next(), { done: false, value: 'first' });
      const next = how.startsWith('return') ? iterator.return?.() : iterator.next();
      if (how === 'abort') abort.abort();
      if (how === 'cut') harness.session.cut();
      if (how === 'cut') await assert.rejects(Promise.resolve(next), unavailable);
      else assert.equal((await next)?.done, true);
      await harness.clock.settle();
      assert(aborted);
      assert(ended);
    });
  }
});

test('a byte stream may be cut into other pieces but stays the same bytes', async () => {
  const bytes = Uint8Array.from({ length: 200_000 }, (_, index) => index % 251);
  const { client, clock } = await createHarness({
    handler: async () => ({
      type: 'bytes',
      code: 200,
      contentType: 'text/plain',
      chunks: (async function* () {
        yield bytes.subarray(0, 1);
        yield bytes.subarray(1);
      })(),
    }),
  });
  const answer = await settleWithin(clock, 0, client.call(get('/log')));
  assert(answer.type === 'bytes');
  assert.equal(answer.contentType, 'text/plain');
  assert.deepEqual(Buffer.concat(await settleWithin(clock, 0, collect(answer.chunks))), Buffer.from(bytes));
});

test('an error in the middle of a stream comes after what was sent before it', async () => {
  const { client, clock } = await createHarness({
    handler: async () => ({
      type: 'events',
      code: 200,
      events: (async function* () {
        yield 1;
        throw new StatusError('Expired', 'too old');
      })(),
    }),
  });
  const answer = await settleWithin(clock, 0, client.call(get('/watch')));
  const iterator = eventsOf(answer)[Symbol.asyncIterator]();
  assert.deepEqual(await iterator.next(), { done: false, value: 1 });
  await assert.rejects(iterator.next(), (error) => isStatusError(error, 'Expired'));
  assert.equal((await iterator.next()).done, true);
});

/** A door's side of channels in memory: what the handler sent is in `sent`. */
function memoryChannels(input: { channel: number; text?: string }[]) {
  const sent: string[] = [];
  const closed = Promise.withResolvers<void>();
  const channels: Channels = {
    incoming: (async function* () {
      for (const { channel, text } of input) {
        yield text === undefined ? { channel, close: true as const } : { channel, bytes: Buffer.from(text) };
      }
      await closed.promise;
    })(),
    async send(frame) {
      sent.push('close' in frame ? `${frame.channel} closed` : `${frame.channel} ${Buffer.from(frame.bytes)}`);
    },
    close: () => closed.resolve(),
  };
  return { channels, sent, hangUp: () => closed.resolve() };
}

test('channels go both ways, half-closes included, and end when the handler is done', async () => {
  const { client, clock } = await createHarness({
    handler: async () => ({
      type: 'channels',
      code: 101,
      async serve({ incoming, send }) {
        for await (const frame of incoming) {
          if ('close' in frame) break;
          await send({ channel: 1, bytes: Buffer.from(`echo ${Buffer.from(frame.bytes)}`) });
        }
        await send({ channel: 3, bytes: Buffer.from('{"status":"Success"}') });
      },
    }),
  });
  const answer = await settleWithin(clock, 0, client.call(get('/exec')));
  assert(answer.type === 'channels');
  const { channels, sent } = memoryChannels([{ channel: 0, text: 'a' }, { channel: 0, text: 'b' }, { channel: 0 }]);
  await settleWithin(clock, 0, answer.serve(channels));
  assert.deepEqual(sent, ['1 echo a', '1 echo b', '3 {"status":"Success"}']);
});

test('when the peer of the door hangs up, the handler sees the end of its input', async () => {
  let over = false;
  const { client, clock } = await createHarness({
    handler: async () => ({
      type: 'channels',
      code: 101,
      async serve({ incoming }) {
        for await (const _ of incoming);
        over = true;
      },
    }),
  });
  const answer = await settleWithin(clock, 0, client.call(get('/exec')));
  assert(answer.type === 'channels');
  const { channels, hangUp } = memoryChannels([]);
  const served = answer.serve(channels);
  await clock.settle();
  hangUp();
  await settleWithin(clock, 0, served);
  assert(over);
});

test('a call without an answer fails after the time-out, and the handler is told', async () => {
  let aborted = false;
  const { client, clock } = await createHarness({
    handler: ({ signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
      }),
  });
  const call = client.call(get('/slow'));
  await clock.advance(CALL_TIMEOUT_MS - 1);
  assert(!aborted);
  await assert.rejects(settleWithin(clock, 1_000, call), unavailable);
  await clock.settle();
  assert(aborted);
});

test('an aborted call rejects with the reason of the signal and cancels at the server', async () => {
  let aborted = false;
  const { client, clock } = await createHarness({
    handler: ({ signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
      }),
  });
  const abort = new AbortController();
  const call = client.call(get('/slow', { signal: abort.signal }));
  await clock.settle();
  abort.abort(new Error('changed my mind'));
  await assert.rejects(call, /changed my mind/);
  await clock.settle();
  assert(aborted);
});

test('without a link a call fails at once, and works again when the link is back', async () => {
  const { client, clock, session } = await createHarness({ handler: async () => objectResponse('fine') });
  const pending = client.call(get('/x'));
  session.cut();
  await assert.rejects(pending, unavailable);
  await assert.rejects(client.call(get('/x')), unavailable);
  await clock.advance(2_000);
  assert.deepEqual(await settleWithin(clock, 0, client.call(get('/x'))), objectResponse('fine'));
});

test('a stopped client fails everything', async () => {
  const { client, clock } = await createHarness({ handler: () => new Promise(() => undefined) });
  const call = client.call(get('/x'));
  await clock.settle();
  client.stop();
  await assert.rejects(call, unavailable);
  await assert.rejects(client.call(get('/x')), unavailable);
});

test('the same request id is handled once while the session lasts', async () => {
  let handled = 0;
  const { clock, session } = await createHarness({
    handler: async () => {
      handled += 1;
      return objectResponse({});
    },
    limits: { recentIdsPerClient: 2 },
  });
  const send = (id: string) =>
    session.publish(topics.apiRequest('phone'), Buffer.from(JSON.stringify({ id, method: 'GET', path: '/x' })));
  await send('1');
  await send('1');
  await clock.settle();
  assert.equal(handled, 1);
  for (const id of ['2', '3', '1']) await send(id);
  await clock.settle();
  assert.equal(handled, 4, 'memory is bounded: an id that was pushed out is new again');
});

test('a client has bounds on what it has under way', async () => {
  const { client, clock } = await createHarness({
    handler: async (request) => {
      if (request.path === '/slow') return new Promise(() => undefined);
      return { type: 'events', code: 200, events: endless(request.signal, () => undefined) };
    },
    limits: { callsPerClient: 3, streamsPerClient: 1 },
  });
  const tooMany = (error: unknown): boolean => isStatusError(error, 'TooManyRequests');
  await settleWithin(clock, 0, client.call(get('/watch')));
  await assert.rejects(settleWithin(clock, 0, client.call(get('/watch'))), tooMany);
  client.call(get('/slow')).catch(() => undefined);
  client.call(get('/slow')).catch(() => undefined);
  await assert.rejects(settleWithin(clock, 0, client.call(get('/slow'))), tooMany);
});

test('a bad frame with an id is answered with what is wrong with it', async () => {
  const { clock, session } = await createHarness({ handler: async () => objectResponse({}) });
  const answers: unknown[] = [];
  await session.subscribe(topics.apiResponse('phone'), ({ payload }) =>
    answers.push(JSON.parse(`${Buffer.from(payload)}`)),
  );
  await session.publish(topics.apiRequest('phone'), Buffer.from('{"id":"7","method":"LOOK","path":"/"}'));
  await session.publish(topics.apiRequest('phone'), Buffer.from('not even JSON'));
  await clock.settle();
  assert.equal(answers.length, 1);
  assert.partialDeepStrictEqual(answers[0], { type: 'response', id: '7', code: 400, body: { reason: 'BadRequest' } });
});

test('a simple client gets a stream without granting anything', async () => {
  const { clock, session } = await createHarness({
    handler: async () => ({ type: 'events', code: 200, events: count(200) }),
  });
  const types: string[] = [];
  await session.subscribe(topics.apiResponse('phone'), ({ payload }) => {
    types.push(JSON.parse(`${Buffer.from(payload)}`).type);
  });
  await session.publish(topics.apiRequest('phone'), Buffer.from('{"id":"7","method":"GET","path":"/watch?watch=1"}'));
  await clock.settle();
  assert.deepEqual(types, ['stream', ...Array.from({ length: 200 }, () => 'item'), 'end']);
});

test('a lost end of a stream is found out by the next probe', async () => {
  const gate = Promise.withResolvers<void>();
  const { client, clock, broker } = await createHarness({
    handler: async () => ({
      type: 'events',
      code: 200,
      events: (async function* () {
        yield 1;
        await gate.promise;
      })(),
    }),
  });
  const answer = await settleWithin(clock, 0, client.call(get('/watch')));
  const all = collect(eventsOf(answer));
  await clock.settle();
  broker.faults.lossRate = 1;
  gate.resolve();
  await clock.settle();
  broker.faults.lossRate = 0;
  await assert.rejects(settleWithin(clock, 25_000, all), unavailable);
});

test('a stream whose server fell silent ends with an error', async () => {
  const { client, clock, broker } = await createHarness({
    handler: async ({ signal }) => ({ type: 'events', code: 200, events: endless(signal, () => undefined) }),
  });
  const answer = await settleWithin(clock, 0, client.call(get('/watch')));
  const all = collect(eventsOf(answer));
  broker.faults.lossRate = 1;
  await assert.rejects(settleWithin(clock, SILENCE_LIMIT_MS + 25_000, all), unavailable);
});

test('a stream whose reader fell silent is let go by the server', async () => {
  let ended = false;
  const { client, clock, broker } = await createHarness({
    handler: async ({ signal }) => ({
      type: 'events',
      code: 200,
      events: endless(signal, () => {
        ended = true;
      }),
    }),
  });
  await settleWithin(clock, 0, client.call(get('/watch')));
  broker.faults.lossRate = 1;
  await clock.advance(2 * SILENCE_LIMIT_MS + 1);
  assert(ended);
});

test('an idle stream stays open as long as both sides are there', async () => {
  let ended = false;
  const { client, clock } = await createHarness({
    handler: async ({ signal }) => ({
      type: 'events',
      code: 200,
      events: endless(signal, () => {
        ended = true;
      }),
    }),
  });
  await settleWithin(clock, 0, client.call(get('/watch')));
  await clock.advance(10 * SILENCE_LIMIT_MS);
  assert(!ended);
});

test('nothing is sent to a client after its session', async () => {
  const gate = Promise.withResolvers<Response>();
  const { client, clock, broker, server } = await createHarness({ handler: () => gate.promise });
  const seen: string[] = [];
  await broker.transport().subscribe(topics.apiResponse('phone'), ({ topic }) => seen.push(topic));
  client.call(get('/x')).catch(() => undefined);
  await clock.settle();
  server.clientGone('phone');
  gate.resolve(objectResponse('for somebody else'));
  await clock.settle();
  assert.deepEqual(seen, []);
});
