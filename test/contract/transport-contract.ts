/** What every Transport keeps, whatever carries it. Run on the broker in memory and on aedes with mqtt.js over TCP. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { nodeClientId, topics } from '../../shared/protocol/topics.ts';
import type { Message, Transport } from '../../shared/protocol/transport.ts';
import { waitFor } from '../support/wait.ts';

export interface ContractSession extends Transport {
  /** Says good-bye. */
  close(): Promise<void>;
  /** The connection is lost; the session comes back by itself. */
  cut(): void;
}

export interface TransportFixture {
  /** A session of the node of this name, which may use its own topics only. */
  connect(node: string, will?: () => { topic: string; payload: Uint8Array; retain: boolean }): Promise<ContractSession>;
  /** The broker's own attachment. */
  master(): Transport;
  close(): Promise<void>;
}

const text = (payload: Uint8Array): string => Buffer.from(payload).toString('utf8');
const bytes = (payload: string): Uint8Array => Buffer.from(payload);

/** What a subscription got: `topic payload`, with a mark for retained messages. */
function recorder(): { seen: string[]; onMessage(message: Message): void } {
  const seen: string[] = [];
  return {
    seen,
    onMessage: ({ topic, payload, retain }) => seen.push(`${topic} ${text(payload)}${retain ? ' retained' : ''}`),
  };
}

async function whenUp(session: Transport): Promise<void> {
  let up = false;
  const unlisten = session.onLink((now) => {
    up = now;
  });
  await waitFor('the link to be up', () => up);
  unlisten();
}

export function transportContract(name: string, open: () => Promise<TransportFixture>): void {
  const fixture = open();
  after(async () => (await fixture).close());
  let count = 0;
  /** Each test has nodes of its own, so that all can share one broker. */
  const freshNode = (): string => `n${++count}`;

  test(`${name}: a message reaches the master from a session and back`, async () => {
    const { connect, master } = await fixture;
    const node = freshNode();
    const session = await connect(node);
    await whenUp(session);
    const [inbox, outbox] = [recorder(), recorder()];
    await session.subscribe(topics.nodeRequest(node), inbox.onMessage);
    await master().subscribe(topics.nodeResponse(node), outbox.onMessage);
    await session.publish(topics.nodeResponse(node), bytes('ping'));
    await master().publish(topics.nodeRequest(node), bytes('pong'));
    await waitFor('both messages', () => inbox.seen.length === 1 && outbox.seen.length === 1);
    assert.deepEqual(outbox.seen, [`${topics.nodeResponse(node)} ping`]);
    assert.deepEqual(inbox.seen, [`${topics.nodeRequest(node)} pong`]);
    await session.close();
  });

  test(`${name}: messages of one quality of service keep their order, in both directions`, async () => {
    const { connect, master } = await fixture;
    const node = freshNode();
    const session = await connect(node);
    await whenUp(session);
    for (const qos of [0, 1] as const) {
      const [inbox, outbox] = [recorder(), recorder()];
      const unsubscribe = await session.subscribe(topics.nodeRequest(node), inbox.onMessage);
      const unsubscribeMaster = await master().subscribe(topics.nodeResponse(node), outbox.onMessage);
      const numbers = Array.from({ length: 300 }, (_, index) => String(index));
      await Promise.all([
        ...numbers.map((number) => session.publish(topics.nodeResponse(node), bytes(number), { qos })),
        ...numbers.map((number) => master().publish(topics.nodeRequest(node), bytes(number), { qos })),
      ]);
      await waitFor('all messages', () => inbox.seen.length >= 300 && outbox.seen.length >= 300);
      assert.deepEqual(
        inbox.seen,
        numbers.map((number) => `${topics.nodeRequest(node)} ${number}`),
      );
      assert.deepEqual(
        outbox.seen,
        numbers.map((number) => `${topics.nodeResponse(node)} ${number}`),
      );
      unsubscribe();
      unsubscribeMaster();
    }
    await session.close();
  });

  test(`${name}: wildcards, and the end of a subscription`, async () => {
    const { connect, master } = await fixture;
    const [a, b] = [freshNode(), freshNode()];
    const [first, second] = [await connect(a), await connect(b)];
    await whenUp(first);
    await whenUp(second);
    const all = recorder();
    const ours = (): string[] => all.seen.filter((line) => line.includes(`/${a}/`) || line.includes(`/${b}/`));
    const unsubscribe = await master().subscribe(topics.nodeResponse('+'), all.onMessage);
    await first.publish(topics.nodeResponse(a), bytes('1'));
    await second.publish(topics.nodeResponse(b), bytes('2'));
    await waitFor('both', () => ours().length === 2);
    unsubscribe();
    const later = recorder();
    await master().subscribe(topics.nodeResponse(a), later.onMessage);
    await first.publish(topics.nodeResponse(a), bytes('3'));
    await waitFor('the third message', () => later.seen.length === 1);
    assert.equal(ours().length, 2);
    await first.close();
    await second.close();
  });

  test(`${name}: a retained message is there for whoever subscribes later, until it is cleared`, async () => {
    const { connect, master } = await fixture;
    const node = freshNode();
    const session = await connect(node);
    await whenUp(session);
    const topic = topics.nodeStatus(node);
    await session.publish(topic, bytes('on'), { qos: 1, retain: true });
    const live = recorder();
    await waitFor('the message to be kept', async () => {
      const late = recorder();
      const unsubscribe = await master().subscribe(topic, late.onMessage);
      await session.publish(topics.nodeResponse(node), bytes('flush'), { qos: 1 });
      unsubscribe();
      return late.seen.includes(`${topic} on retained`);
    });
    await master().subscribe(topic, live.onMessage);
    await session.publish(topic, bytes(''), { qos: 1, retain: true });
    await waitFor('the live message', () => live.seen.includes(`${topic} `));
    const afterwards = recorder();
    await master().subscribe(topic, afterwards.onMessage);
    assert.deepEqual(afterwards.seen, []);
    await session.close();
  });

  test(`${name}: a lost session publishes its will, a closed one does not`, async () => {
    const { connect, master } = await fixture;
    const node = freshNode();
    const topic = topics.nodeStatus(node);
    const wills = recorder();
    await master().subscribe(topic, wills.onMessage);
    let sessions = 0;
    const session = await connect(node, () => ({ topic, payload: bytes(`gone ${++sessions}`), retain: true }));
    await whenUp(session);
    session.cut();
    await waitFor('the will', () => wills.seen.includes(`${topic} gone 1`));
    await whenUp(session);
    session.cut();
    await waitFor('the will of the second session', () => wills.seen.includes(`${topic} gone 2`));
    await whenUp(session);
    await session.close();
    const other = await connect(freshNode());
    await whenUp(other);
    await other.close();
    assert(!wills.seen.includes(`${topic} gone 3`));
  });

  test(`${name}: after a lost link publishing fails, and subscriptions are there again when it is back`, async () => {
    const { connect, master } = await fixture;
    const node = freshNode();
    const session = await connect(node);
    await whenUp(session);
    const inbox = recorder();
    await session.subscribe(topics.nodeRequest(node), inbox.onMessage);
    const links: boolean[] = [];
    session.onLink((up) => links.push(up));
    session.cut();
    await waitFor('the loss to be noticed', () => links.includes(false));
    await assert.rejects(session.publish(topics.nodeResponse(node), bytes('lost')));
    await assert.rejects(session.publish(topics.nodeResponse(node), bytes('lost'), { qos: 1 }));
    await whenUp(session);
    assert.deepEqual(links, [true, false, true]);
    await master().publish(topics.nodeRequest(node), bytes('again'));
    await waitFor('the message', () => inbox.seen.length === 1);
    await session.close();
  });

  test(`${name}: a second session with the same client id ends the first`, async () => {
    const { connect } = await fixture;
    const node = freshNode();
    const first = await connect(node);
    await whenUp(first);
    let lost = false;
    first.onLink((up) => {
      if (!up) lost = true;
    });
    const second = await connect(node);
    await waitFor(`the first session of ${nodeClientId(node)} to be lost`, () => lost);
    await first.close();
    await whenUp(second);
    await second.close();
  });
}
