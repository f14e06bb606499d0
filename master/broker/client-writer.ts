/**
 * What one client gets in a turn of the event loop goes out in one write: one TLS record and one system call for many small
 * messages. Bounded by its caller, who looks at `unreadBytes` before it writes.
 */
import type { Duplex } from 'node:stream';

export class ClientWriter {
  readonly #conn: Duplex;
  readonly #schedule: (task: () => void) => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  constructor(conn: Duplex, schedule: (task: () => void) => void) {
    this.#conn = conn;
    this.#schedule = schedule;
  }

  /** Written and not yet taken by the network. */
  get unreadBytes(): number {
    return this.#pendingBytes + this.#conn.writableLength;
  }

  write(bytes: Buffer): void {
    if (this.#pending.length === 0) this.#schedule(() => this.#flush());
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  #flush(): void {
    const pieces = this.#pending;
    const bytes = this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    const [first] = pieces;
    if (first === undefined || this.#conn.destroyed || !this.#conn.writable) return;
    this.#conn.write(pieces.length === 1 ? first : Buffer.concat(pieces, bytes));
  }
}
