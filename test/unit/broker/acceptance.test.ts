/** What a confirmation promises: a message that was confirmed is kept, whatever happens next. Real clients, a real file. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Broker, createBroker } from '../../../master/broker/broker.ts';
import { openPersistenceFile } from '../../../master/broker/persistence/persistence-file.ts';
import { encodePublish } from '../../../master/broker/publish-frame.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { WRITE_EXTRA } from '../../../shared/protocol/mqtt-user.ts';
import { waitFor } from '../../support/wait.ts';

const folder = mkdtempSync(join(tmpdir(), 'bramble-acceptance-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;

/** Of all tests: what a failing one leaves would keep the process. */
const brokers: Broker[] = [];
after(() => Promise.all(brokers.map((broker) => broker.stop())));

async function startBroker(path = join(folder, `${++files}.db`)): Promise<{ broker: Broker; path: string }> {
  const broker = createBroker({
    ...{ host: '127.0.0.1', port: 0, tls: 'plain', persistencePath: path, logger: silentLogger },
    authenticate: async ({ username = '' }) => ({
      ...{ name: `mqtt:${username}`, uid: '', groups: ['system:masters'] },
      extra: { [WRITE_EXTRA]: ['#'] },
    }),
  });
  brokers.push(broker);
  await broker.start();
  return { broker, path };
}

/** Topics that are retained in the file, and those of the messages that wait in it, in order. */
function read(path: string): { retained: string[]; waiting: string[] } {
  const file = openPersistenceFile(path);
  const { retained, deliveries } = file.read();
  file.close();
  return {
    retained: retained.map(({ topic }) => topic),
    waiting: deliveries.map(({ packet }) => (packet.cmd === 'publish' ? packet.topic : packet.cmd)),
  };
}

/** MQTT 3.1.1, section 3.1. */
function connectPacket(clientId: string, { clean = true, will = '' } = {}): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
  const flags = 0x80 | (clean ? 2 : 0) | (will === '' ? 0 : 0x2c);
  const willFields = will === '' ? [] : [text(will), text('gone')];
  const body = Buffer.concat([text('MQTT'), Buffer.from([4, flags, 0, 0]), text(clientId), ...willFields, text('ann')]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}

function publishPacket(topic: string, messageId: number, { retain = true, qos = 1 } = {}): Buffer {
  const bytes = encodePublish(topic, 'x', messageId);
  bytes[0] = 0x30 | (qos << 1) | (retain ? 1 : 0);
  return bytes;
}

function subscribePacket(filter: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x82, filter.length + 5, 0, 1, 0, filter.length]),
    Buffer.from(filter),
    Buffer.from([1]),
  ]);
}

const DISCONNECT = Buffer.from([0xe0, 0]);

interface RawClient {
  socket: Socket;
  /** Types of the small packets that came, as numbers. */
  types: number[];
}

/** Says all of that in one piece; `onPacket` hears of each answer in the turn of the event loop in which it comes. */
function say(broker: Broker, pieces: readonly Buffer[], onPacket: (type: number) => void = () => undefined): RawClient {
  const socket = connect(broker.port(), '127.0.0.1');
  const types: number[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += 2 + (bytes[at + 1] ?? 0)) {
      types.push((bytes[at] ?? 0) >> 4);
      onPacket((bytes[at] ?? 0) >> 4);
    }
  });
  socket.write(Buffer.concat(pieces));
  return { socket, types };
}

const [PUBACK, PUBREC, SUBACK] = [4, 5, 9];

async function addSleeper(broker: Broker, filter: string): Promise<void> {
  const { socket, types } = say(broker, [connectPacket('sleeper', { clean: false }), subscribePacket(filter)]);
  await waitFor('the subscription', () => types.includes(SUBACK));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.end(DISCONNECT);
  await closed;
}

const KINDS = [
  { topic: 'home/lamp', qos: 1, retain: true },
  { topic: 'home/bell', qos: 1, retain: false },
  { topic: 'home/door', qos: 2, retain: true },
  { topic: 'home/bell', qos: 2, retain: false },
];

for (const { topic, qos, retain } of KINDS) {
  test(`QoS ${qos}, ${retain ? 'retained' : 'for who is away'}: at the moment of its confirmation a message is kept`, async () => {
    const { broker } = await startBroker();
    await addSleeper(broker, 'home/bell');
    const copy = join(folder, `${++files}.db`);
    const copied = new Promise((resolve) => {
      const { socket } = say(broker, [connectPacket('pub'), publishPacket(topic, 7, { retain, qos })], (type) => {
        if (type !== PUBACK && type !== PUBREC) return;
        // Of what is there at the call: a process that ends here has written no more.
        resolve(broker.kept.copyTo(copy));
        socket.destroy();
      });
    });
    await copied;
    const { retained, waiting } = read(copy);
    assert.deepEqual(retain ? retained : waiting, [topic]);
    await broker.stop();
  });
}

test('a broker that is asked to end has written what it confirmed before it closes any connection', async () => {
  const { broker, path } = await startBroker();
  const { types, socket } = say(broker, [connectPacket('pub'), publishPacket('home/lamp', 7)]);
  await waitFor('the confirmation', () => types.includes(PUBACK));
  const stopped = broker.stop();
  assert.deepEqual(read(path).retained, ['home/lamp']);
  assert(!socket.destroyed);
  await stopped;
});

test('messages of one sender are kept in their order, retained or not', async () => {
  const { broker, path } = await startBroker();
  await addSleeper(broker, 'home/#');
  const topics = Array.from({ length: 60 }, (_, index) => `home/${index}`);
  const packets = topics.map((topic, index) => publishPacket(topic, index + 1, { retain: index % 3 === 0 }));
  const { types } = say(broker, [connectPacket('pub'), ...packets.slice(0, 20)]);
  await waitFor('some confirmations', () => types.filter((type) => type === PUBACK).length === 20);
  const { types: more } = say(broker, [connectPacket('pub-2'), ...packets.slice(20)]);
  await waitFor('all confirmations', () => more.filter((type) => type === PUBACK).length === 40);
  await broker.stop();
  assert.deepEqual(read(path).waiting, topics);
});

test('whenever a broker ends among clients of all sorts, what it had confirmed is there again', async () => {
  const { broker: first, path } = await startBroker();
  await addSleeper(first, 'home/+/bell');
  await first.stop();
  const confirmed: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    const { broker } = await startBroker(path);
    const half = publishPacket(`home/${round}/half`, 3).subarray(0, 9);
    const bystanders = [
      say(broker, [connectPacket(`half-${round}`), half]),
      say(broker, [connectPacket(`will-${round}`, { will: `home/${round}/will` })]),
      say(broker, [connectPacket(`deaf-${round}`), subscribePacket('#')]),
      say(broker, [connectPacket(`shy-${round}`).subarray(0, 5)]),
    ];
    bystanders[2]?.socket.pause();
    const acknowledged: string[] = [];
    const stopped = new Promise((resolve) => {
      const sent = Array.from({ length: 6 }, (_, index) => `home/${round}-${index}/bell`);
      const packets = sent.map((topic, index) => publishPacket(topic, index + 1));
      say(broker, [connectPacket(`pub-${round}`), ...packets], (type) => {
        if (type !== PUBACK) return;
        acknowledged.push(sent[acknowledged.length] ?? '');
        if (acknowledged.length === 1 + (round % 6)) resolve(broker.stop());
      });
    });
    await stopped;
    confirmed.push(...acknowledged);
    for (const { socket } of bystanders) socket.destroy();
    const { retained, waiting } = read(path);
    for (const topic of confirmed) {
      assert(retained.includes(topic), `${topic} was confirmed and is not retained`);
      assert(waiting.includes(topic), `${topic} was confirmed and does not wait`);
    }
  }
});
