/** A bounded queue between the hub, which never waits, and one watcher, which may be slow. */
export class EventQueue<T> {
  readonly #limit: number;
  #items: T[] = [];
  #head = 0;
  #closed = false;
  #waiting: ((item: T | undefined) => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** When the queue is full the item is not taken, and the queue ends after what it holds. */
  push(item: T): void {
    if (this.#closed) return;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting(item);
    } else if (this.#items.length - this.#head < this.#limit) {
      this.#items.push(item);
    } else {
      this.close();
    }
  }

  /** Idempotent; what is queued is still given out. */
  close(): void {
    this.#closed = true;
    this.#waiting?.(undefined);
    this.#waiting = undefined;
  }

  /** The next item; undefined when the queue has ended. One caller at a time. */
  next(): Promise<T | undefined> {
    if (this.#head < this.#items.length) return Promise.resolve(this.#shift());
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
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
}
