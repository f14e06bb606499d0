/**
 * Flow control of one direction of one stream. The sender may use sequence numbers up to a limit that the receiver moves;
 * the receiver takes each number once and in order. Invariant: what a consumer sees is a prefix of what was sent.
 */
export class SendWindow {
  #limit: number;
  #sent = 0;
  #closed: Error | undefined;
  #room = Promise.withResolvers<void>();

  /** `limit`: the first grant; Infinity for a receiver that grants without bound. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Sequence number of the last item, 0 before the first. */
  get sent(): number {
    return this.#sent;
  }

  /** Waits for room, then transmits with the next sequence number. Rejects when closed. */
  async send(transmit: (seq: number) => Promise<void>): Promise<void> {
    while (this.#closed === undefined && this.#sent >= this.#limit) await this.#room.promise;
    if (this.#closed !== undefined) throw this.#closed;
    this.#sent += 1;
    await transmit(this.#sent);
  }

  /** Grants never shrink: an old one that comes late changes nothing. */
  grant(upTo: number): void {
    if (upTo <= this.#limit) return;
    this.#limit = upTo;
    this.#wake();
  }

  close(error: Error): void {
    this.#closed ??= error;
    this.#wake();
  }

  #wake(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers<void>();
  }
}

export interface ReceiveQueueOptions {
  /** Items that may be unread. */
  window: number;
  /** The sender may now use sequence numbers up to `upTo`. */
  onGrant(upTo: number): void;
  /** The consumer stopped before the end. */
  onAbandon(): void;
}

export type Acceptance = 'taken' | 'duplicate' | 'gap';

/** Items in order, for one consumer; unread ones are still delivered when the stream fails, then the error. */
export class ReceiveQueue<T> implements AsyncIterable<T> {
  readonly #options: ReceiveQueueOptions;
  readonly #unread: { item: T }[] = [];
  #received = 0;
  #consumed = 0;
  #limit: number;
  #over = false;
  #error: Error | undefined;
  #news = Promise.withResolvers<void>();

  constructor(options: ReceiveQueueOptions) {
    this.#options = options;
    this.#limit = options.window;
  }

  /** Sequence number of the last item that was taken. */
  get received(): number {
    return this.#received;
  }

  /** Present grant. */
  get limit(): number {
    return this.#limit;
  }

  /** `gap`: an item is missing, or the sender ignores the window; the stream cannot go on. */
  accept(seq: number, item: T): Acceptance {
    if (this.#over || seq <= this.#received) return 'duplicate';
    if (seq !== this.#received + 1 || seq > this.#limit) return 'gap';
    this.#received = seq;
    this.#unread.push({ item });
    this.#wake();
    return 'taken';
  }

  /** Nothing more will come. */
  end(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#wake();
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () => this.#next(),
      return: async () => {
        if (!this.#over) this.#options.onAbandon();
        this.end();
        this.#unread.length = 0;
        return { done: true, value: undefined };
      },
    };
  }

  async #next(): Promise<IteratorResult<T>> {
    for (;;) {
      const first = this.#unread.shift();
      if (first !== undefined) {
        this.#consumed += 1;
        this.#grant();
        return { done: false, value: first.item };
      }
      if (this.#over) return this.#finish();
      await this.#news.promise;
    }
  }

  /** An error is thrown once; the iterator is at its end afterwards. */
  #finish(): IteratorResult<T> {
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }

  /** Half a window at a time: few grants, and the sender never waits while the consumer keeps up. */
  #grant(): void {
    const upTo = this.#consumed + this.#options.window;
    if (this.#over || upTo - this.#limit < this.#options.window / 2) return;
    this.#limit = upTo;
    this.#options.onGrant(upTo);
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }
}
