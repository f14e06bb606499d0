/** How the broker cuts bytes into packets, reads and writes the quick ones, and bounds what a client sends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameError, FrameReader } from '../../../master/broker/frame-reader.ts';
import { encodePuback, encodePublish, readPublish } from '../../../master/broker/publish-frame.ts';
import { RateLimit } from '../../../master/broker/rate-limit.ts';

const SEED = 20_260_101;

/** A packet of MQTT with a body of the given length. */
function packet(bodyBytes: number, firstByte = 0x30): Buffer {
  const length: number[] = [];
  let rest = bodyBytes;
  do {
    length.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([firstByte, ...length]), Buffer.alloc(bodyBytes, 0xff)]);
}

/** The pieces that the cuts make of the bytes. */
function* pieces(bytes: Buffer, cuts: readonly number[]): Generator<Buffer> {
  for (let offset = 0, cut = 0; offset < bytes.length; cut += 1) {
    const end = offset + (cuts[cut % Math.max(1, cuts.length)] ?? bytes.length);
    yield bytes.subarray(offset, end);
    offset = end;
  }
}

const sizesAndCuts = [fc.array(fc.nat(3_000)), fc.array(fc.integer({ min: 1, max: 400 }))] as const;

test('packets within the bound pass however the stream is cut, a larger one never does', () => {
  fc.assert(
    fc.property(...sizesAndCuts, (sizes, cuts) => {
      const bytes = Buffer.concat(sizes.map((size) => packet(size)));
      const reader = new FrameReader(2_000);
      const read = (): Buffer =>
        Buffer.concat([...pieces(bytes, cuts)].map((piece) => reader.read(piece) ?? Buffer.alloc(0)));
      if (sizes.some((size) => size > 2_000)) assert.throws(read, FrameError);
      else assert.deepEqual(read(), bytes);
    }),
    { seed: SEED },
  );
});

test('every packet goes one way, whole and in order, however the stream is cut', () => {
  const kinds = [0x30, 0x32, 0x40, 0x82, 0xc0];
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(300), fc.constantFrom(...kinds))),
      fc.array(fc.integer({ min: 1, max: 400 })),
      (packets, cuts) => {
        const frames = packets.map(([size, kind]) => packet(size, kind));
        const reader = new FrameReader(2_000);
        const seen: Buffer[] = [];
        for (const piece of pieces(Buffer.concat(frames), cuts)) {
          const rest = reader.read(piece, (bytes, start, end) => {
            seen.push(Buffer.from(bytes.subarray(start, end)));
            return true;
          });
          if (rest !== null) seen.push(Buffer.from(rest));
        }
        assert.deepEqual(Buffer.concat(seen), Buffer.concat(frames));
        assert.equal(reader.frames, frames.length);
      },
    ),
    { seed: SEED },
  );
});

test('a length of five bytes is malformed; the bound can be raised', () => {
  assert.throws(() => new FrameReader(2 ** 28).read(Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01])), FrameError);
  const reader = new FrameReader(10);
  assert(reader.read(packet(10)));
  reader.raise(1_000);
  assert(reader.read(packet(1_000)));
  assert.throws(() => reader.read(packet(1_001)), FrameError);
});

test('messages are read as they were written, and are the bytes of the standard', () => {
  const topics = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((text) => !/[+#\0]/.test(text));
  const ids = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
  fc.assert(
    fc.property(topics, fc.uint8Array({ maxLength: 20_000 }), ids, (topic, body, id) => {
      const payload = Buffer.from(body);
      const bytes = encodePublish(topic, payload, id);
      const read = readPublish(bytes, 0, bytes.length);
      assert.deepEqual(read, { topic, payload, qos: id === undefined ? 0 : 1, retain: false, messageId: id ?? 0 });
      assert.equal(new FrameReader(100_000).read(bytes)?.length, bytes.length);
    }),
    { seed: SEED },
  );
  // The example of section 3.3.2.3: topic a/b, identifier 10.
  assert.deepEqual(encodePublish('a/b', 'x', 10), Buffer.from([0x32, 8, 0, 3, 0x61, 0x2f, 0x62, 0, 10, 0x78]));
  assert.deepEqual(encodePublish('a/b', ''), Buffer.from([0x30, 5, 0, 3, 0x61, 0x2f, 0x62]));
  assert.deepEqual(encodePuback(4_711), Buffer.from([0x40, 2, 0x12, 0x67]));
  assert.equal(readPublish(Buffer.from([0x30, 3, 0, 9, 97]), 0, 5), undefined);
  assert.equal(readPublish(Buffer.from([0x32, 3, 0, 1, 97]), 0, 5), undefined);
});

test('who sends too much waits, and no longer than it takes', () => {
  let nowMs = 0;
  const limit = new RateLimit(100, { monotonicMs: () => nowMs });
  assert.equal(limit.waitMs(), 0);
  limit.take(150);
  assert.equal(limit.waitMs(), 510);
  nowMs = 510;
  assert.equal(limit.waitMs(), 0);
  limit.take(1);
  nowMs = 10_510;
  limit.take(100);
  assert.equal(limit.waitMs(), 0);
});
