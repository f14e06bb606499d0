/** Packets: sizes that are kept to, clients of every age, and bytes that are no question. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DecodedPacket, decode, encode, type OptAnswer } from 'dns-packet';
import fc from 'fast-check';
import { listRecords, MessageError } from '../../../../node-agent/dns/wire/message.ts';
import { readQuery } from '../../../../node-agent/dns/wire/query.ts';
import { relayMessage } from '../../../../node-agent/dns/wire/reply.ts';
import { defined } from '../../../../shared/platform/assert.ts';
import { WORLD } from './world.ts';
import { askResolver, createResolver, service, slice } from './zone-fixture.ts';

const NAME = 'kubernetes.default.svc.cluster.local';

const crowd = (count: number) =>
  createResolver({
    services: [service('shop/crowd', { clusterIP: 'None' })],
    slices: [
      slice(
        'shop/crowd',
        Array.from({ length: count }, (_, index) => ({
          addresses: [`10.42.${index >> 8}.${index & 255}`],
          conditions: {},
        })),
      ),
    ],
  });

const opt = (more: Partial<OptAnswer> = {}): OptAnswer => ({
  ...{ type: 'OPT', name: '.', udpPayloadSize: 4096, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false },
  options: [],
  ...more,
});

describe('answers', () => {
  it('fit into 512 bytes for old clients, 1,232 for others, and are whole by TCP', async () => {
    const resolver = crowd(300);
    const name = 'crowd.shop.svc.cluster.local';
    const cases = [
      { packet: {}, isStream: false, count: 29, truncated: true },
      { packet: { additionals: [opt()] }, isStream: false, count: 73, truncated: true },
      { packet: { additionals: [opt({ udpPayloadSize: 100 })] }, isStream: false, count: 28, truncated: true },
      { packet: {}, isStream: true, count: 300, truncated: false },
    ];
    for (const { packet, isStream, count, truncated } of cases) {
      const told = await askResolver(resolver, name, 'A', { ...packet, isStream });
      assert.equal(told.answers?.length, count);
      assert.equal(told.flag_tc, truncated);
    }
  });

  it('begin with another address each time', async () => {
    const resolver = crowd(4);
    const firsts = new Set<string>();
    for (let count = 0; count < 40; count += 1) {
      const [first] = (await askResolver(resolver, 'crowd.shop.svc.cluster.local', 'A')).answers ?? [];
      if (first?.type === 'A') firsts.add(first.data);
    }
    assert.equal(firsts.size, 4);
  });

  it('repeat the number, the spelling and the wish for recursion', async () => {
    const packet = encode({
      id: 4711,
      flags: 0x100,
      questions: [{ name: 'KuberNetes.default.svc.cluster.local', type: 'A' }],
    });
    const answer = defined(await createResolver(WORLD).answer(packet, false), 'answer');
    assert.equal(answer.readUInt16BE(0), 4711);
    assert.ok(answer.includes('KuberNetes'));
    const { flag_qr, flag_rd, flag_ra, flag_aa } = decode(answer);
    assert.deepEqual(
      { flag_qr, flag_rd, flag_ra, flag_aa },
      { flag_qr: true, flag_rd: true, flag_ra: true, flag_aa: true },
    );
  });

  it('of others keep records that nobody here knows', () => {
    const question = encode({ id: 1, questions: [{ name: 'x.example', type: 'A' }] });
    const reading = readQuery(question);
    assert.ok(reading && 'query' in reading);
    // Type 65 (HTTPS), TTL 300, two bytes of data.
    const unknown = Buffer.from([0xc0, 12, 0, 65, 0, 1, 0, 0, 1, 44, 0, 2, 0xab, 0xcd]);
    const message = Buffer.concat([question, unknown]);
    message.writeUInt16BE(0x8180, 2);
    message.writeUInt16BE(1, 6);
    const relayed = relayMessage(reading.query, message, { limitBytes: 512, ttl: (ttl) => ttl - 1 });
    assert.deepEqual(relayed.subarray(-4), Buffer.from([0, 2, 0xab, 0xcd]));
    assert.equal(relayed.readUInt32BE(listRecords(relayed)[0]?.ttlOffset ?? 0), 299);
    const cut = decode(relayMessage(reading.query, message, { limitBytes: 30, ttl: (ttl) => ttl }));
    assert.ok(cut.flag_tc && cut.answers?.length === 0);
  });
});

describe('questions', () => {
  const ask = async (packet: Buffer): Promise<(DecodedPacket & { rcode?: string }) | undefined> => {
    const answer = await createResolver(WORLD).answer(packet, false);
    return answer && decode(answer);
  };
  const question = encode({ id: 3, flags: 0x100, questions: [{ name: NAME, type: 'A' }] });
  const changed = (change: (packet: Buffer) => void): Buffer => {
    const packet = Buffer.from(question);
    change(packet);
    return packet;
  };

  it('that cannot be answered are refused in the right words', async () => {
    const TABLE: readonly [string, Buffer, string | undefined][] = [
      ['too short', question.subarray(0, 11), undefined],
      ['an answer', changed((packet) => packet.writeUInt16BE(0x8100, 2)), undefined],
      ['an update', changed((packet) => packet.writeUInt16BE(0x2800, 2)), 'NOTIMP'],
      ['two questions', changed((packet) => packet.writeUInt16BE(2, 4)), 'FORMERR'],
      ['no question', changed((packet) => packet.writeUInt16BE(0, 4)), 'FORMERR'],
      ['cut off', question.subarray(0, 20), 'FORMERR'],
      ['class CH', changed((packet) => packet.writeUInt16BE(3, packet.length - 2)), 'REFUSED'],
      ['a pointer to itself', changed((packet) => packet.writeUInt16BE(0xc00c, 12)), 'FORMERR'],
    ];
    for (const [what, packet, expected] of TABLE) assert.equal((await ask(packet))?.rcode, expected, what);
  });

  it('of a later EDNS are told the version', async () => {
    const packet = encode({ id: 3, questions: [{ name: NAME, type: 'A' }], additionals: [opt({ ednsVersion: 1 })] });
    const told = await ask(packet);
    const [record] = told?.additionals ?? [];
    assert.ok(record?.type === 'OPT' && record.extendedRcode === 1 && record.ednsVersion === 0);
  });

  it('with options that nobody knows are answered', async () => {
    const options = [{ code: 10, type: 'COOKIE', data: Buffer.from('12345678') }];
    const record = Object.assign(opt(), { options });
    const told = await ask(encode({ id: 3, questions: [{ name: NAME, type: 'A' }], additionals: [record] }));
    assert.equal(told?.answers?.length, 1);
  });

  it('made of any bytes never end the server, and answers are never longer than allowed', async () => {
    const resolver = createResolver(WORLD);
    const mutated = fc
      .tuple(
        fc.constantFrom(question, encode({ id: 3, questions: [{ name: NAME, type: 'SRV' }], additionals: [opt()] })),
        fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }),
        fc.nat(20),
      )
      .map(([packet, changes, cut]) => {
        const bytes = Buffer.from(packet);
        for (const [offset, value] of changes) if (offset < bytes.length) bytes[offset] = value;
        return bytes.subarray(0, bytes.length - cut);
      });
    const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, anything), async (packet) => {
        const answer = await resolver.answer(packet, false);
        if (answer === undefined) return;
        assert.ok(answer.length <= 1_232);
        assert.equal(answer.readUInt16BE(0), packet.readUInt16BE(0));
        decode(answer);
      }),
      { seed: 20_261_122, numRuns: 2_000 },
    );
  });

  it('walking through any bytes ends, with places or with a MessageError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 600 }), (bytes) => {
        try {
          for (const { end } of listRecords(Buffer.from(bytes))) assert.ok(end <= bytes.length);
        } catch (error) {
          if (!(error instanceof MessageError)) throw error;
        }
      }),
      { seed: 20_261_122, numRuns: 2_000 },
    );
  });
});
