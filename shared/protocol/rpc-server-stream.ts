/**
 * One stream as its sender sees it: sends items as the reader grants room, answers its probes, and is closed when the reader
 * cancels, leaves a gap in what it sends itself, or is silent. Invariant: after `close` nothing is transmitted any more.
 */
import { StatusError, toStatus } from '../machinery/errors.ts';
import { unreachable } from '../platform/assert.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import {
  type ClientFrame,
  type ClientItemFrame,
  encodeBase64,
  type ServerFrame,
  type ServerItem,
  type StreamFrame,
} from './envelope.ts';
import type { ChannelFrame, Channels, ChannelsResponse, Response } from './exchange.ts';
import { ReceiveQueue, SendWindow } from './flow.ts';
import { SILENCE_LIMIT_MS, WINDOW_FRAMES } from './limits.ts';
import { splitChunks, toChannelFrame } from './rpc-client-stream.ts';

export interface ServerStreamOptions {
  id: string;
  /** The reader's first grant; undefined: it does not take part in flow control, and sends no probes. */
  window: number | undefined;
  clock: Clock;
  logger: Logger;
  transmit(frame: ServerFrame): Promise<void>;
  /** The stream is over, whoever ended it; called once. */
  onClose(): void;
}

export class ServerStream {
  readonly #options: ServerStreamOptions;
  readonly #window: SendWindow;
  readonly #incoming: ReceiveQueue<ClientItemFrame>;
  #lastHeardMs: number;
  #silence: Timer | undefined;
  #over = false;

  constructor(options: ServerStreamOptions) {
    this.#options = options;
    this.#window = new SendWindow(options.window ?? Number.POSITIVE_INFINITY);
    this.#incoming = new ReceiveQueue({
      window: WINDOW_FRAMES,
      onGrant: (upTo) => this.#send({ type: 'credit', id: options.id, upTo }),
      onAbandon: () => undefined,
    });
    this.#lastHeardMs = options.clock.monotonicMs();
    this.#silence = options.window === undefined ? undefined : this.#armSilence();
  }

  /** Resolves when everything is sent or the stream was closed; never rejects. */
  async serve(response: Response): Promise<void> {
    try {
      await this.#open(response);
      await this.#items(response);
      await this.#end(undefined);
    } catch (error) {
      if (!this.#over) await this.#fail(error);
    } finally {
      this.close();
    }
  }

  receive(frame: Exclude<ClientFrame, { type: 'request' | 'cancel' }>): void {
    this.#lastHeardMs = this.#options.clock.monotonicMs();
    if (frame.type === 'credit') {
      this.#window.grant(frame.upTo);
      if (frame.probe) this.#answerProbe();
      return;
    }
    if (this.#incoming.accept(frame.seq, frame) !== 'gap') return;
    const lost = new StatusError('ServiceUnavailable', 'part of the stream was lost on its way');
    this.#end(lost).catch(() => undefined);
    this.close();
  }

  /** Idempotent. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#silence?.cancel();
    this.#incoming.end();
    this.#window.close(new StatusError('ServiceUnavailable', 'the client does not read any more'));
    this.#options.onClose();
  }

  #open(response: Response): Promise<void> {
    const { code, type } = response;
    const contentType = type === 'channels' ? undefined : response.contentType;
    const headers = type === 'object' ? response.headers : undefined;
    const frame: StreamFrame = {
      type: 'stream',
      id: this.#options.id,
      stream: type,
      code,
      ...(contentType === undefined ? {} : { contentType }),
      ...(headers === undefined ? {} : { headers: { ...headers } }),
      ...(type === 'channels' ? { window: WINDOW_FRAMES } : {}),
    };
    return this.#options.transmit(frame);
  }

  async #items(response: Response): Promise<void> {
    switch (response.type) {
      case 'events':
        for await (const event of response.events) await this.#item({ event });
        return;
      case 'bytes':
        for await (const bytes of response.chunks) await this.#bytes(bytes);
        return;
      case 'object':
        return this.#bytes(Buffer.from(JSON.stringify(response.body)));
      case 'channels':
        return this.#channels(response);
      default:
        unreachable(response);
    }
  }

  async #bytes(bytes: Uint8Array): Promise<void> {
    for (const chunk of splitChunks(bytes)) await this.#item({ data: encodeBase64(chunk) });
  }

  #channels(response: ChannelsResponse): Promise<void> {
    const incoming = this.#incoming;
    const channels: Channels = {
      incoming: (async function* () {
        for await (const item of incoming) yield toChannelFrame(item);
      })(),
      send: (frame) => this.#channelFrame(frame),
      close: () => incoming.end(),
    };
    return response.serve(channels);
  }

  async #channelFrame(frame: ChannelFrame): Promise<void> {
    const { channel } = frame;
    if ('close' in frame) {
      await this.#item({ channel, close: true });
      return;
    }
    for (const chunk of splitChunks(frame.bytes)) await this.#item({ channel, data: encodeBase64(chunk) });
  }

  #item(item: ServerItem): Promise<void> {
    return this.#window.send((seq) => this.#options.transmit({ type: 'item', id: this.#options.id, seq, ...item }));
  }

  async #end(error: unknown): Promise<void> {
    const status = error === undefined ? {} : { status: toStatus(error) };
    await this.#options.transmit({ type: 'end', id: this.#options.id, seq: this.#window.sent, ...status });
  }

  async #fail(error: unknown): Promise<void> {
    if (!(error instanceof StatusError)) this.#options.logger.error('a stream failed', { error });
    await this.#end(error).catch(() => undefined);
  }

  #answerProbe(): void {
    this.#send({ type: 'position', id: this.#options.id, seq: this.#window.sent, upTo: this.#incoming.limit });
  }

  #armSilence(): Timer {
    const { clock } = this.#options;
    return clock.after(SILENCE_LIMIT_MS, () => {
      if (clock.monotonicMs() - this.#lastHeardMs >= SILENCE_LIMIT_MS) this.close();
      else this.#silence = this.#armSilence();
    });
  }

  #send(frame: ServerFrame): void {
    if (!this.#over) this.#options.transmit(frame).catch(() => undefined);
  }
}
