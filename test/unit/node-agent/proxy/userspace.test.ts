/** The userspace proxy: where it listens, whom it chooses, and real sockets through it. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import type { Portal, Target } from '../../../../node-agent/proxy/services/portal.ts';
import { TargetChooser } from '../../../../node-agent/proxy/userspace/choose-target.ts';
import { computeListeners } from '../../../../node-agent/proxy/userspace/listeners.ts';
import { openTcpRelay } from '../../../../node-agent/proxy/userspace/tcp-relay.ts';
import { openUdpRelay } from '../../../../node-agent/proxy/userspace/udp-relay.ts';
import { systemClock } from '../../../../shared/platform/clock.ts';
import { seededRandom } from '../../../../shared/platform/random.ts';
import { findFreePorts } from '../../../support/cluster.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const A: Target = { address: '10.42.0.5', port: 8080, isLocal: true };
const B: Target = { address: '10.42.1.6', port: 8080, isLocal: false };

function makePortal(change: Partial<Portal>): Portal {
  return {
    ...{ namespace: 'default', name: 'web', port: 80, protocol: 'TCP', family: 4, created: '', nodePort: 0 },
    frontends: [{ kind: 'ClusterIP', address: '10.43.0.9' }],
    internal: [A],
    external: { policy: 'cluster', cluster: [A, B], local: [] },
    sourceRanges: undefined,
    affinitySeconds: 0,
    ...change,
  };
}

describe('where it listens', () => {
  const own = ['10.77.0.1', 'fd77::1'];
  const ids = (portal: Portal): string[] =>
    computeListeners([portal], own).map(({ id, isTaken, targets }) => `${id} ${isTaken} ${targets.length}`);

  it('at the address of the service, which it takes', () =>
    assert.deepEqual(ids(makePortal({})), ['tcp 10.43.0.9 80 true 1']));
  it('at node ports everywhere, for outside targets', () =>
    assert.deepEqual(ids(makePortal({ nodePort: 30_080 })), ['tcp 10.43.0.9 80 true 1', 'tcp  30080 false 2']));
  it('at node ports of UDP on each address, so that answers come from the one that was asked', () => {
    const portal = makePortal({ nodePort: 30_053, protocol: 'UDP' });
    assert.deepEqual(ids(portal), ['udp 10.43.0.9 80 true 1', 'udp 10.77.0.1 30053 false 2']);
  });
  it("at its own balancer's address, not at those of other nodes", () => {
    const frontends = ['10.77.0.1', '10.77.0.2'].map((address) => ({ kind: 'LoadBalancer' as const, address }));
    assert.deepEqual(ids(makePortal({ frontends })), ['tcp 10.77.0.1 80 false 2']);
  });
  it('with policy Local only for targets here', () => {
    const external = { policy: 'local' as const, cluster: [A, B], local: [A] };
    assert.deepEqual(ids(makePortal({ nodePort: 30_080, external }))[1], 'tcp  30080 false 1');
  });
  it('never for SCTP', () => assert.deepEqual(ids(makePortal({ protocol: 'SCTP' })), []));
});

describe('whom it chooses', () => {
  it('everybody in turn of the dice, nobody when there is none', () => {
    const chooser = new TargetChooser(createVirtualClock(), seededRandom(1));
    const chosen = new Set(Array.from({ length: 20 }, () => chooser.choose([A, B], 'c', 0)));
    assert.deepEqual(chosen, new Set([A, B]));
    assert.equal(chooser.choose([], 'c', 0), undefined);
  });
  it('the same for a client with affinity, until it has been silent for long or its target is gone', async () => {
    const clock = createVirtualClock();
    const chooser = new TargetChooser(clock, seededRandom(2));
    const first = chooser.choose([A, B], 'c', 10);
    for (let index = 0; index < 10; index += 1) assert.equal(chooser.choose([A, B], 'c', 10), first);
    const other = first === A ? B : A;
    assert.equal(chooser.choose([other], 'c', 10), other);
    assert.equal(chooser.choose([A, B], 'c', 10), other);
  });
});

describe('real sockets', () => {
  it('TCP: bytes both ways, and an end that is done is told', async () => {
    const [port = 0] = await findFreePorts(1);
    const server = createServer({ allowHalfOpen: true }, async (socket) => socket.end(`heard ${await text(socket)}`));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const target = { address: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 };
    const relay = await openTcpRelay({ address: '127.0.0.1', port, choose: () => target });
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    client.end('a word');
    assert.equal(await text(client), 'heard a word');
    relay.close();
    server.close();
  });
  it('TCP: without a target a connection is refused', async () => {
    const [port = 0] = await findFreePorts(1);
    const relay = await openTcpRelay({ address: '127.0.0.1', port, choose: () => undefined });
    const client = connect(port, '127.0.0.1');
    const error = await new Promise<Error>((resolve) => client.once('error', resolve));
    assert.match(String(error), /ECONNRESET/);
    relay.close();
  });
  it('UDP: a client stays with its target while that is one', async () => {
    const [port = 0] = await findFreePorts(1);
    const servers = await Promise.all(['one', 'two'].map(startNamed));
    const targets = servers.map(({ target }) => target);
    const valid = new Set(targets);
    const relay = await openUdpRelay({
      ...{ address: '127.0.0.1', port, clock: systemClock },
      choose: () => targets.find((each) => valid.has(each)),
      isTarget: (target) => [...valid].some((each) => each === target),
    });
    const client = createSocket('udp4');
    const ask = (): Promise<string> => {
      const answer = new Promise<string>((resolve) => client.once('message', (bytes) => resolve(bytes.toString())));
      client.send('hi', port, '127.0.0.1');
      return answer;
    };
    assert.deepEqual([await ask(), await ask()], ['one', 'one']);
    for (const first of targets.slice(0, 1)) valid.delete(first);
    assert.equal(await ask(), 'two');
    relay.close();
    client.close();
    for (const { stop } of servers) stop();
  });
});

async function startNamed(name: string): Promise<{ target: { address: string; port: number }; stop: () => void }> {
  const socket = createSocket('udp4');
  socket.on('message', (_, from) => socket.send(name, from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { target: { address: '127.0.0.1', port: socket.address().port }, stop: () => void socket.close() };
}
