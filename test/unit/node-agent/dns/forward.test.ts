/** Names of others: whom to ask, in which order, how long an answer holds, and what happens when nobody answers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, decode, encode } from 'dns-packet';
import { DnsCache } from '../../../../node-agent/dns/forward/cache.ts';
import type { UpstreamDialer, UpstreamQuestion } from '../../../../node-agent/dns/forward/dialer.ts';
import { Forwarder } from '../../../../node-agent/dns/forward/forwarder.ts';
import { chooseUpstreams, type Upstream } from '../../../../node-agent/dns/forward/upstreams.ts';
import { type Query, readQuery } from '../../../../node-agent/dns/wire/query.ts';
import { relayMessage } from '../../../../node-agent/dns/wire/reply.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { seededRandom } from '../../../../shared/platform/random.ts';
import { createVirtualClock, type VirtualClock } from '../../../support/virtual-clock.ts';
import { WORLD } from './world.ts';
import { askResolver, createResolver } from './zone-fixture.ts';

describe('the servers that are asked', () => {
  const TABLE: readonly [string, string, string, string][] = [
    [
      'those of resolv.conf, in its order',
      'nameserver 192.0.2.1\n# no\nnameserver  192.0.2.2 ',
      '',
      '192.0.2.1 192.0.2.2',
    ],
    ['three at most', '1234'.replaceAll(/./g, 'nameserver 192.0.2.$&\n'), '', '192.0.2.1 192.0.2.2 192.0.2.3'],
    ['those behind the stub', 'nameserver 127.0.0.53', 'nameserver 192.0.2.9', '192.0.2.9'],
    ['the stub when it tells of none', 'nameserver 127.0.0.53', '', '127.0.0.53'],
    ['a name server on the board itself', 'nameserver 127.0.0.1', '', '127.0.0.1'],
    ['never ourselves', 'nameserver 10.42.3.1\nnameserver 192.0.2.1', '', '192.0.2.1'],
    ['an address with its interface', 'nameserver fe80::1%eth0', '', 'fe80::1%eth0'],
    ['none', 'nameserver example.org\nsearch x', 'nameserver 127.0.0.53', ''],
  ];
  for (const [what, main, systemd, expected] of TABLE) {
    it(what, () => {
      const chosen = chooseUpstreams({ main, systemd }, ['10.42.3.1']);
      assert.equal(chosen.map(({ address }) => address).join(' '), expected);
    });
  }
});

function query(name: string): Query {
  const reading = readQuery(encode({ id: 1, flags: 0x100, questions: [{ name, type: 'A' }] }));
  assert.ok(reading !== undefined && 'query' in reading);
  return reading.query;
}

/** What a server says to that question. */
function say(
  { packet }: UpstreamQuestion,
  answers: Answer[],
  more: { rcode?: number; soa?: number; truncated?: boolean } = {},
) {
  const { id = 0, questions = [] } = decode(packet);
  const data = { mname: 'ns.example', rname: 'x.example', minimum: more.soa ?? 0 };
  return encode({
    ...{ id, type: 'response', questions, answers },
    flags: 0x8180 | (more.rcode ?? 0) | (more.truncated ? 0x200 : 0),
    authorities: more.soa === undefined ? [] : [{ name: 'example', type: 'SOA', ttl: 3_600, data }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 1232,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
}

const record = (name: string, ttl = 60): Answer => ({ name, type: 'A', ttl, data: '192.0.2.80' });

/** A world of servers that each do something of their own. */
function createWorld(servers: Record<string, (question: UpstreamQuestion) => Buffer | undefined>) {
  const clock = createVirtualClock();
  const asked: string[] = [];
  const ask = (kind: string) => (upstream: Upstream, question: UpstreamQuestion) => {
    asked.push(`${kind}${upstream.address}`);
    return new Promise<Buffer>((resolve, reject) => {
      question.signal.addEventListener('abort', () => reject(question.signal.reason));
      const server = servers[upstream.address];
      if (server === undefined) reject(new Error('refused'));
      const answer = server?.(question);
      if (answer !== undefined && question.accept(answer)) resolve(answer);
    });
  };
  const dialer: UpstreamDialer = { askByDatagram: ask(''), askByStream: ask('tcp ') };
  const forwarder = new Forwarder({ dialer, clock, random: seededRandom(3), logger: silentLogger });
  forwarder.setUpstreams(['a', 'b'].map((address) => ({ address, port: 53 })));
  const cache = new DnsCache({ ask: (one) => forwarder.ask(one), clock });
  return { clock, asked, forwarder, cache, servers };
}

async function settled<T>(clock: VirtualClock, promise: Promise<T>, ms = 10_000): Promise<T> {
  let result: { value: T } | undefined;
  void promise.then((value) => {
    result = { value };
  });
  for (let spent = 0; result === undefined && spent < ms; spent += 100) await clock.advance(100);
  assert.ok(result, 'an end in time');
  return result.value;
}

describe('the forwarder', () => {
  it('asks the next server when one is silent, and the silent one last from then on', async () => {
    const { clock, asked, forwarder } = createWorld({
      a: () => undefined,
      b: (one) => say(one, [record('x.example')]),
    });
    assert.ok(await settled(clock, forwarder.ask(query('x.example'))));
    assert.ok(await settled(clock, forwarder.ask(query('y.example'))));
    assert.deepEqual(asked, ['a', 'b', 'b']);
    await clock.advance(10_000);
    assert.ok(await settled(clock, forwarder.ask(query('z.example'))));
    assert.deepEqual(asked.slice(3), ['a', 'b']);
  });

  it('gives up within the time that a client waits', async () => {
    const { clock, forwarder } = createWorld({ a: () => undefined, b: () => undefined });
    const startMs = clock.monotonicMs();
    assert.equal(await settled(clock, forwarder.ask(query('x.example'))), undefined);
    assert.ok(clock.monotonicMs() - startMs <= 4_600);
  });

  it('takes no answer to another question, and none that is broken', async () => {
    const { clock, forwarder } = createWorld({
      a: (one) => say({ ...one, packet: encode({ id: 9, questions: [{ name: 'evil.example', type: 'A' }] }) }, []),
      b: (one) => say(one, [record('x.example')]).subarray(0, 40),
    });
    assert.equal(await settled(clock, forwarder.ask(query('x.example'))), undefined);
  });

  it('asks by TCP for what was cut, and another server when one refuses', async () => {
    const { clock, asked, forwarder } = createWorld({
      a: (one) => say(one, [], { rcode: 5 }),
      b: (one) => (asked.at(-1) === 'b' ? say(one, [], { truncated: true }) : say(one, [record('x.example')])),
    });
    const answer = await settled(clock, forwarder.ask(query('x.example')));
    assert.equal(answer && decode(answer).answers?.length, 1);
    assert.deepEqual(asked, ['a', 'b', 'tcp b']);
  });
});

describe('the cache', () => {
  const ttlOf = async (world: ReturnType<typeof createWorld>, name: string): Promise<number | undefined> => {
    const one = query(name);
    const known = await settled(world.clock, world.cache.resolve(one));
    if (known === undefined) return undefined;
    const [answer] = decode(relayMessage(one, known.message, { limitBytes: 512, ttl: known.ttl })).answers ?? [];
    return answer !== undefined && 'ttl' in answer ? answer.ttl : 0;
  };

  it('answers again while the answer holds, counting down', async () => {
    const world = createWorld({ a: (one) => say(one, [record('x.example', 60)]) });
    assert.equal(await ttlOf(world, 'x.example'), 60);
    await world.clock.advance(20_000);
    assert.equal(await ttlOf(world, 'X.Example'), 39);
    assert.equal(world.asked.length, 1);
    await world.clock.advance(45_000);
    assert.equal(await ttlOf(world, 'x.example'), 60);
    assert.equal(world.asked.length, 2);
  });

  it('remembers that a name is missing as long as its zone says', async () => {
    const world = createWorld({ a: (one) => say(one, [], { rcode: 3, soa: 30 }) });
    for (const ms of [0, 25_000]) {
      await world.clock.advance(ms);
      await ttlOf(world, 'missing.example');
    }
    assert.equal(world.asked.length, 1);
    await world.clock.advance(10_000);
    await ttlOf(world, 'missing.example');
    assert.equal(world.asked.length, 2);
  });

  it('tells the old answer when nobody answers any more, soon, and asks again when somebody does', async () => {
    const world = createWorld({ a: (one) => say(one, [record('x.example', 60)]), b: () => undefined });
    await ttlOf(world, 'x.example');
    const { a } = world.servers;
    world.servers['a'] = () => undefined;
    await world.clock.advance(3_600_000);
    const startMs = world.clock.monotonicMs();
    assert.equal(await ttlOf(world, 'x.example'), 30);
    assert.ok(world.clock.monotonicMs() - startMs <= 2_000);
    await world.clock.advance(10_000);
    const count = world.asked.length;
    assert.equal(await ttlOf(world, 'x.example'), 30);
    assert.equal(world.asked.length, count, 'nobody is asked so soon after a failure');
    assert.equal(await ttlOf(world, 'never-heard.example'), undefined);
    if (a) world.servers['a'] = a;
    await world.clock.advance(60_000);
    assert.equal(await ttlOf(world, 'x.example'), 60);
  });

  it('asks once however many want to know', async () => {
    const world = createWorld({ a: () => undefined });
    const waiting = Array.from({ length: 50 }, () => world.cache.resolve(query('x.example')));
    await world.clock.settle();
    assert.equal(world.asked.length, 1);
    for (const one of waiting) assert.equal(await settled(world.clock, one), undefined);
  });

  it('stays within its bytes and keeps what is asked for', async () => {
    const world = createWorld({ a: (one) => say(one, [record(decode(one.packet).questions?.[0]?.name ?? '', 600)]) });
    for (let count = 0; count < 5_000; count += 1) {
      await settled(world.clock, world.cache.resolve(query(`name-${count}.example`)));
      if (count % 100 === 0) await settled(world.clock, world.cache.resolve(query('name-0.example')));
    }
    assert.ok(world.cache.bytes <= 1024 * 1024 && world.cache.size > 1_000);
    const count = world.asked.length;
    await settled(world.clock, world.cache.resolve(query('name-0.example')));
    assert.equal(world.asked.length, count);
  });
});

describe('the resolver', () => {
  it('follows a name to another one outside, and says when that cannot be found out', async () => {
    const ask = async (one: Query) => {
      const packet = encode({ id: 1, questions: [{ name: one.name, type: 'A' }] });
      return say({ packet, accept: () => true, signal: new AbortController().signal }, [record(one.name)]);
    };
    const told = await askResolver(createResolver(WORLD, ask), 'mirror.shop.svc.cluster.local', 'A');
    assert.deepEqual(
      told.answers?.map((one) => [one.type, one.name]),
      [
        ['CNAME', 'mirror.shop.svc.cluster.local'],
        ['A', 'archive.example.org'],
      ],
    );
    const alone = await askResolver(createResolver(WORLD), 'mirror.shop.svc.cluster.local', 'A');
    assert.equal(alone.rcode, 'SERVFAIL');
  });

  it('answers cluster names when nobody else answers anything', async () => {
    const never = () => new Promise<undefined>(() => undefined);
    const told = await askResolver(createResolver(WORLD, never), 'kubernetes.default.svc.cluster.local', 'A');
    assert.equal(told.answers?.length, 1);
  });
});
