/**
 * One stream as its reader sees it: takes items in order, grants room, asks from time to time whether the sender still has
 * it, and turns a gap or silence into an error. Invariant: after `end` nothing is transmitted any more.
 */
import { fromStatus, internalError, StatusError } from '../machinery/errors.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import {
  type ClientFrame,
  decodeBase64,
  type EndFrame,
  encodeBase64,
  type ServerFrame,
  type ServerItem,
  type StreamFrame,
} from './envelope.ts';
import type { ChannelFrame, Channels, Response } from './exchange.ts';
import { ReceiveQueue, SendWindow } from './flow.ts';
import { CHUNK_BYTES, MAX_OBJECT_BYTES, PROBE_INTERVAL_MS, SILENCE_LIMIT_MS, WINDOW_FRAMES } from './limits.ts';

export interface ClientStreamOptions {
  frame: StreamFrame;
  clock: Clock;
  peer: string;
  transmit(frame: ClientFrame): Promise<void>;
  /** Called once. */
  onClose(): void;
}

export class ClientStream {
  readonly #options: ClientStreamOptions;
  readonly #items: ReceiveQueue<ServerItem>;
  readonly #window: SendWindow;
  #lastHeardMs: number;
  #probe: Timer;
  #over = false;

  constructor(options: ClientStreamOptions) {
    this.#options = options;
    this.#items = new ReceiveQueue({
      window: WINDOW_FRAMES,
      onGrant: (upTo) => this.#send({ type: 'credit', id: this.#id, upTo }),
      onAbandon: () => this.#abandon(),
    });
    this.#window = new SendWindow(options.frame.window ?? 0);
    this.#lastHeardMs = options.clock.monotonicMs();
    this.#probe = this.#armProbe();
  }

  /** What the caller gets; an `object` stream is read to its end first. */
  async response(): Promise<Response> {
    const { stream, code, contentType, headers } = this.#options.frame;
    switch (stream) {
      case 'events':
        return { type: 'events', code, ...(contentType ? { contentType } : {}), events: this.#events() };
      case 'bytes':
        return { type: 'bytes', code, contentType: contentType ?? 'text/plain', chunks: this.#chunks() };
      case 'channels':
        return { type: 'channels', code: 101, serve: (channels) => this.#serve(channels) };
      case 'object': {
        const body = await this.#collect();
        return { type: 'object', code, ...(contentType ? { contentType } : {}), ...(headers ? { headers } : {}), body };
      }
    }
  }

  receive(frame: ServerFrame): void {
    this.#lastHeardMs = this.#options.clock.monotonicMs();
    switch (frame.type) {
      case 'item':
        if (!this.#fits(frame) || this.#items.accept(frame.seq, frame) === 'gap') this.#lost();
        return;
      case 'credit':
        this.#window.grant(frame.upTo);
        return;
      case 'position':
        this.#window.grant(frame.upTo ?? 0);
        if (frame.seq > this.#items.received) this.#lost();
        return;
      case 'end':
        this.#onEnd(frame);
        return;
      case 'stream':
      case 'response':
        return; // doubled on its way
    }
  }

  /** Idempotent. Unread items are still delivered, then the error. */
  end(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#probe.cancel();
    this.#items.end(error);
    this.#window.close(error ?? gone());
    this.#options.onClose();
  }

  get #id(): string {
    return this.#options.frame.id;
  }

  #onEnd(frame: EndFrame): void {
    if (frame.status !== undefined) this.end(fromStatus(frame.status));
    else if (frame.seq !== this.#items.received) this.#lost();
    else this.end();
  }

  #lost(): void {
    this.#send({ type: 'cancel', id: this.#id });
    this.end(unavailable(`part of the stream from ${this.#options.peer} was lost on its way`));
  }

  #abandon(): void {
    this.#send({ type: 'cancel', id: this.#id });
    this.end();
  }

  #armProbe(): Timer {
    const { clock, peer } = this.#options;
    return clock.after(PROBE_INTERVAL_MS, () => {
      if (clock.monotonicMs() - this.#lastHeardMs >= SILENCE_LIMIT_MS) {
        this.#send({ type: 'cancel', id: this.#id });
        this.end(unavailable(`${peer} said nothing for ${SILENCE_LIMIT_MS / 1000} s`));
        return;
      }
      this.#send({ type: 'credit', id: this.#id, upTo: this.#items.limit, probe: true });
      this.#probe = this.#armProbe();
    });
  }

  /** What the kind of the stream allows; anything else is as bad as a gap. */
  #fits(item: ServerItem): boolean {
    const { stream } = this.#options.frame;
    if ('channel' in item) return stream === 'channels';
    return 'event' in item ? stream === 'events' : stream === 'bytes' || stream === 'object';
  }

  #events(): AsyncIterable<unknown> {
    return mapItems(this.#items, (item) => ('event' in item ? item.event : undefined));
  }

  #chunks(): AsyncIterable<Uint8Array> {
    return mapItems(this.#items, (item) => decodeBase64('data' in item ? item.data : ''));
  }

  async #collect(): Promise<unknown> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#chunks()) {
      size += chunk.byteLength;
      if (size > MAX_OBJECT_BYTES) {
        throw new StatusError(
          'RequestEntityTooLarge',
          `the answer has more than ${MAX_OBJECT_BYTES} bytes; ask for less`,
        );
      }
      chunks.push(chunk);
    }
    return parseJson(Buffer.concat(chunks).toString('utf8'));
  }

  /** Joins the caller's channels with the remote ones until either side is gone. */
  async #serve(channels: Channels): Promise<void> {
    const inbound = this.#pumpIn(channels);
    this.#pumpOut(channels).catch(() => undefined);
    try {
      await inbound;
    } finally {
      channels.close();
    }
  }

  async #pumpIn(channels: Channels): Promise<void> {
    try {
      for await (const item of this.#items) {
        if ('channel' in item) await channels.send(toChannelFrame(item));
      }
    } finally {
      this.#abandon();
    }
  }

  async #pumpOut(channels: Channels): Promise<void> {
    try {
      for await (const frame of channels.incoming) await this.#sendChannelFrame(frame);
    } finally {
      // The caller's peer is gone: nobody wants the rest.
      if (!this.#over) this.#abandon();
    }
  }

  async #sendChannelFrame(frame: ChannelFrame): Promise<void> {
    const { channel } = frame;
    if ('close' in frame) {
      await this.#window.send((seq) => this.#transmitItem({ seq, channel, close: true }));
      return;
    }
    for (const chunk of splitChunks(frame.bytes)) {
      await this.#window.send((seq) => this.#transmitItem({ seq, channel, data: encodeBase64(chunk) }));
    }
  }

  #transmitItem(item: { seq: number; channel: number } & ({ data: string } | { close: true })): Promise<void> {
    return this.#options.transmit({ type: 'item', id: this.#id, ...item });
  }

  #send(frame: ClientFrame): void {
    if (!this.#over) this.#options.transmit(frame).catch(() => undefined);
  }
}

/** Pieces of at most CHUNK_BYTES; an empty input stays one empty piece. */
export function* splitChunks(bytes: Uint8Array): Generator<Uint8Array> {
  if (bytes.byteLength <= CHUNK_BYTES) {
    yield bytes;
    return;
  }
  for (let start = 0; start < bytes.byteLength; start += CHUNK_BYTES) yield bytes.subarray(start, start + CHUNK_BYTES);
}

export function toChannelFrame(
  item: { channel: number; data: string } | { channel: number; close: true },
): ChannelFrame {
  return 'close' in item
    ? { channel: item.channel, close: true }
    : { channel: item.channel, bytes: decodeBase64(item.data) };
}

/** Not a generator: one that was never begun would not pass `return` on, and the stream would stay open. */
function mapItems<T, U>(source: AsyncIterable<T>, map: (item: T) => U): AsyncIterable<U> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = source[Symbol.asyncIterator]();
      return {
        async next() {
          const result = await iterator.next();
          return result.done ? { done: true, value: undefined } : { done: false, value: map(result.value) };
        },
        async return() {
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw internalError('the answer is not JSON');
  }
}

function unavailable(message: string): StatusError {
  return new StatusError('ServiceUnavailable', message);
}

function gone(): StatusError {
  return unavailable('the other side is gone');
}
