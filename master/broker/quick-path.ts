/**
 * The short way of the messages that make up nearly all traffic: QoS 0 and 1, not retained, for nobody's queue. They are read
 * from the bytes, handed to the subscriptions, and written in one piece with what else a client gets in the turn. Everything
 * else, and every doubt, takes aedes' own way, which does the same. Adapter to parts of aedes that its types leave out.
 */
import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import type { Clock } from '../../shared/platform/clock.ts';
import { OWN_PREFIX } from '../../shared/protocol/topics.ts';
import { ClientWriter } from './client-writer.ts';
import type { TopicEmitter } from './emitter.ts';
import { FrameError, FrameReader } from './frame-reader.ts';
import { encodePuback, encodePublish, readPublish } from './publish-frame.ts';
import { RateLimit } from './rate-limit.ts';

/** A message on its way through the broker. */
export interface BrokerPacket {
  cmd: 'publish';
  brokerId?: string;
  brokerCounter: number;
  topic: string;
  payload: Buffer | string;
  qos: number;
  retain: boolean;
  dup: boolean;
  messageId?: number | undefined;
  clientId?: string;
}

export type Deliver = (packet: BrokerPacket, done: () => void) => void;

/** What of aedes' client is used beyond its types. */
export interface InternalClient {
  deliver0: Deliver;
  deliverQoS: Deliver;
  duplicates: Record<string, number>;
  _nextId: number;
  _keepaliveInterval: number;
  _keepaliveTimer: { refresh(): void } | null;
}

export interface QuickPathOptions {
  clock: Pick<Clock, 'monotonicMs' | 'after'>;
  emitter: TopicEmitter<BrokerPacket>;
  /** Counts messages for the whole broker. */
  nextCounter(): { brokerId: string; brokerCounter: number };
  schedule(task: () => void): void;
  mayPublish(client: Client, topic: string): boolean;
  mayReceive(client: Client, topic: string): boolean;
  /** Whether somebody who may be away gets messages of the topic. */
  isQueued(topic: string): boolean;
  limits: { packetBytes: number; connectPacketBytes: number; unreadBytes: number; messagesPerSecond: number };
}

/** Topics of one client whose rights are remembered. */
const MAX_KNOWN_TOPICS = 256;

/** Messages of the house are left out for a client that has this share of its unread bytes waiting; ours are not. */
const DROP_SHARE = 0.25;

const PUBACK = 4;

export class QuickPath {
  readonly reader: FrameReader;
  readonly #options: QuickPathOptions;
  readonly #rate: RateLimit;
  #known: Map<string, boolean> | undefined;
  #client: (Client & InternalClient) | undefined;
  #writer: ClientWriter | undefined;
  #waits = false;

  constructor(options: QuickPathOptions) {
    this.#options = options;
    this.reader = new FrameReader(options.limits.connectPacketBytes);
    this.#rate = new RateLimit(options.limits.messagesPerSecond, options.clock);
  }

  /** aedes pulls bytes by `read`; this is the one place that sees them before they are buffered. */
  static before(connection: Duplex, options: QuickPathOptions): QuickPath {
    const path = new QuickPath(options);
    const read = connection.read.bind(connection);
    connection.read = (size?: number): Buffer | null => {
      if (!path.isOpen(() => connection.emit('readable'))) return null;
      const bytes: Buffer | null = read(size);
      try {
        return bytes && path.read(bytes);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        connection.destroy(error);
        return null;
      }
    };
    return path;
  }

  /** From here on the client is who it says. */
  identified(client: Client & InternalClient): void {
    this.#client = client;
    this.#writer = new ClientWriter(client.conn, this.#options.schedule);
    this.reader.raise(this.#options.limits.packetBytes);
    const slowly = client.deliverQoS;
    client.deliver0 = (packet, done) => {
      this.#deliver(packet);
      done();
    };
    client.deliverQoS = (packet, done) => {
      if (packet.qos === 0 || (packet.qos === 1 && client.clean && !packet.retain)) {
        this.#deliver(packet, packet.qos);
        done();
      } else slowly(packet, done);
    };
  }

  /** Whether the connection may be read now; calls `again` when it may, if not. */
  isOpen(again: () => void): boolean {
    if (this.#waits) return false;
    const waitMs = this.#rate.waitMs();
    if (waitMs === 0) return true;
    this.#waits = true;
    this.#options.clock.after(waitMs, () => {
      this.#waits = false;
      again();
    });
    return false;
  }

  /** What aedes shall see of it; null: nothing. Throws FrameError. */
  read(bytes: Buffer): Buffer | null {
    const client = this.#client;
    const before = this.reader.frames;
    const rest =
      client?.connected === true
        ? this.reader.read(bytes, (piece, start, end) => this.#take(client, piece, { start, end }))
        : this.reader.read(bytes);
    this.#rate.take(this.reader.frames - before);
    if (client !== undefined && client._keepaliveInterval > 0) client._keepaliveTimer?.refresh();
    return rest;
  }

  get unreadBytes(): number {
    return this.#writer?.unreadBytes ?? 0;
  }

  #take(client: Client & InternalClient, bytes: Buffer, { start, end }: { start: number; end: number }): boolean {
    // A clean session keeps nothing that a confirmation would end.
    if ((bytes[start] ?? 0) >> 4 === PUBACK) return client.clean;
    const frame = readPublish(bytes, start, end);
    if (frame === undefined || frame.retain || frame.qos > 1 || client.closed) return false;
    const { topic, payload, qos } = frame;
    if (!this.#mayPublish(client, topic) || (qos > 0 && this.#options.isQueued(topic))) return false;
    if (qos > 0) this.#writer?.write(encodePuback(frame.messageId));
    this.#options.emitter.emit({
      cmd: 'publish',
      ...this.#options.nextCounter(),
      topic,
      payload,
      qos,
      retain: false,
      dup: false,
      clientId: client.id,
    });
    return true;
  }

  #mayPublish(client: Client, topic: string): boolean {
    // Most clients only listen.
    this.#known ??= new Map();
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const may = this.#options.mayPublish(client, topic);
    if (this.#known.size >= MAX_KNOWN_TOPICS) this.#known.clear();
    this.#known.set(topic, may);
    return may;
  }

  #deliver(packet: BrokerPacket, qos = 0): void {
    const client = this.#client;
    const writer = this.#writer;
    if (client === undefined || writer === undefined || client.closed) return;
    const { brokerId, brokerCounter, topic, payload } = packet;
    if (isRepeated(client, brokerId, brokerCounter) || !this.#options.mayReceive(client, topic)) return;
    const isOwn = topic.startsWith(OWN_PREFIX);
    if (!isOwn && qos === 0 && writer.unreadBytes > this.#options.limits.unreadBytes * DROP_SHARE) return;
    if (qos === 0)
      writer.write(packet.retain ? asRetained(encodePublish(topic, payload)) : encodePublish(topic, payload));
    else writer.write(encodePublish(topic, payload, nextMessageId(client)));
  }
}

/** A message reaches a client once, however many of its filters match. */
function isRepeated({ duplicates }: InternalClient, brokerId: string | undefined, counter: number): boolean {
  // Retained messages that a new subscription gets come without a broker.
  if (!brokerId) return false;
  if ((duplicates[brokerId] ?? 0) >= counter) return true;
  duplicates[brokerId] = counter;
  return false;
}

/** The numbers are shared with aedes' own deliveries to the client. */
function nextMessageId(client: InternalClient): number {
  const id = client._nextId;
  client._nextId = id >= 65_535 ? 1 : id + 1;
  return id;
}

function asRetained(bytes: Buffer): Buffer {
  bytes[0] = (bytes[0] ?? 0) | 1;
  return bytes;
}
