/**
 * kubectl's port-forward: SPDY over one connection, two streams for each connection to a port, one for its bytes and one for
 * its error. Invariant: a stream is known from its SYN_STREAM until both sides have ended it, and no longer.
 * Source: Kubernetes' portforward.k8s.io protocol (streamtype, port and requestid in the headers of a stream).
 */
import { StatusError } from '../../../../shared/machinery/errors.ts';
import type { ChannelFrame, ChannelsResponse } from '../../../../shared/protocol/exchange.ts';
import { FrameQueue } from '../../../../shared/protocol/frame-queue.ts';
import { encodeData, encodePing, encodeRst, encodeSynReply, FrameReader, RST, type SpdyFrame } from './frames.ts';
import { HeaderBlocks } from './header-blocks.ts';

/** Bytes in both directions, whatever carries them: a WebSocket's messages, or the bare connection. */
export interface ByteTunnel {
  incoming: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for more; rejects when the client is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** Idempotent. */
  close(): void;
}

export interface PortForwardSessionOptions {
  tunnel: ByteTunnel;
  /** One more connection to that port, as channels 0 (data) and 1 (error), each beginning with the port's number. */
  open(port: number, signal: AbortSignal): Promise<ChannelsResponse>;
}

/** Connections of one kubectl at a time. */
const MAX_CONNECTIONS = 256;

interface Connection {
  port: number;
  errorId: number;
  dataId: number | undefined;
  incoming: FrameQueue;
  abort: AbortController;
}

/** Resolves when the client has gone, or does not speak SPDY. */
export async function servePortForward(options: PortForwardSessionOptions): Promise<void> {
  const session = new Session(options);
  try {
    await session.run();
  } finally {
    session.close();
  }
}

class Session {
  readonly #options: PortForwardSessionOptions;
  readonly #reader = new FrameReader();
  readonly #blocks = new HeaderBlocks();
  /** By kubectl's number of the request. */
  readonly #connections = new Map<string, Connection>();

  constructor(options: PortForwardSessionOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    for await (const bytes of this.#options.tunnel.incoming) {
      for (const frame of this.#reader.push(bytes)) {
        if (frame.type === 'goaway') return;
        await this.#take(frame);
      }
    }
  }

  close(): void {
    for (const connection of this.#connections.values()) end(connection);
    this.#connections.clear();
    this.#blocks.close();
    this.#options.tunnel.close();
  }

  async #take(frame: SpdyFrame): Promise<void> {
    switch (frame.type) {
      case 'syn-stream':
        return this.#open(frame.streamId, await this.#blocks.read(frame.block));
      case 'headers':
        // Unpacked all the same: the next block goes on from it.
        await this.#blocks.read(frame.block);
        return;
      case 'data':
        return this.#data(frame.streamId, frame);
      case 'rst-stream':
        return this.#reset(frame.streamId);
      case 'ping':
        return this.#write(encodePing(frame.bytes));
      default:
        return;
    }
  }

  async #open(streamId: number, headers: Readonly<Record<string, string>>): Promise<void> {
    const { streamtype, port = '', requestid = String(streamId) } = headers;
    const known = this.#connections.get(requestid);
    if (streamtype === 'error' && known === undefined && this.#connections.size < MAX_CONNECTIONS) {
      const made = { port: Number(port), errorId: streamId, dataId: undefined };
      this.#connections.set(requestid, { ...made, incoming: new FrameQueue(), abort: new AbortController() });
    } else if (streamtype === 'data' && known !== undefined && known.dataId === undefined) {
      known.dataId = streamId;
    } else {
      return this.#write(encodeRst(streamId, RST.refused));
    }
    await this.#write(encodeSynReply(streamId, await this.#blocks.empty()));
    if (streamtype === 'data' && known !== undefined) void this.#serve(requestid, known, streamId);
  }

  async #data(streamId: number, { bytes, fin }: { bytes: Uint8Array; fin: boolean }): Promise<void> {
    const connection = this.#byData(streamId);
    if (connection === undefined) return;
    // The reader's memory goes on to the next frames; this one may wait.
    if (bytes.byteLength > 0) await connection.incoming.push({ channel: 0, bytes: Uint8Array.from(bytes) });
    if (fin) await connection.incoming.push({ channel: 0, close: true });
  }

  #reset(streamId: number): void {
    const connection = this.#byData(streamId);
    if (connection !== undefined) end(connection);
  }

  #byData(streamId: number): Connection | undefined {
    for (const connection of this.#connections.values()) if (connection.dataId === streamId) return connection;
    return undefined;
  }

  /** Never rejects: what is wrong is told on the connection's error stream. */
  async #serve(requestId: string, connection: Connection, dataId: number): Promise<void> {
    const { port, errorId, incoming, abort } = connection;
    const streams: readonly [number, number] = [dataId, errorId];
    try {
      const response = await this.#options.open(port, abort.signal);
      const send = sender(streams, (bytes) => this.#write(bytes));
      await response.serve({ incoming, send, close: () => incoming.end() });
    } catch (error) {
      const why = error instanceof StatusError ? error.message : 'an internal error has occurred';
      const text = Buffer.from(`error forwarding port ${port}: ${why}`);
      await this.#write(encodeData(errorId, text)).catch(() => undefined);
    } finally {
      end(connection);
      this.#connections.delete(requestId);
      const nothing = new Uint8Array();
      for (const id of streams) await this.#write(encodeData(id, nothing, true)).catch(() => undefined);
    }
  }

  #write(bytes: Uint8Array): Promise<void> {
    return this.#options.tunnel.write(bytes);
  }
}

/** Idempotent. */
function end({ incoming, abort }: Connection): void {
  incoming.end();
  abort.abort();
}

/** The port's number, with which each channel begins, is no news to kubectl; the streams' ends are told when all is over. */
function sender(streams: readonly [number, number], write: (bytes: Uint8Array) => Promise<void>) {
  const hasBegun = new Set<number>();
  return async (frame: ChannelFrame): Promise<void> => {
    const streamId = streams[frame.channel];
    if (streamId === undefined || 'close' in frame) return;
    if (hasBegun.has(frame.channel)) await write(encodeData(streamId, frame.bytes));
    else hasBegun.add(frame.channel);
  };
}
