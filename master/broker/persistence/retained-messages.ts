/** The last message of each topic that was published to be kept. What is volatile is in memory only. */
import { filterMatches } from '../../../shared/protocol/topic-filter.ts';
import type { Journal } from './journal.ts';
import type { RetainedRecord } from './stored-packet.ts';

export interface RetainedLimits {
  messages: number;
  bytes: number;
}

export class RetainedMessages {
  readonly #packets = new Map<string, RetainedRecord>();
  readonly #limits: RetainedLimits;
  #bytes = 0;

  constructor(limits: RetainedLimits) {
    this.#limits = limits;
  }

  load(packets: readonly RetainedRecord[]): void {
    for (const packet of packets) this.#set(packet);
  }

  /** An empty payload takes the message away (MQTT 3.1.1, section 3.3.1.3). False: there is no room for one more. */
  store(packet: RetainedRecord, journal: Journal | undefined): boolean {
    const { topic, payload } = packet;
    if (payload.length === 0) {
      if (this.#drop(topic)) journal?.retained(topic, undefined);
      return true;
    }
    const known = this.#packets.get(topic);
    const isNew = known === undefined;
    const grows = payload.length - (known?.payload.length ?? 0);
    if (journal !== undefined && this.#isFull(isNew, grows)) return false;
    this.#set(packet);
    journal?.retained(topic, packet);
    return true;
  }

  *matching(filters: readonly string[]): Generator<RetainedRecord> {
    for (const filter of filters) {
      if (/[+#]/.test(filter)) yield* this.#scan(filter);
      else {
        const packet = this.#packets.get(filter);
        if (packet !== undefined) yield packet;
      }
    }
  }

  *#scan(filter: string): Generator<RetainedRecord> {
    for (const [topic, packet] of this.#packets) if (filterMatches(filter, topic)) yield packet;
  }

  #isFull(isNew: boolean, grows: number): boolean {
    const { messages, bytes } = this.#limits;
    return (isNew && this.#packets.size >= messages) || (grows > 0 && this.#bytes + grows > bytes);
  }

  #set(packet: RetainedRecord): void {
    this.#drop(packet.topic);
    this.#packets.set(packet.topic, packet);
    this.#bytes += packet.payload.length;
  }

  #drop(topic: string): boolean {
    this.#bytes -= this.#packets.get(topic)?.payload.length ?? 0;
    return this.#packets.delete(topic);
  }
}
