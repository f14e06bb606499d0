/** A bounded queue between the hub, which never waits, and one watcher, which may be slow. */
export class EventQueue<T> {
  readonly #limit: number;
  #items: T[] = [];
  #head = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False when the queue is full: the item is not taken and the queue ends after what it holds. */
  push(item: T): boolean {
    if (this.#closed) return false;
    if (this.#items.length - this.#head >= this.#limit) {
      this.close();
      return false;
    }
    this.#items.push(item);
    this.#signal();
    return true;
  }

  /** Idempotent; what is queued is still given out. */
  close(): void {
    this.#closed = true;
    this.#signal();
  }

  /** The next item; undefined when the queue has ended. One caller at a time. */
  async next(): Promise<T | undefined> {
    while (this.#head === this.#items.length) {
      if (this.#closed) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    return this.#shift();
  }

  #shift(): T | undefined {
    const item = this.#items[this.#head];
    this.#head += 1;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    }
    return item;
  }

  #signal(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
