/** Frames on their way from one stream into another: bounded, in order, for one consumer. */
import type { ChannelFrame } from './exchange.ts';

/** Frames that may wait unread. */
const MAX_UNREAD_FRAMES = 8;

export class FrameQueue implements AsyncIterable<ChannelFrame> {
  readonly #unread: ChannelFrame[] = [];
  #over = false;
  #news = Promise.withResolvers<void>();

  /** Resolves when the queue has taken it, or is over: then it is dropped. */
  async push(frame: ChannelFrame): Promise<void> {
    while (!this.#over && this.#unread.length >= MAX_UNREAD_FRAMES) await this.#news.promise;
    if (this.#over) return;
    this.#unread.push(frame);
    this.#wake();
  }

  /** Idempotent; what waits is still read. */
  end(): void {
    this.#over = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChannelFrame> {
    try {
      for (;;) {
        for (let frame = this.#unread.shift(); frame !== undefined; frame = this.#unread.shift()) {
          this.#wake();
          yield frame;
        }
        if (this.#over) return;
        await this.#news.promise;
      }
    } finally {
      this.end();
    }
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }
}
