/**
 * Channels over one WebSocket, in Kubernetes' protocols v4 and v5.channel.k8s.io: binary messages whose first byte is the
 * channel; v5 can also half-close one. Invariant: at most a window of frames waits unread; the socket is paused beyond.
 */
import type { WebSocket } from 'ws';
import { StatusError } from '../../../shared/machinery/errors.ts';
import type { ChannelFrame, Channels } from '../../../shared/protocol/exchange.ts';

/** In order of preference. */
export const CHANNEL_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

export type ChannelProtocol = (typeof CHANNEL_PROTOCOLS)[number];

/** Channel number that means: the channel named in the next byte is closed (v5). */
const CLOSE_SIGNAL = 255;

/** Frames that may wait unread before the socket is paused. */
const MAX_UNREAD_FRAMES = 32;

export function channelsOver(socket: WebSocket, protocol: ChannelProtocol): Channels {
  const inbox = createInbox(socket);
  socket.on('message', (data) => {
    const frame = decodeMessage(asBytes(data), protocol);
    if (frame !== undefined) inbox.push(frame);
  });
  socket.on('close', () => inbox.end());
  socket.on('error', () => inbox.end());
  return {
    incoming: inbox,
    send: (frame) => sendFrame(socket, encodeMessage(frame, protocol)),
    close: () => socket.close(1000),
  };
}

/** Undefined: nothing that the protocol knows. */
export function decodeMessage(bytes: Uint8Array, protocol: ChannelProtocol): ChannelFrame | undefined {
  const [channel, closed] = bytes;
  if (channel === undefined) return undefined;
  if (channel !== CLOSE_SIGNAL) return { channel, bytes: bytes.subarray(1) };
  return protocol === 'v5.channel.k8s.io' && closed !== undefined ? { channel: closed, close: true } : undefined;
}

/** Undefined: the protocol has no words for it. */
export function encodeMessage(frame: ChannelFrame, protocol: ChannelProtocol): Uint8Array | undefined {
  if ('bytes' in frame) return Buffer.concat([Buffer.from([frame.channel]), frame.bytes]);
  return protocol === 'v5.channel.k8s.io' ? Buffer.from([CLOSE_SIGNAL, frame.channel]) : undefined;
}

/** Resolves when the message has left the process, so that a slow reader slows the sender. */
function sendFrame(socket: WebSocket, message: Uint8Array | undefined): Promise<void> {
  if (message === undefined) return Promise.resolve();
  return new Promise((resolve, reject) => {
    socket.send(message, { binary: true }, (error) => {
      if (error) reject(new StatusError('ServiceUnavailable', 'the client is gone'));
      else resolve();
    });
  });
}

interface Inbox extends AsyncIterable<ChannelFrame> {
  push(frame: ChannelFrame): void;
  end(): void;
}

function createInbox(socket: Pick<WebSocket, 'pause' | 'resume'>): Inbox {
  const unread: ChannelFrame[] = [];
  let over = false;
  let news = Promise.withResolvers<void>();
  const wake = (): void => {
    news.resolve();
    news = Promise.withResolvers<void>();
  };
  return {
    push(frame) {
      unread.push(frame);
      if (unread.length >= MAX_UNREAD_FRAMES) socket.pause();
      wake();
    },
    end() {
      over = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let frame = unread.shift(); frame !== undefined; frame = unread.shift()) {
          if (unread.length < MAX_UNREAD_FRAMES / 2) socket.resume();
          yield frame;
        }
        if (over) return;
        await news.promise;
      }
    },
  };
}

function asBytes(data: Buffer | ArrayBuffer | Buffer[]): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
