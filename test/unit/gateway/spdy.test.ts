/** kubectl's port-forward: SPDY frames, header blocks with the protocol's dictionary, and a session against an echo. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constants, createDeflate } from 'node:zlib';
import {
  encodeData,
  encodePing,
  encodeRst,
  encodeSynReply,
  FrameReader,
  MAX_FRAME_BYTES,
  SpdyError,
  type SpdyFrame,
} from '../../../master/gateway/https/spdy/frames.ts';
import { HeaderBlocks, parseHeaders, spdyDictionary } from '../../../master/gateway/https/spdy/header-blocks.ts';
import { servePortForward } from '../../../master/gateway/https/spdy/port-forward-session.ts';
import { StatusError } from '../../../shared/machinery/errors.ts';
import type { ChannelsResponse } from '../../../shared/protocol/exchange.ts';
import { waitFor } from '../../support/wait.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** What a client says: blocks compressed in one go, like kubectl's. */
class Client {
  readonly #deflate = createDeflate({ dictionary: spdyDictionary(), flush: constants.Z_SYNC_FLUSH });

  async block(headers: Record<string, string>): Promise<Buffer> {
    const words = Object.entries(headers).flat();
    const plain = [number(words.length / 2), ...words.flatMap((word) => [number(word.length), Buffer.from(word)])];
    const chunks: Buffer[] = [];
    const take = (chunk: Buffer): void => void chunks.push(chunk);
    this.#deflate.on('data', take);
    await new Promise((resolve) => this.#deflate.write(Buffer.concat(plain), resolve));
    this.#deflate.off('data', take);
    return Buffer.concat(chunks);
  }

  async synStream(streamId: number, headers: Record<string, string>, fin = false): Promise<Uint8Array> {
    const body = Buffer.concat([number(streamId), Buffer.alloc(6), await this.block(headers)]);
    const head = Buffer.from([0x80, 3, 0, 1, fin ? 1 : 0, 0, body.length >> 8, body.length & 0xff]);
    return Buffer.concat([head, body]);
  }
}

describe('frames', () => {
  it('come out of pieces of any size', async () => {
    const syn = await new Client().synStream(3, { port: '80' }, true);
    const all = Buffer.concat([
      syn,
      encodeData(3, Buffer.from('hello')),
      encodePing(number(7)),
      encodeData(3, number(1), true),
    ]);
    for (const size of [1, 7, 1_000]) {
      const reader = new FrameReader();
      const frames: SpdyFrame[] = [];
      for (let at = 0; at < all.length; at += size) frames.push(...reader.push(all.subarray(at, at + size)));
      assert.deepEqual(
        frames.map((frame) => [frame.type, 'fin' in frame && frame.fin]),
        [
          ['syn-stream', true],
          ['data', false],
          ['ping', false],
          ['data', true],
        ],
      );
    }
  });
  it('are refused when they are too large, of another version, or cut short', () => {
    const refused: Uint8Array[] = [
      Buffer.from([0, 0, 0, 1, 0, 0xff, 0xff, 0xff]),
      Buffer.from([0x80, 2, 0, 1, 0, 0, 0, 0]),
      Buffer.from([0x80, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1]),
    ];
    for (const bytes of refused) assert.throws(() => new FrameReader().push(bytes), SpdyError);
    assert.ok(MAX_FRAME_BYTES < 0xffffff);
  });
  it('of answers have the words of the protocol', () => {
    assert.equal(Buffer.from(encodeRst(5, 3)).toString('hex'), '8003000300000008' + '00000005' + '00000003');
    assert.equal(
      Buffer.from(encodeSynReply(5, Buffer.from([9]))).toString('hex'),
      '8003000200000005' + '00000005' + '09',
    );
  });
});

describe('header blocks', () => {
  it('use the dictionary of SPDY/3, whose checksum zlib sends along', async () => {
    const blocks = new HeaderBlocks();
    assert.equal(spdyDictionary().length, 1423);
    assert.equal(
      Buffer.from(await blocks.empty())
        .subarray(2, 6)
        .toString('hex'),
      'e3c6a7c2',
    );
    blocks.close();
  });
  it('are read one after the other', async () => {
    const [client, blocks] = [new Client(), new HeaderBlocks()];
    const headers: Record<string, string>[] = [
      { streamtype: 'error', port: '80' },
      { streamtype: 'data', port: '80', requestid: '0' },
    ];
    for (const one of headers) assert.deepEqual(await blocks.read(await client.block(one)), one);
    await assert.rejects(blocks.read(Buffer.from('no zlib at all')), SpdyError);
    blocks.close();
  });
  it('that are bombs or cut off are refused', async () => {
    const blocks = new HeaderBlocks();
    await assert.rejects(blocks.read(await new Client().block({ bomb: 'x'.repeat(1_000_000) })), SpdyError);
    assert.throws(() => parseHeaders(Buffer.concat([number(1), number(100), Buffer.from('x')])), SpdyError);
    blocks.close();
  });
});

interface Peer {
  say(bytes: Uint8Array): void;
  leave(): void;
  heard: SpdyFrame[];
  ended: Promise<void>;
}

function startSession(open: (port: number) => Promise<ChannelsResponse>): Peer {
  const inbox: Uint8Array[] = [];
  let over = false;
  let news = Promise.withResolvers<void>();
  const wake = (): void => {
    news.resolve();
    news = Promise.withResolvers<void>();
  };
  const reader = new FrameReader();
  const heard: SpdyFrame[] = [];
  async function* read(): AsyncGenerator<Uint8Array> {
    while (!over || inbox.length > 0) {
      const bytes = inbox.shift();
      if (bytes !== undefined) yield bytes;
      else await news.promise;
    }
  }
  const write = async (bytes: Uint8Array): Promise<void> => void heard.push(...reader.push(bytes));
  const ended = servePortForward({ tunnel: { incoming: read(), write, close: () => undefined }, open });
  return {
    say: (bytes) => {
      inbox.push(bytes);
      wake();
    },
    leave: () => {
      over = true;
      wake();
    },
    heard,
    ended,
  };
}

const ECHO: ChannelsResponse['serve'] = async ({ incoming, send }) => {
  for (const channel of [0, 1]) await send({ channel, bytes: Uint8Array.of(80, 0) });
  for await (const frame of incoming) {
    if ('close' in frame) return;
    await send({ channel: 0, bytes: Buffer.from(`echo ${text(frame.bytes)}`) });
  }
};

describe('a session', () => {
  const echo = async (): Promise<ChannelsResponse> => ({ type: 'channels', code: 101, serve: ECHO });
  const dataOf = (peer: Peer, id: number): string =>
    peer.heard.map((frame) => (frame.type === 'data' && frame.streamId === id ? text(frame.bytes) : '')).join('');
  const endOf = (peer: Peer, id: number): boolean =>
    peer.heard.some((frame) => frame.type === 'data' && frame.streamId === id && frame.fin);

  it('joins streams and connections, several at a time, and ends both streams of each', async () => {
    const [peer, client] = [startSession(echo), new Client()];
    for (const [request, error, data] of [
      ['0', 1, 3],
      ['1', 5, 7],
    ] as const) {
      peer.say(await client.synStream(error, { streamtype: 'error', port: '80', requestid: request }, true));
      peer.say(await client.synStream(data, { streamtype: 'data', port: '80', requestid: request }));
      peer.say(encodeData(data, Buffer.from(`request ${request}`)));
    }
    await waitFor('both echoes', () => dataOf(peer, 7) === 'echo request 1' && dataOf(peer, 3) === 'echo request 0');
    peer.say(encodeData(3, new Uint8Array(), true));
    await waitFor('the end of the first', () => endOf(peer, 1) && endOf(peer, 3));
    assert.equal(endOf(peer, 7), false);
    peer.leave();
    await peer.ended;
    await waitFor('the end of the second', () => endOf(peer, 7));
  });
  it('tells on the error stream why there is no connection', async () => {
    const refuse = async (): Promise<ChannelsResponse> => {
      throw new StatusError('Forbidden', 'pods "web" is forbidden');
    };
    const [peer, client] = [startSession(refuse), new Client()];
    peer.say(await client.synStream(1, { streamtype: 'error', port: '99', requestid: '0' }, true));
    peer.say(await client.synStream(3, { streamtype: 'data', port: '99', requestid: '0' }));
    await waitFor('the end', () => endOf(peer, 1));
    assert.equal(dataOf(peer, 1), 'error forwarding port 99: pods "web" is forbidden');
    peer.leave();
    await peer.ended;
  });
  it('refuses a data stream without its error stream, and ends with what is no SPDY', async () => {
    const [peer, client] = [startSession(echo), new Client()];
    peer.say(await client.synStream(3, { streamtype: 'data', port: '80', requestid: '0' }));
    await waitFor('the refusal', () => peer.heard.some(({ type }) => type === 'rst-stream'));
    peer.say(Buffer.from([0x80, 9, 0, 1, 0, 0, 0, 0]));
    await assert.rejects(peer.ended, SpdyError);
  });
});
