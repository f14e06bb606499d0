/**
 * Gathers the writes of one turn into one commit and answers each caller when the commit is done. What a turn is, is a
 * parameter: a microtask in the simulation, a turn of the event loop in production.
 * Invariant: writes are committed in the order in which they came, and a caller is never answered before its commit.
 */
import { MAX_BATCH_WRITES } from './limits.ts';
import { StoreError, type Write, type WriteResult } from './store.ts';

/** Runs the task later, soon, and in the order of the calls; never synchronously. */
export type Schedule = (task: () => void) => void;

/** All or nothing: throws when none of the writes happened. */
export type CommitWrites = (writes: readonly Write[]) => WriteResult[];

interface Waiting {
  write: Write;
  resolve(result: WriteResult): void;
  reject(error: unknown): void;
}

export class WriteQueue {
  readonly #schedule: Schedule;
  readonly #commit: CommitWrites;
  #waiting: Waiting[] = [];

  constructor(schedule: Schedule, commit: CommitWrites) {
    this.#schedule = schedule;
    this.#commit = commit;
  }

  add(write: Write): Promise<WriteResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve, reject });
      if (this.#waiting.length === 1) this.#schedule(() => this.flush());
      if (this.#waiting.length >= MAX_BATCH_WRITES) this.flush();
    });
  }

  /** Commits what waits, at once. */
  flush(): void {
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    const error = this.#tryCommit(batch);
    if (error === undefined) return;
    // A full disk must not stop heartbeats, which need none: they are tried again without their companions.
    const memory = batch.filter(({ write }) => write.durability === 'memory');
    const disk = batch.filter(({ write }) => write.durability !== 'memory');
    const retryable = error.cause instanceof StoreError && disk.length > 0 && memory.length > 0;
    reject(retryable ? disk : batch, error.cause);
    if (!retryable) return;
    const second = this.#tryCommit(memory);
    if (second !== undefined) reject(memory, second.cause);
  }

  /** Refuses what waits. */
  abandon(error: StoreError): void {
    const batch = this.#waiting;
    this.#waiting = [];
    reject(batch, error);
  }

  #tryCommit(batch: readonly Waiting[]): { cause: unknown } | undefined {
    try {
      const results = this.#commit(batch.map(({ write }) => write));
      batch.forEach(({ resolve }, index) => {
        const result = results[index];
        if (result !== undefined) resolve(result);
      });
      return undefined;
    } catch (cause) {
      return { cause };
    }
  }
}

function reject(batch: readonly Waiting[], error: unknown): void {
  for (const waiting of batch) waiting.reject(error);
}
