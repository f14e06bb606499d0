/** AssignmentDisk in memory: outlives agents, takes its time, refuses, loses power in the middle, and counts what is written. */
import type { AssignmentDisk } from '../../node-agent/kubelet/assignment/assignment-disk.ts';
import { type Clock, sleep } from '../../shared/platform/clock.ts';

export class MemoryAssignmentDisk implements AssignmentDisk {
  readonly files: Map<string, Uint8Array>;
  readonly #clock: Clock;
  readonly #writeMs: number;
  #failure: string | undefined;
  /** Files written or removed since the beginning. */
  writes = 0;

  /** Each file takes `writeMs`; power may be cut between two. `files`: what an earlier process has left. */
  constructor(clock: Clock, writeMs = 0, files = new Map<string, Uint8Array>()) {
    this.#clock = clock;
    this.#writeMs = writeMs;
    this.files = files;
  }

  /** The next calls fail with this message; undefined: they work again. */
  fail(message: string | undefined): void {
    this.#failure = message;
  }

  /** A bad card: one file holds something else now. */
  damage(name: string): void {
    this.files.set(name, new TextEncoder().encode('BRK1 but nothing that anybody has sealed'));
  }

  async readAll(): Promise<ReadonlyMap<string, Uint8Array>> {
    this.#check();
    return new Map(this.files);
  }

  async apply(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    for (const [name, bytes] of changes) {
      if (this.#writeMs > 0) await sleep(this.#clock, this.#writeMs);
      this.#check();
      if (bytes === undefined) this.files.delete(name);
      else this.files.set(name, bytes);
      this.writes += 1;
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw new Error(this.#failure);
  }
}
