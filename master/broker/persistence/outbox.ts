/**
 * Messages of QoS 1 and 2 on their way to one client, in order, until it confirms them. Bounded: when it is full, what is new
 * is left out, and the client hears of what waited longest.
 */
import { type PacketLike, type StoredPacket, sizeOf } from './stored-packet.ts';

export interface OutboxEntry {
  /** One number for the whole broker; the order of the deliveries. */
  seq: number;
  packet: StoredPacket;
}

export interface OutboxLimits {
  messages: number;
  bytes: number;
}

export class Outbox {
  readonly #entries = new Map<number, OutboxEntry>();
  readonly #byMessageId = new Map<number, OutboxEntry>();
  /** Of messages that have no identifier yet: by broker and counter. */
  readonly #byOrigin = new Map<string, OutboxEntry>();
  #bytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  hasRoom(packet: StoredPacket, { messages, bytes }: OutboxLimits): boolean {
    return this.#entries.size < messages && this.#bytes + sizeOf(packet) <= bytes;
  }

  add(entry: OutboxEntry): void {
    this.#entries.set(entry.seq, entry);
    this.#bytes += sizeOf(entry.packet);
    this.#index(entry);
  }

  /** A delivery begins, or goes into its second half. Undefined: it is not kept here. */
  update(packet: PacketLike, copy: (packet: PacketLike) => StoredPacket): OutboxEntry | undefined {
    const known = packet.brokerId === undefined ? undefined : this.#byOrigin.get(originOf(packet));
    if (known !== undefined && known.packet.cmd === 'publish') {
      if (known.packet.messageId !== undefined) this.#forgetId(known);
      known.packet.messageId = packet.messageId;
      this.#index(known);
      return known;
    }
    const entry = packet.messageId === undefined ? undefined : this.#byMessageId.get(packet.messageId);
    if (entry === undefined) return undefined;
    this.#unindex(entry);
    this.#bytes -= sizeOf(entry.packet);
    entry.packet = copy(packet);
    this.#bytes += sizeOf(entry.packet);
    this.#index(entry);
    return entry;
  }

  /** Confirmed, or not wanted any more. */
  remove(messageId: number | undefined): OutboxEntry | undefined {
    const entry = messageId === undefined ? undefined : this.#byMessageId.get(messageId);
    if (entry === undefined) return undefined;
    this.#entries.delete(entry.seq);
    this.#bytes -= sizeOf(entry.packet);
    this.#unindex(entry);
    return entry;
  }

  entries(): OutboxEntry[] {
    return [...this.#entries.values()];
  }

  #index(entry: OutboxEntry): void {
    const { packet } = entry;
    if (packet.messageId !== undefined) this.#byMessageId.set(packet.messageId, entry);
    if (packet.cmd === 'publish') this.#byOrigin.set(originOf(packet), entry);
  }

  #unindex(entry: OutboxEntry): void {
    this.#forgetId(entry);
    if (entry.packet.cmd === 'publish') this.#byOrigin.delete(originOf(entry.packet));
  }

  #forgetId({ packet: { messageId }, seq }: OutboxEntry): void {
    if (messageId !== undefined && this.#byMessageId.get(messageId)?.seq === seq) this.#byMessageId.delete(messageId);
  }
}

function originOf({ brokerId, brokerCounter }: Pick<PacketLike, 'brokerId' | 'brokerCounter'>): string {
  return `${brokerId} ${brokerCounter}`;
}
