/** Images between two nodes over real TLS: who is let in, what is sent, and what happens when a line breaks. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ImageCopier } from '../../../../../node-agent/kubelet/images/image-copier.ts';
import { createPeerDialer } from '../../../../../node-agent/kubelet/images/peers/https-peer-dialer.ts';
import { createPeerServer, type PeerServer } from '../../../../../node-agent/kubelet/images/peers/https-peer-server.ts';
import { ImageSharing, MAX_SHARES } from '../../../../../node-agent/kubelet/images/peers/image-sharing.ts';
import {
  type PeerDialer,
  PeerError,
  type PeerRequest,
} from '../../../../../node-agent/kubelet/images/peers/peer-dialer.ts';
import type { PeerIdentity } from '../../../../../node-agent/kubelet/images/peers/peer-identity.ts';
import { parseAnswer, parseQuery, renderQuery } from '../../../../../node-agent/kubelet/images/peers/peer-wire.ts';
import type { ImagePeer } from '../../../../../shared/api/image-pull.ts';
import { systemClock } from '../../../../../shared/platform/clock.ts';
import { silentLogger } from '../../../../../shared/platform/logger.ts';
import { FakeRuntime } from '../../../../support/fake-runtime.ts';
import { createTestPki, type TestPki } from '../../../../support/test-pki.ts';
import { createVirtualClock } from '../../../../support/virtual-clock.ts';

const IMAGE = 'app:1';
const IMAGE_ID = `sha256:${IMAGE}`;
const { signal } = new AbortController();
const REQUEST: PeerRequest = { reference: IMAGE, imageId: undefined, offset: 0, version: undefined, signal };

async function runtimeWith(...images: string[]): Promise<FakeRuntime> {
  const runtime = new FakeRuntime({ clock: systemClock, node: 'n', pullMs: 0 });
  for (const image of images) await runtime.pullImage(image, { auth: undefined, onProgress: () => undefined, signal });
  return runtime;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe('the door for images', () => {
  let pki: TestPki;
  let server: PeerServer;
  let sharing: ImageSharing;
  let peer: ImagePeer;

  function identityOf(commonName: string, organization = 'system:nodes', from = pki): PeerIdentity {
    const { key, cert } = from.client(commonName, organization);
    return { key, certificate: cert, ca: from.server.ca };
  }
  const dialerAs = (identity: PeerIdentity): PeerDialer =>
    createPeerDialer({ identity: () => identity, clock: systemClock });

  before(async () => {
    pki = await createTestPki();
    const base = { clock: systemClock, logger: silentLogger };
    sharing = new ImageSharing({ ...base, runtime: await runtimeWith(IMAGE), freeBytes: async () => 1e12 });
    const identity = identityOf('system:node:pi-1');
    server = createPeerServer({ ...base, sharing, host: '127.0.0.1', port: 0, identity: () => identity });
    await server.start();
    peer = { nodeName: 'pi-1', address: '127.0.0.1', port: server.port };
  });
  after(() => server.stop());

  it('hands an image to another node, whole or from a place on', async () => {
    const dialer = dialerAs(identityOf('system:node:pi-2'));
    const first = await dialer.open(peer, REQUEST);
    const whole = await collect(first.chunks);
    assert.deepEqual([first.offset, first.sizeBytes, whole.length], [0, whole.length, whole.length]);
    const rest = await dialer.open(peer, { ...REQUEST, version: first.version, offset: 50_000 });
    assert.equal(rest.offset, 50_000);
    assert.ok((await collect(rest.chunks)).equals(whole.subarray(50_000)));
    const other = await dialer.open(peer, { ...REQUEST, version: 'another', offset: 50_000 });
    assert.equal(other.offset, 0);
    assert.ok((await collect(other.chunks)).equals(whole));
  });

  it('says what it does not have', async () => {
    const dialer = dialerAs(identityOf('system:node:pi-2'));
    await assert.rejects(dialer.open(peer, { ...REQUEST, reference: 'other' }), { reason: 'not-found' });
  });

  it('lets in nodes of the cluster only', async () => {
    const foreign = await createTestPki();
    const refused: [string, PeerIdentity][] = [
      ['a user', identityOf('jane', 'people')],
      ['an administrator', identityOf('admin', 'system:masters')],
      ['a node by name only', identityOf('system:node:pi-2', 'people')],
      ['a node of another cluster', { ...identityOf('system:node:pi-2', 'system:nodes', foreign), ca: pki.server.ca }],
    ];
    for (const [who, identity] of refused) await assert.rejects(dialerAs(identity).open(peer, REQUEST), PeerError, who);
  });

  it('is believed only as the node that was meant', async () => {
    const dialer = dialerAs(identityOf('system:node:pi-2'));
    await assert.rejects(dialer.open({ ...peer, nodeName: 'pi-3' }, REQUEST), { reason: 'unreachable' });
    const foreign = await createTestPki();
    const deceived = { ...identityOf('system:node:pi-2'), ca: foreign.server.ca };
    await assert.rejects(dialerAs(deceived).open(peer, REQUEST), { reason: 'unreachable' });
    await assert.rejects(dialer.open({ ...peer, port: 1 }, REQUEST), { reason: 'unreachable' });
  });

  it('hands out to a few at a time', async () => {
    const dialer = dialerAs(identityOf('system:node:pi-2'));
    const held = await Promise.all(Array.from({ length: MAX_SHARES }, () => sharing.open(REQUEST)));
    await assert.rejects(dialer.open(peer, REQUEST), { reason: 'busy' });
    for (const { chunks } of held) await collect(chunks);
    await collect((await dialer.open(peer, REQUEST)).chunks);
  });

  it('breaks off when it ends, and that is no end of the image', async () => {
    const base = { clock: systemClock, logger: silentLogger };
    const slow = new ImageSharing({
      ...base,
      runtime: await runtimeWith(IMAGE),
      freeBytes: async () => undefined,
      limitBytesPerSecond: 20_000,
    });
    const identity = identityOf('system:node:pi-9');
    const own = createPeerServer({ ...base, sharing: slow, host: '127.0.0.1', port: 0, identity: () => identity });
    await own.start();
    const { chunks } = await dialerAs(identityOf('system:node:pi-2')).open(
      { ...peer, nodeName: 'pi-9', port: own.port },
      REQUEST,
    );
    const reading = collect(chunks);
    await own.stop();
    await assert.rejects(reading, { reason: 'broken' });
  });

  it('is no reason not to run when its port is taken', async () => {
    const base = { clock: systemClock, logger: silentLogger, identity: () => identityOf('system:node:x') };
    const second = createPeerServer({ ...base, sharing, host: '127.0.0.1', port: server.port });
    await second.start();
    assert.equal(second.port, 0);
    await second.stop();
  });
});

describe('sharing', () => {
  it('does not fill the disk with what it prepares', async () => {
    const base = { clock: systemClock, logger: silentLogger, runtime: await runtimeWith(IMAGE) };
    const full = new ImageSharing({ ...base, freeBytes: async () => 1000 });
    await assert.rejects(full.open(REQUEST), { reason: 'busy' });
    await assert.rejects(full.open(REQUEST), { reason: 'busy' });
    await collect((await new ImageSharing({ ...base, freeBytes: async () => undefined }).open(REQUEST)).chunks);
  });

  it('keeps to its speed', async () => {
    const clock = createVirtualClock();
    const sharing = new ImageSharing({
      ...{ clock, logger: silentLogger, runtime: await runtimeWith(IMAGE) },
      freeBytes: async () => undefined,
      limitBytesPerSecond: 1024,
    });
    const { chunks, sizeBytes } = await sharing.open(REQUEST);
    let done = false;
    const reading = collect(chunks).then(() => {
      done = true;
    });
    await clock.advance((sizeBytes / 1024) * 1000 - 5_000);
    assert.equal(done, false);
    await clock.advance(10_000);
    await reading;
  });
});

/** A dialer whose peers break off where a test says so. */
class BreakingDialer implements PeerDialer {
  readonly asked: string[] = [];
  readonly #runtime: FakeRuntime;
  /** By peer: after how many chunks each of its answers breaks off; none left: it gives everything. */
  readonly breaks: Record<string, number[]> = {};
  readonly versions: Record<string, string> = {};
  readonly lies = new Set<string>();

  constructor(runtime: FakeRuntime) {
    this.#runtime = runtime;
  }

  async open({ nodeName }: ImagePeer, { offset, version }: PeerRequest) {
    this.asked.push(`${nodeName}@${offset}`);
    if (nodeName === 'dead') throw new PeerError('unreachable', 'dead');
    const exported = await this.#runtime.exportImage(IMAGE_ID);
    const own = this.versions[nodeName] ?? 'v1';
    const from = version === own ? offset : 0;
    const limit = this.breaks[nodeName]?.shift() ?? Number.POSITIVE_INFINITY;
    const isLying = this.lies.has(nodeName);
    async function* chunks(): AsyncGenerator<Uint8Array> {
      let count = 0;
      for (const chunk of [await collect(exported.chunks)]) {
        for (let start = from; start < chunk.length; start += 4096) {
          if (count++ >= limit) throw new PeerError('broken', 'the line is cut');
          const part = chunk.subarray(start, start + 4096);
          yield isLying ? part.map((byte) => byte ^ 1) : part;
        }
      }
    }
    return { version: own, offset: from, sizeBytes: exported.sizeBytes, chunks: chunks() };
  }
}

describe('a copy', () => {
  async function copyFrom(names: string[], prepare: (dialer: BreakingDialer) => void = () => undefined) {
    const clock = createVirtualClock();
    const runtime = new FakeRuntime({ clock, node: 'me', pullMs: 0 });
    const dialer = new BreakingDialer(await runtimeWith(IMAGE));
    prepare(dialer);
    const copier = new ImageCopier({ runtime, dialer, clock, logger: silentLogger });
    const peers = names.map((nodeName) => ({ nodeName, address: nodeName, port: 1 }));
    const transfers: number[] = [];
    const onTransfer = (done: number): void => void transfers.push(done);
    const copying = copier.copy({ reference: IMAGE, digest: undefined, imageId: IMAGE_ID, peers, onTransfer, signal });
    await clock.advance(60_000);
    const result = await copying;
    const has = (await runtime.imageStatus(IMAGE)) !== undefined;
    return { result: result.type === 'copied' ? result.from : result.why, has, asked: dialer.asked, transfers };
  }

  it('comes from the first node that has it', async () => {
    const { result, has, asked, transfers } = await copyFrom(['dead', 'a', 'b']);
    assert.deepEqual([result, has, asked], ['a', true, ['dead@0', 'a@0']]);
    assert.equal(transfers.at(-1), 65_536);
  });

  it('goes on where it broke off, with the same node', async () => {
    const { result, asked } = await copyFrom(['a'], (dialer) => {
      dialer.breaks['a'] = [4, 4];
    });
    assert.deepEqual([result, asked], ['a', ['a@0', 'a@16384', 'a@32768']]);
  });

  it('goes on with another node when the first is lost for good', async () => {
    const { result, has, asked } = await copyFrom(['a', 'b'], (dialer) => {
      dialer.breaks['a'] = [4, 0, 0, 0];
    });
    assert.deepEqual([result, has, asked.at(-1)], ['b', true, 'b@16384']);
  });

  it('begins anew with a node that has the image in another form', async () => {
    const { result, has, asked } = await copyFrom(['a', 'b'], (dialer) => {
      dialer.breaks['a'] = [4, 0, 0, 0];
      dialer.versions['b'] = 'v2';
    });
    assert.deepEqual([result, has, asked.at(-1)], ['b', true, 'b@0']);
  });

  it('is not taken from a node that gives something else', async () => {
    const { result, has, asked } = await copyFrom(['liar', 'b'], (dialer) => dialer.lies.add('liar'));
    assert.deepEqual([result, has, asked], ['b', true, ['liar@0', 'b@0']]);
  });

  it('fails when nobody has it, and leaves nothing', async () => {
    const { result, has, asked } = await copyFrom(['dead', 'dead']);
    assert.deepEqual([result, has, asked], ['dead', false, ['dead@0', 'dead@0']]);
  });
});

describe('questions for images', () => {
  it('survive the wire', () => {
    const query = {
      reference: 'registry.local:5000/a/b:1+2',
      imageId: `sha256:${'a'.repeat(64)}`,
      offset: 12,
      version: 'sha256:x 28.5 overlay2',
    };
    const { path, headers } = renderQuery(query);
    assert.deepEqual(parseQuery(path, headers), query);
    const bare = { reference: 'nginx', imageId: undefined, offset: 0, version: undefined };
    const rendered = renderQuery(bare);
    assert.deepEqual(parseQuery(rendered.path, rendered.headers), bare);
  });

  it('that are none', () => {
    const table = [
      '/',
      '/v1/image',
      '/v1/image?reference=',
      '/v1/images?reference=x',
      '/v1/image?reference=x&image=latest',
      '::',
    ];
    for (const url of table) assert.equal(parseQuery(url, {}), undefined, url);
    assert.equal(parseQuery('/v1/image?reference=x', { 'bramble-offset': '-1' }), undefined);
    assert.equal(parseQuery(`/v1/image?reference=${'x'.repeat(2000)}`, {}), undefined);
    assert.throws(() => parseAnswer({ 'bramble-version': 'a', 'bramble-offset': 'x', 'bramble-size': '1' }), {
      reason: 'refused',
    });
  });
});
