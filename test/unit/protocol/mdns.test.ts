/** Names on the LAN by the rules of RFC 6762: asked for before they are told, given up when somebody has them, told sparingly. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, decode, encode } from 'dns-packet';
import fc from 'fast-check';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { isMasterOf, renderHost, renderMaster } from '../../../shared/protocol/mdns/bramble-service.ts';
import { readServices } from '../../../shared/protocol/mdns/find-service.ts';
import {
  compareProposals,
  type OwnRecord,
  readMessage,
  renderProbe,
  renderResponse,
} from '../../../shared/protocol/mdns/mdns-record.ts';
import { MDNS_PORT, type Multicast, type MulticastSender } from '../../../shared/protocol/mdns/multicast.ts';
import { MdnsResponder } from '../../../shared/protocol/mdns/responder.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

/** Everybody hears everything, after no time. */
function createAir() {
  const clock = createVirtualClock();
  const ears = new Map<string, (packet: Buffer, sender: MulticastSender) => void>();
  const heard: { from: string; atMs: number; packet: ReturnType<typeof decode> }[] = [];
  const replies: { to: MulticastSender; packet: ReturnType<typeof decode> }[] = [];
  const say = (from: string, packet: Buffer, port = MDNS_PORT): void => {
    heard.push({ from, atMs: clock.monotonicMs(), packet: decode(packet) });
    for (const [address, listen] of ears) if (address !== from) listen(packet, { address: from, port });
  };
  const station = (address: string): Multicast => ({
    open: async (listen) => void ears.set(address, listen),
    send: (packet) => say(address, packet),
    reply: (packet, to) => void replies.push({ to, packet: decode(packet) }),
    close: async () => void ears.delete(address),
  });
  let seed = 0;
  const responder = async (address: string, records: readonly OwnRecord[]) => {
    const conflicts: string[] = [];
    seed += 1;
    const base = { multicast: station(address), clock, random: seededRandom(seed), logger: silentLogger };
    const made = new MdnsResponder({ ...base, onConflict: (name) => conflicts.push(name) });
    made.setRecords(records);
    await made.start();
    return Object.assign(made, { conflicts });
  };
  return { clock, heard, replies, say, responder };
}

const NAME = 'whoami.bramble.local';
const question = (name: string, more: Partial<Parameters<typeof encode>[0]> = {}): Buffer =>
  encode({ id: 0, questions: [{ name, type: 'A' }], ...more });

describe('a responder', () => {
  it('asks three times, then tells twice', async () => {
    const { clock, heard, responder } = createAir();
    const one = await responder('10.0.0.1', renderHost(NAME, ['10.0.0.1'], true));
    await clock.advance(5_000);
    const kinds = heard.map(({ packet }) => (packet.flag_qr ? 'told' : 'asked'));
    assert.deepEqual(kinds, ['asked', 'asked', 'asked', 'told', 'told']);
    const [first, second, third, told, again] = heard.map(({ atMs }) => atMs);
    assert.deepEqual([(second ?? 0) - (first ?? 0), (third ?? 0) - (second ?? 0)], [250, 250]);
    assert.deepEqual([(told ?? 0) - (third ?? 0), (again ?? 0) - (told ?? 0)], [250, 1_000]);
    const [answer] = heard[3]?.packet.answers ?? [];
    assert.ok(answer?.type === 'A' && answer.flush && answer.data === '10.0.0.1' && answer.ttl === 120);
    assert.deepEqual(one.names, [NAME]);
  });

  it('gives up a name that somebody has, while it asks and later', async () => {
    for (const afterMs of [300, 5_000]) {
      const { clock, say, responder } = createAir();
      const one = await responder('10.0.0.1', renderHost(NAME, ['10.0.0.1'], true));
      await clock.advance(afterMs);
      say(
        '10.0.0.9',
        renderResponse([{ name: NAME.toUpperCase(), type: 'A', ttl: 120, flush: true, data: '10.0.0.9' }]),
      );
      await clock.advance(5_000);
      assert.deepEqual(
        one.conflicts.map((name) => name.toLowerCase()),
        [NAME],
      );
      assert.deepEqual(one.names, []);
    }
  });

  it('of two that ask at the same time the later record wins, and the other one hears of it', async () => {
    const { clock, responder } = createAir();
    const low = await responder('10.0.0.1', renderHost(NAME, ['10.0.0.1'], true));
    const high = await responder('10.0.0.2', renderHost(NAME, ['10.0.0.2'], true));
    await clock.advance(10_000);
    assert.deepEqual([low.names, high.names], [[], [NAME]]);
    assert.deepEqual([low.conflicts, high.conflicts], [[NAME], []]);
  });

  it('shares a name with others who share it, and not with one who claims it', async () => {
    const { clock, say, responder } = createAir();
    const nodes = [
      await responder('10.0.0.1', renderHost(NAME, ['10.0.0.1'], false)),
      await responder('10.0.0.2', renderHost(NAME, ['10.0.0.2'], false)),
    ];
    await clock.advance(5_000);
    assert.deepEqual(
      nodes.map(({ names }) => names),
      [[NAME], [NAME]],
    );
    say('10.0.0.9', renderResponse([{ name: NAME, type: 'A', ttl: 120, flush: true, data: '10.0.0.9' }]));
    assert.deepEqual(
      nodes.map(({ names }) => names),
      [[], []],
    );
  });

  it('answers once for many, after a moment when it shares, and not what the client knows', async () => {
    const { clock, heard, say, responder } = createAir();
    await responder('10.0.0.1', renderHost(NAME, ['10.0.0.1'], false));
    await clock.advance(10_000);
    heard.length = 0;
    for (let count = 0; count < 5; count += 1) say('10.0.0.7', question(NAME));
    const askedMs = clock.monotonicMs();
    await clock.advance(500);
    const answers = heard.filter(({ packet }) => packet.flag_qr);
    assert.equal(answers.length, 1);
    const delayMs = (answers[0]?.atMs ?? 0) - askedMs;
    assert.ok(delayMs >= 20 && delayMs <= 120);
    heard.length = 0;
    const known: Answer = { name: NAME, type: 'A', ttl: 100, data: '10.0.0.1' };
    await clock.advance(5_000);
    say('10.0.0.7', question(NAME, { answers: [known] }));
    await clock.advance(500);
    assert.equal(heard.filter(({ packet }) => packet.flag_qr).length, 0);
  });

  it('answers clients of ordinary DNS to themselves, with their number and question', async () => {
    const { clock, replies, say, responder } = createAir();
    await responder('10.0.0.1', renderHost(NAME, ['10.0.0.1'], true));
    await clock.advance(5_000);
    say('10.0.0.7', question(NAME, { id: 99 }), 40_000);
    const [reply] = replies;
    assert.deepEqual(reply?.to, { address: '10.0.0.7', port: 40_000 });
    assert.equal(reply?.packet.id, 99);
    assert.equal(reply?.packet.questions?.[0]?.name, NAME);
    const [answer] = reply?.packet.answers ?? [];
    assert.ok(answer?.type === 'A' && answer.ttl === 10 && !answer.flush);
  });

  it('says that a name has no address of the other family', async () => {
    const { clock, heard, say, responder } = createAir();
    await responder('10.0.0.1', renderHost(NAME, ['10.0.0.1'], true));
    await clock.advance(5_000);
    heard.length = 0;
    say('10.0.0.7', encode({ id: 0, questions: [{ name: NAME, type: 'AAAA' }] }));
    await clock.advance(500);
    assert.deepEqual(
      heard.at(-1)?.packet.answers?.map(({ type }) => type),
      ['NSEC'],
    );
  });

  it('takes back what it does not serve any more, and everything at its end', async () => {
    const { clock, heard, responder } = createAir();
    const other = 'other.bramble.local';
    const both = [...renderHost(NAME, ['10.0.0.1'], false), ...renderHost(other, ['10.0.0.1'], false)];
    const one = await responder('10.0.0.1', both);
    await clock.advance(5_000);
    const goodbyes = () =>
      heard
        .flatMap(({ packet }) => packet.answers ?? [])
        .flatMap((record) => (record.type === 'A' && record.ttl === 0 ? [record.name] : []));
    one.setRecords(renderHost(NAME, ['10.0.0.1'], false));
    assert.deepEqual(goodbyes(), [other]);
    await one.stop();
    assert.deepEqual(goodbyes(), [other, NAME]);
  });

  it('lives through any packet', async () => {
    const { clock, say, responder } = createAir();
    const one = await responder('10.0.0.1', renderHost(NAME, ['10.0.0.1'], false));
    await clock.advance(5_000);
    const packets = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 5 }).map((changes) => {
        const bytes = Buffer.from(question(NAME));
        for (const [offset, value] of changes) if (offset < bytes.length) bytes[offset] = value;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(packets, (packet) => {
        readMessage(packet);
        readServices(packet, '_bramble._tcp.local');
      }),
      { seed: 20_261_122, numRuns: 2_000 },
    );
    say('10.0.0.7', renderProbe([NAME], []));
    assert.deepEqual(one.names, [NAME]);
  });
});

describe('proposals', () => {
  it('are compared by what they say, the shorter list first', () => {
    const record = (data: string): Answer => ({ name: NAME, type: 'A', ttl: 1, data });
    assert.ok(compareProposals([record('10.0.0.1')], [record('10.0.0.2')]) < 0);
    assert.ok(compareProposals([record('10.0.0.2')], [record('10.0.0.1')]) > 0);
    assert.equal(compareProposals([record('10.0.0.1')], [record('10.0.0.1')]), 0);
    assert.ok(compareProposals([], [record('10.0.0.1')]) < 0);
  });
});

describe('a master on the LAN', () => {
  const master = {
    hostname: 'Pi-1.home',
    attempt: 0,
    mqttPort: 8883,
    apiPort: 6443,
    caHash: 'ab12',
    addresses: ['10.0.0.1'],
  };

  it('is found with its port, address and certificate, in one answer', async () => {
    const { clock, replies, say, responder } = createAir();
    await responder('10.0.0.1', renderMaster(master));
    await clock.advance(5_000);
    say('10.0.0.7', encode({ id: 5, questions: [{ name: '_bramble._tcp.local', type: 'PTR' }] }), 40_000);
    const packet = replies[0]?.packet;
    assert.ok(packet);
    const found = readServices(encode({ ...packet, type: 'response' }), '_bramble._tcp.local');
    assert.deepEqual(found, [
      { instance: 'bramble-pi-1', host: '10.0.0.1', port: 8883, text: { ca: 'ab12', api: '6443' } },
    ]);
    assert.ok(
      found[0] && isMasterOf(found[0], 'AB12') && isMasterOf(found[0], undefined) && !isMasterOf(found[0], 'cd'),
    );
  });

  it('has another name when its name is taken', () => {
    const names = renderMaster({ ...master, attempt: 1 }).map(({ record }) => record.name);
    assert.ok(names.includes('bramble-pi-1-2.local'));
  });
});
