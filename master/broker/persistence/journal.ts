/**
 * Collects what is different since the last batch and writes it once a second, when there is something. What came and went
 * within a batch is never written. A batch that cannot be written stays, and is tried again with what came since.
 */
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { PersistenceFile, StoredDelivery, StoredSession } from './persistence-file.ts';
import type { PublishRecord, RetainedRecord } from './stored-packet.ts';

/** What the death of the process may cost, and how often a card is written to at most. */
export const BATCH_INTERVAL_MS = 1_000;

const RETRY_INTERVAL_MS = 10_000;

export interface JournalOptions {
  file: PersistenceFile;
  clock: Pick<Clock, 'after'>;
  logger: Logger;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #retained = new Map<string, RetainedRecord | undefined>();
  readonly #sessions = new Map<string, StoredSession | undefined>();
  readonly #deliveries = new Map<number, StoredDelivery | undefined>();
  readonly #receipts = new Map<string, readonly PublishRecord[]>();
  /** Numbers of deliveries that are in the file. */
  readonly #written = new Set<number>();
  #timer: Timer | undefined;
  #closed = false;
  #batches = 0;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Read at the start: it is in the file already. */
  knows(seq: number): void {
    this.#written.add(seq);
  }

  retained(topic: string, packet: RetainedRecord | undefined): void {
    this.#retained.set(topic, packet);
    this.#schedule(BATCH_INTERVAL_MS);
  }

  session(clientId: string, session: StoredSession | undefined): void {
    this.#sessions.set(clientId, session);
    this.#schedule(BATCH_INTERVAL_MS);
  }

  delivery(delivery: StoredDelivery): void {
    this.#deliveries.set(delivery.seq, delivery);
    this.#schedule(BATCH_INTERVAL_MS);
  }

  delivered(seq: number): void {
    if (this.#written.has(seq)) this.#deliveries.set(seq, undefined);
    else this.#deliveries.delete(seq);
    this.#schedule(BATCH_INTERVAL_MS);
  }

  receipts(clientId: string, packets: readonly PublishRecord[]): void {
    this.#receipts.set(clientId, packets);
    this.#schedule(BATCH_INTERVAL_MS);
  }

  /** Written so far. */
  get batches(): number {
    return this.#batches;
  }

  /** With what waits to be written. */
  async copyTo(path: string): Promise<void> {
    this.flush();
    await this.#options.file.copyTo(path);
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#closed || this.#isEmpty()) return;
    const { file, logger } = this.#options;
    try {
      file.write({
        retained: this.#retained,
        sessions: this.#sessions,
        deliveries: this.#deliveries,
        receipts: this.#receipts,
      });
    } catch (error) {
      logger.error('retained messages and sessions could not be written; trying again', { error });
      this.#schedule(RETRY_INTERVAL_MS);
      return;
    }
    this.#batches += 1;
    this.#forget();
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#timer?.cancel();
    if (!this.#isEmpty()) this.#options.logger.error('what could not be written until the end is lost');
    this.#options.file.close();
  }

  #isEmpty(): boolean {
    return this.#retained.size + this.#sessions.size + this.#deliveries.size + this.#receipts.size === 0;
  }

  #forget(): void {
    for (const [seq, delivery] of this.#deliveries) {
      if (delivery === undefined) this.#written.delete(seq);
      else this.#written.add(seq);
    }
    for (const changes of [this.#retained, this.#sessions, this.#deliveries, this.#receipts]) changes.clear();
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return;
    this.#timer ??= this.#options.clock.after(delayMs, () => this.flush());
  }
}
