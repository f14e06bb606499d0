/** Over a link that loses, doubles, delays and breaks: a consumer sees a prefix of what was sent, and every call ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StatusError } from '../../../shared/machinery/errors.ts';
import { nextFloat, nextInt, seededRandom } from '../../../shared/platform/random.ts';
import type { Channels, Request, Response } from '../../../shared/protocol/exchange.ts';
import { objectResponse } from '../../../shared/protocol/exchange.ts';
import { CALL_TIMEOUT_MS, SILENCE_LIMIT_MS } from '../../../shared/protocol/limits.ts';
import { createHarness, get, type Harness, settleWithin } from './rpc-harness.ts';

const scenario = fc.record({
  seed: fc.nat(),
  lossRate: fc.constantFrom<number[]>(0, 0.01, 0.1, 0.5),
  duplicateRate: fc.constantFrom<number[]>(0, 0.1, 0.5),
  maxDelayMs: fc.constantFrom<number[]>(0, 5, 500),
  cuts: fc.nat(3),
  partitions: fc.nat(2),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

/** Longest time that a call may take to end: its begin, its stream's silence, and the links' pauses. */
const LIMIT_MS = CALL_TIMEOUT_MS + 2 * SILENCE_LIMIT_MS + 60_000;

async function harnessOf(s: Scenario, handler: (request: Request) => Promise<Response>): Promise<Harness> {
  const faults = { lossRate: s.lossRate, duplicateRate: s.duplicateRate, minDelayMs: 0, maxDelayMs: s.maxDelayMs };
  return createHarness({ handler, seed: s.seed, faults });
}

/** Breaks the link some times in the first virtual minute. */
function scheduleBreaks({ clock, session }: Harness, s: Scenario): void {
  const random = seededRandom(s.seed + 1);
  for (let n = 0; n < s.cuts; n += 1) clock.after(nextFloat(random) * 60_000, () => session.cut());
  for (let n = 0; n < s.partitions; n += 1) {
    clock.after(nextFloat(random) * 60_000, () => {
      session.partition();
      clock.after(nextFloat(random) * 15_000, () => session.heal());
    });
  }
}

function check(property: (s: Scenario) => Promise<void>, numRuns: number): Promise<void> {
  return fc.assert(fc.asyncProperty(scenario, property), { seed: 20_260_101, numRuns });
}

async function readAll(events: AsyncIterable<unknown>, into: unknown[]): Promise<'ended' | 'failed'> {
  try {
    for await (const event of events) into.push(event);
    return 'ended';
  } catch (error) {
    assert(error instanceof StatusError);
    return 'failed';
  }
}

test('no event is lost, doubled or reordered before the end or an error', async () => {
  await check(async (s) => {
    const total = 150;
    const harness = await harnessOf(s, async ({ signal }) => ({
      type: 'events',
      code: 200,
      events: (async function* () {
        for (let n = 1; n <= total && !signal.aborted; n += 1) {
          yield n;
          if (n % 10 === 0) await new Promise<void>((resolve) => void harness.clock.after(1_000, resolve));
        }
      })(),
    }));
    scheduleBreaks(harness, s);
    const seen: unknown[] = [];
    const run = async (): Promise<string> => {
      const answer = await harness.client.call(get('/watch'));
      assert(answer.type === 'events');
      return readAll(answer.events, seen);
    };
    const outcome = await settleWithin(harness.clock, LIMIT_MS, run().catch(expectStatusError));
    assert.deepEqual(
      seen,
      Array.from({ length: seen.length }, (_, index) => index + 1),
    );
    if (outcome === 'ended') assert.equal(seen.length, total);
    if (s.lossRate === 0 && s.cuts === 0 && s.partitions === 0) assert.equal(outcome, 'ended');
  }, 150);
});

function expectStatusError(error: unknown): 'failed' {
  assert(error instanceof StatusError, String(error));
  return 'failed';
}

test('every unary call ends, with its own answer or an error, and no request is handled twice in a session', async () => {
  await check(async (s) => {
    const handled = new Map<string, number>();
    const harness = await harnessOf(s, async ({ path }) => {
      handled.set(path, (handled.get(path) ?? 0) + 1);
      return objectResponse({ path });
    });
    scheduleBreaks(harness, s);
    const random = seededRandom(s.seed + 2);
    const calls: Promise<unknown>[] = [];
    for (let n = 0; n < 30; n += 1) {
      await harness.clock.advance(nextInt(random, 4_000));
      const path = `/object/${n}`;
      calls.push(
        harness.client.call(get(path)).then(
          (answer) => assert.deepEqual(answer, objectResponse({ path })),
          (error) => assert(error instanceof StatusError),
        ),
      );
    }
    await settleWithin(harness.clock, LIMIT_MS, Promise.all(calls));
    for (const times of handled.values()) assert.equal(times, 1);
  }, 60);
});

test('what one side of a channel writes, the other reads, up to the moment the stream fails', async () => {
  await check(async (s) => {
    const received: string[] = [];
    const harness = await harnessOf(s, async () => ({
      type: 'channels',
      code: 101,
      async serve({ incoming, send }) {
        for await (const frame of incoming) {
          if ('close' in frame) break;
          const text = `${Buffer.from(frame.bytes)}`;
          received.push(text);
          await send({ channel: 1, bytes: Buffer.from(text) });
        }
        await send({ channel: 3, bytes: Buffer.from('done') });
      },
    }));
    scheduleBreaks(harness, s);
    const written = Array.from({ length: 100 }, (_, index) => `line ${index}`);
    const echoed: string[] = [];
    const closed = Promise.withResolvers<void>();
    const channels: Channels = {
      incoming: (async function* () {
        for (const [index, line] of written.entries()) {
          yield { channel: 0, bytes: Buffer.from(line) };
          if (index % 10 === 0) await new Promise<void>((resolve) => void harness.clock.after(500, resolve));
        }
        yield { channel: 0, close: true as const };
        await closed.promise;
      })(),
      async send(frame) {
        if ('bytes' in frame) echoed.push(`${Buffer.from(frame.bytes)}`);
      },
      close: () => closed.resolve(),
    };
    const run = async (): Promise<'ended'> => {
      const answer = await harness.client.call(get('/exec'));
      assert(answer.type === 'channels');
      await answer.serve(channels);
      return 'ended';
    };
    const outcome = await settleWithin(harness.clock, LIMIT_MS, run().catch(expectStatusError));
    const expected = [...written, 'done'];
    assert.deepEqual(received, written.slice(0, received.length));
    assert.deepEqual(echoed, expected.slice(0, echoed.length));
    if (outcome === 'ended') assert.deepEqual(echoed, expected);
  }, 100);
});

test('the same seed gives the same trace', async () => {
  const traceOf = async (seed: number): Promise<string[]> => {
    const s: Scenario = { seed, lossRate: 0.05, duplicateRate: 0.1, maxDelayMs: 50, cuts: 2, partitions: 1 };
    const harness = await harnessOf(s, async ({ path }) => objectResponse(path));
    const trace: string[] = [];
    const note = (topic: string): void => void trace.push(`${harness.clock.monotonicMs()} ${topic}`);
    await harness.broker.transport().subscribe('#', ({ topic, payload }) => note(`${topic} ${Buffer.from(payload)}`));
    scheduleBreaks(harness, s);
    for (let n = 0; n < 50; n += 1) {
      await harness.clock.advance(1_000);
      harness.client.call(get(`/${n}`)).then(
        () => note(`${n} answered`),
        (error) => note(`${n} ${error.message}`),
      );
    }
    await harness.clock.advance(LIMIT_MS);
    return trace;
  };
  assert.deepEqual(await traceOf(7), await traceOf(7));
});
