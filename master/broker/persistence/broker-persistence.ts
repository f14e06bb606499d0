/**
 * Retained messages and persistent sessions: what aedes asks of a persistence (its contract tests run on this). Memory holds
 * everything; a file beside the store is told of changes in batches, so that a message which is confirmed within the second
 * never reaches the card. Invariant: what is volatile, `bramble/…` above all, is on no disk.
 */
import { Readable } from 'node:stream';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import { Journal } from './journal.ts';
import { Outbox, type OutboxEntry, type OutboxLimits } from './outbox.ts';
import type { PersistenceFile } from './persistence-file.ts';
import { RetainedMessages } from './retained-messages.ts';
import { SessionSubscriptions, type SubscriptionRecord, type TopicSubscription } from './session-subscriptions.ts';
import {
  copyMessage,
  copyPacket,
  copyRetained,
  type PacketLike,
  type PublishRecord,
  type StoredPacket,
} from './stored-packet.ts';

export interface PersistenceLimits {
  /** Of the house's retained messages. */
  retainedMessages: number;
  retainedBytes: number;
  /** Persistent sessions, connected or not. */
  sessions: number;
  /** Waiting for one session. */
  queuedMessages: number;
  queuedBytes: number;
}

const DEFAULT_LIMITS: PersistenceLimits = {
  retainedMessages: 10_000,
  retainedBytes: 16 * 1024 * 1024,
  sessions: 1_000,
  queuedMessages: 1_000,
  queuedBytes: 1024 * 1024,
};

export interface PersistenceOptions {
  /** Undefined: everything is lost with the process. */
  file: PersistenceFile | undefined;
  clock: Pick<Clock, 'after'>;
  logger: Logger;
  /** Topics whose messages are never written down, and never queued for sessions that are away. */
  isVolatile?(topic: string): boolean;
  limits?: Partial<PersistenceLimits>;
}

interface ClientLike {
  id: string;
}

type Will = PacketLike & { clientId?: string };

export class BrokerPersistence {
  /** Set by aedes. */
  broker: { id: string } | undefined;
  readonly #isVolatile: (topic: string) => boolean;
  readonly #limits: PersistenceLimits;
  readonly #outboxLimits: OutboxLimits;
  readonly #logger: Logger;
  readonly #journal: Journal | undefined;
  readonly #retained: RetainedMessages;
  readonly #subscriptions = new SessionSubscriptions();
  readonly #owners = new Map<string, string>();
  readonly #outboxes = new Map<string, Outbox>();
  readonly #receipts = new Map<string, Map<number, PublishRecord>>();
  readonly #wills = new Map<string, Will>();
  #seq = 0;
  #copying: Promise<void> | undefined;
  #closed = false;

  constructor({ file, clock, logger, isVolatile = () => false, limits }: PersistenceOptions) {
    this.#isVolatile = isVolatile;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#outboxLimits = { messages: this.#limits.queuedMessages, bytes: this.#limits.queuedBytes };
    this.#logger = logger;
    this.#retained = new RetainedMessages({
      messages: this.#limits.retainedMessages,
      bytes: this.#limits.retainedBytes,
    });
    this.#journal = file && new Journal({ file, clock, logger });
    if (file !== undefined) this.#load(file);
  }

  async setup(broker: { id: string }): Promise<void> {
    this.broker = broker;
  }

  /** Who made the persistent session; undefined: there is none. */
  ownerOf(clientId: string): string | undefined {
    return this.#owners.get(clientId);
  }

  /** A persistent session begins or goes on. Where there are too many, the one ends that has been away longest. */
  async claim(clientId: string, owner: string, isConnected: (clientId: string) => boolean): Promise<void> {
    // In the order of their last connection.
    this.#owners.delete(clientId);
    this.#owners.set(clientId, owner);
    if (this.#owners.size <= this.#limits.sessions) return;
    const away = [...this.#owners.keys()].find((id) => id !== clientId && !isConnected(id));
    if (away === undefined) return;
    this.#logger.warn('there are too many persistent sessions: the one that was away longest ended', { client: away });
    await this.cleanSubscriptions({ id: away });
  }

  /** The client went: a session without subscriptions is nothing to keep. */
  release(clientId: string): void {
    if (this.#subscriptions.of(clientId).length === 0 && !this.#outboxes.has(clientId)) this.#owners.delete(clientId);
  }

  /** The sessions of a user who is no more. */
  async forgetOwner(owner: string): Promise<void> {
    for (const [id, name] of [...this.#owners]) if (name === owner) await this.cleanSubscriptions({ id });
  }

  /** All that is to be kept of a message, at once: by its topic, and for the sessions that wait for it. */
  keep(packet: PacketLike & { topic: string }): void {
    if (packet.retain === true) this.#retain(packet);
    if (this.#isVolatile(packet.topic)) return;
    const clients = new Set(this.#subscriptions.matching(packet.topic).map(({ clientId }) => clientId));
    for (const clientId of clients) this.#enqueue(clientId, packet);
  }

  // Retained messages

  async storeRetained(packet: PacketLike): Promise<void> {
    this.#retain(packet);
  }

  #retain(packet: PacketLike): void {
    const record = copyRetained(packet);
    const journal = this.#isVolatile(record.topic) ? undefined : this.#journal;
    if (!this.#retained.store(record, journal)) {
      this.#logger.warn('a message was not retained: there are too many, or too large ones', { topic: record.topic });
    }
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(this.#retained.matching(filters));
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter]);
  }

  // Subscriptions

  async addSubscriptions({ id }: ClientLike, subscriptions: readonly SubscriptionRecord[]): Promise<void> {
    this.#subscriptions.add(id, subscriptions);
    this.#writeSession(id);
  }

  async removeSubscriptions({ id }: ClientLike, filters: readonly string[]): Promise<void> {
    this.#subscriptions.remove(id, filters);
    this.#writeSession(id);
  }

  async subscriptionsByClient({ id }: ClientLike): Promise<SubscriptionRecord[]> {
    return this.#subscriptions.of(id);
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return { subsCount: this.#subscriptions.queuedSubscriptions, clientsCount: this.#subscriptions.clients };
  }

  async subscriptionsByTopic(topic: string): Promise<readonly TopicSubscription[]> {
    return this.#isVolatile(topic) ? [] : this.#subscriptions.matching(topic);
  }

  /** Whether messages of the topic may have to wait for somebody. */
  isQueued(topic: string): boolean {
    if (this.#subscriptions.queuedSubscriptions === 0 || this.#isVolatile(topic)) return false;
    return this.#subscriptions.matching(topic).length > 0;
  }

  /** The session ends for good, with all that waits in it (MQTT 3.1.1, section 3.1.2.4). */
  async cleanSubscriptions({ id }: ClientLike): Promise<void> {
    const filters = this.#subscriptions.of(id).map(({ topic }) => topic);
    this.#subscriptions.remove(id, filters);
    for (const { seq } of this.#outboxes.get(id)?.entries() ?? []) this.#journal?.delivered(seq);
    this.#outboxes.delete(id);
    if (this.#owners.delete(id)) this.#journal?.session(id, undefined);
  }

  getClientList(filter: string): Readable {
    return Readable.from(this.#subscriptions.clientsOf(filter));
  }

  // Deliveries

  async outgoingEnqueue({ clientId }: { clientId: string }, packet: PacketLike): Promise<void> {
    this.#enqueue(clientId, packet);
  }

  #enqueue(clientId: string, packet: PacketLike): void {
    const copy = copyMessage(packet);
    const outbox = this.#outboxes.get(clientId) ?? new Outbox();
    this.#outboxes.set(clientId, outbox);
    if (!outbox.hasRoom(copy, this.#outboxLimits)) {
      this.#logger.debug('a session has too much waiting: a message was left out', { client: clientId });
      return;
    }
    this.#seq += 1;
    const entry = { seq: this.#seq, packet: copy };
    outbox.add(entry);
    this.#journal?.delivery({ clientId, ...entry });
  }

  /** Once a client, however many of its filters match. */
  async outgoingEnqueueCombi(subscriptions: readonly { clientId: string }[], packet: PacketLike): Promise<void> {
    const clients = new Set(subscriptions.map(({ clientId }) => clientId));
    for (const clientId of clients) this.#enqueue(clientId, packet);
  }

  /** A message that found no room is delivered all the same, once. */
  async outgoingUpdate({ id }: ClientLike, packet: PacketLike): Promise<void> {
    const entry = this.#outboxes.get(id)?.update(packet, copyPacket);
    if (entry !== undefined) this.#journal?.delivery({ clientId: id, ...entry });
  }

  async outgoingClearMessageId({ id }: ClientLike, { messageId }: PacketLike): Promise<StoredPacket | undefined> {
    const outbox = this.#outboxes.get(id);
    const entry = outbox?.remove(messageId);
    if (entry === undefined) return undefined;
    this.#journal?.delivered(entry.seq);
    if (outbox?.size === 0) this.#outboxes.delete(id);
    return entry.packet;
  }

  outgoingStream({ id }: ClientLike): Readable {
    const packets = (this.#outboxes.get(id)?.entries() ?? []).map(({ packet }: OutboxEntry) => packet);
    return Readable.from(packets);
  }

  // QoS 2 messages that were received and not yet released

  async incomingStorePacket({ id }: ClientLike, packet: PacketLike): Promise<void> {
    const receipts = this.#receipts.get(id) ?? new Map<number, PublishRecord>();
    this.#receipts.set(id, receipts);
    receipts.set(packet.messageId ?? 0, copyMessage(packet, packet.messageId));
    this.#writeReceipts(id);
  }

  async incomingGetPacket({ id }: ClientLike, { messageId = 0 }: PacketLike): Promise<PublishRecord> {
    const packet = this.#receipts.get(id)?.get(messageId);
    if (packet === undefined) throw new Error('no such packet');
    return packet;
  }

  async incomingDelPacket({ id }: ClientLike, { messageId = 0 }: PacketLike): Promise<void> {
    if (this.#receipts.get(id)?.delete(messageId) !== true) throw new Error('no such packet');
    this.#writeReceipts(id);
  }

  async cleanIncoming({ id }: ClientLike): Promise<void> {
    if (this.#receipts.delete(id)) this.#writeReceipts(id);
  }

  // Wills: of this process only. What a client that did not come back would have said, nobody knows any more.

  async putWill({ id }: ClientLike, will: Will): Promise<void> {
    will.brokerId = this.broker?.id;
    will.clientId = id;
    this.#wills.set(id, will);
  }

  async getWill({ id }: ClientLike): Promise<Will | undefined> {
    return this.#wills.get(id);
  }

  async delWill({ id }: ClientLike): Promise<Will | undefined> {
    const will = this.#wills.get(id);
    this.#wills.delete(id);
    return will;
  }

  streamWill(brokers: Readonly<Record<string, unknown>> = {}): Readable {
    return Readable.from([...this.#wills.values()].filter(({ brokerId = '' }) => brokers[brokerId] === undefined));
  }

  /** Writes what waits to be written, now. */
  flush(): void {
    this.#journal?.flush();
  }

  /** From here on nothing is kept any more. */
  get isClosed(): boolean {
    return this.#closed;
  }

  async destroy(): Promise<void> {
    await this.#copying?.catch(() => undefined);
    this.#closed = true;
    this.#journal?.close();
  }

  // Snapshots

  /** Grows with what is written to the file. */
  get changes(): number {
    return this.#journal?.batches ?? 0;
  }

  /** A whole copy as of now, while messages go on; false: there is no file. One at a time. */
  async copyTo(path: string): Promise<boolean> {
    if (this.#journal === undefined) return false;
    this.#copying = this.#journal.copyTo(path);
    await this.#copying;
    return true;
  }

  #load(file: PersistenceFile): void {
    const { retained, sessions, deliveries, receipts } = file.read();
    this.#retained.load(retained);
    for (const { clientId, owner, subscriptions } of sessions) {
      this.#owners.set(clientId, owner);
      this.#subscriptions.add(clientId, subscriptions);
    }
    for (const { seq, clientId, packet } of deliveries) {
      const outbox = this.#outboxes.get(clientId) ?? new Outbox();
      this.#outboxes.set(clientId, outbox);
      outbox.add({ seq, packet });
      this.#journal?.knows(seq);
      this.#seq = seq;
    }
    for (const { clientId, packet } of receipts) {
      const own = this.#receipts.get(clientId) ?? new Map<number, PublishRecord>();
      this.#receipts.set(clientId, own.set(packet.messageId ?? 0, packet));
    }
  }

  #writeSession(clientId: string): void {
    const owner = this.#owners.get(clientId);
    if (owner !== undefined) {
      this.#journal?.session(clientId, { clientId, owner, subscriptions: this.#subscriptions.of(clientId) });
    }
  }

  /** Only of sessions that last: the others have nothing left after a restart. */
  #writeReceipts(clientId: string): void {
    if (!this.#owners.has(clientId)) return;
    this.#journal?.receipts(clientId, [...(this.#receipts.get(clientId)?.values() ?? [])]);
  }
}
