/** The name server's sockets on this machine: UDP, TCP with questions in pieces and in a row, and the board's resolv.conf. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { decode, encode } from 'dns-packet';
import { type DnsListener, listenDns } from '../../../../node-agent/dns/dns-listener.ts';
import { nodeDialer } from '../../../../node-agent/dns/forward/node-dialer.ts';
import { createNodeResolverFiles } from '../../../../node-agent/dns/forward/node-resolver-files.ts';
import { silentLogger } from '../../../../shared/platform/logger.ts';
import { waitFor } from '../../../support/wait.ts';
import { WORLD } from './world.ts';
import { createResolver } from './zone-fixture.ts';

const NAME = 'kubernetes.default.svc.cluster.local';
const question = (id: number): Buffer => encode({ id, flags: 0x100, questions: [{ name: NAME, type: 'A' }] });

const open: (() => Promise<unknown> | unknown)[] = [];
after(async () => {
  for (const close of open) await close();
});

async function listen(): Promise<DnsListener> {
  const resolver = createResolver(WORLD);
  const listener = await listenDns({
    ...{ address: '127.0.0.1', port: 0, logger: silentLogger },
    handler: (packet, isStream) => resolver.answer(packet, isStream),
  });
  open.push(() => listener.close());
  return listener;
}

describe('the listener', () => {
  it('answers by UDP and by TCP, as the dialer asks', async () => {
    const { address, port } = await listen();
    const asked = { packet: question(5), accept: () => true, signal: new AbortController().signal };
    for (const ask of [nodeDialer.askByDatagram, nodeDialer.askByStream]) {
      const { answers, id } = decode(await ask({ address, port }, asked));
      assert.deepEqual([answers?.length, id], [1, 5]);
    }
  });

  it('takes questions in pieces, and several on one connection', async () => {
    const { port } = await listen();
    const frames = [1, 2, 3].flatMap((id) => {
      const packet = question(id);
      return [Buffer.from([packet.length >> 8, packet.length & 255]), packet];
    });
    const bytes = Buffer.concat(frames);
    const socket = connect(port, '127.0.0.1');
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
    });
    for (const byte of bytes.subarray(0, 20)) socket.write(Buffer.from([byte]));
    socket.write(bytes.subarray(20));
    const ids = (): number[] => {
      const found: number[] = [];
      for (let offset = 0; offset + 2 < received.length; offset += 2 + received.readUInt16BE(offset)) {
        found.push(received.readUInt16BE(offset + 2));
      }
      return found;
    };
    await waitFor('three answers', () => ids().length === 3);
    assert.deepEqual(ids().sort(), [1, 2, 3]);
    socket.destroy();
  });

  it('ends a connection that announces a question too long', async () => {
    const { port } = await listen();
    const socket = connect(port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(Buffer.from([0xff, 0xff, 0]));
    await closed;
  });

  it('goes on by UDP where somebody else has TCP', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    open.push(() => new Promise((resolve) => other.close(resolve)));
    await new Promise((resolve) => other.once('listening', resolve));
    const place = other.address();
    assert.ok(typeof place === 'object' && place !== null);
    const resolver = createResolver(WORLD);
    const listener = await listenDns({
      ...{ address: '127.0.0.1', port: place.port, logger: silentLogger },
      handler: (packet, isStream) => resolver.answer(packet, isStream),
    });
    open.push(() => listener.close());
    assert.ok(listener.lacksStream);
  });

  it('says that an address is not there', async () => {
    const handler = () => undefined;
    await assert.rejects(listenDns({ address: '192.0.2.77', port: 0, handler, logger: silentLogger }), {
      code: 'EADDRNOTAVAIL',
    });
  });
});

describe('the dialer', () => {
  it('is told at once when nobody listens, and stops when nobody waits', async () => {
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    const { port } = silent.address();
    const ending = new AbortController();
    const asked = { packet: question(1), accept: () => true, signal: ending.signal };
    const waiting = nodeDialer.askByDatagram({ address: '127.0.0.1', port }, asked);
    ending.abort(new Error('over'));
    await assert.rejects(waiting, { message: 'over' });
    await new Promise<void>((resolve) => silent.close(resolve));
    const again = { ...asked, signal: new AbortController().signal };
    await assert.rejects(nodeDialer.askByDatagram({ address: '127.0.0.1', port }, again), { code: 'ECONNREFUSED' });
  });
});

describe('resolv.conf', () => {
  it('is watched through links and replacements', async () => {
    const root = await mkdtemp(join(tmpdir(), 'bt-resolv-'));
    open.push(() => rm(root, { recursive: true, force: true }));
    for (const folder of ['etc', 'run/systemd/resolve', 'run/other'])
      await mkdir(join(root, folder), { recursive: true });
    const linked = join(root, 'run/other/resolv.conf');
    await writeFile(linked, 'nameserver 192.0.2.1\n');
    await symlink(linked, join(root, 'etc/resolv.conf'));
    const files = createNodeResolverFiles(root);
    let changes = 0;
    const watch = files.watch(() => {
      changes += 1;
    });
    open.push(() => watch.stop());
    assert.equal((await files.read()).main, 'nameserver 192.0.2.1\n');
    // The watch begins in a moment: written until it is seen.
    await waitFor('a change behind the link is seen', async () => {
      await writeFile(`${linked}.new`, 'nameserver 192.0.2.2\n');
      await rename(`${linked}.new`, linked);
      return changes > 0;
    });
    assert.equal((await files.read()).main, 'nameserver 192.0.2.2\n');
    changes = 0;
    await writeFile(join(root, 'run/systemd/resolve/resolv.conf'), 'nameserver 192.0.2.3\n');
    await waitFor('a change of the real servers is seen', () => changes > 0);
    assert.equal((await files.read()).systemd, 'nameserver 192.0.2.3\n');
  });
});
