/**
 * The MQTT broker in the master's process: aedes behind TLS listeners (adapter: aedes' own timers live here).
 * Invariants: an identity is fixed when a session connects; every publish and subscribe passes the topic rules; what a
 * session may send and may have unread is bounded. README.md tells how.
 */
import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { Aedes, type Client, type PublishPacket, type Subscription } from 'aedes';
import { type Clock, systemClock } from '../../shared/platform/clock.ts';
import { type Component, stopAll } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { MAX_ENVELOPE_BYTES } from '../../shared/protocol/limits.ts';
import { OWN_PREFIX, parseTopic } from '../../shared/protocol/topics.ts';
import type { Transport, Unsubscribe } from '../../shared/protocol/transport.ts';
import { Acceptance, isToBeConfirmed, type PublishingBroker } from './acceptance.ts';
import { isOfMqttUser, readCredentials, type SessionCredentials } from './credentials.ts';
import { TopicEmitter } from './emitter.ts';
import { createInProcessTransport } from './in-process-transport.ts';
import { type BrokerCertificate, Listeners, type Origin } from './listeners.ts';
import { BrokerPersistence, type PersistenceLimits } from './persistence/broker-persistence.ts';
import { openPersistenceFile } from './persistence/persistence-file.ts';
import { type BrokerPacket, type InternalClient, QuickPath, type QuickPathOptions } from './quick-path.ts';
import { CONNACK_CODES, SessionRefused } from './session-refused.ts';
import type { Session, SessionIdentity, SessionListener, Sessions } from './sessions.ts';
import { MAX_CLIENT_ID_CHARS, mayPublish, mayReceive, maySubscribe, mayUseClientId } from './topic-rules.ts';

export interface BrokerOptions {
  host: string;
  /** 0: any free port, see `port()`. */
  port: number;
  /** `plain`: no TLS, for tests on the loopback interface. */
  tls: BrokerCertificate | 'plain';
  /** Rejects with SessionRefused. */
  authenticate(credentials: SessionCredentials): Promise<SessionIdentity>;
  logger: Logger;
  limits?: Partial<BrokerLimits>;
  /** For boards that have no clock; without it nobody is told the time. */
  clock?: Clock;
  /** MQTT over WebSockets, by TLS too; undefined: not. 0: a free port. */
  websocketPort?: number | undefined;
  /** MQTT without TLS, for devices that have none; undefined: not. 0: a free port. */
  plainPort?: number | undefined;
  /** File of retained messages and persistent sessions; undefined: they end with the process. */
  persistencePath?: string;
  /** Topics beside our own whose messages are never written down. */
  isVolatile?(topic: string): boolean;
  /** Runs a task when the present turn of the event loop is over: what a client gets in a turn is written at once. */
  schedule?(task: () => void): void;
}

export interface BrokerLimits {
  connections: number;
  /** A connection that has not identified itself by then is closed. */
  connectTimeoutMs: number;
  /** Largest packet: an envelope and its topic. */
  packetBytes: number;
  /** Largest CONNECT packet: a token and a will. */
  connectPacketBytes: number;
  /** QoS 2 messages that one client may have half sent. */
  inflight: number;
  /** Unread bytes of one client; beyond, its connection is closed rather than the memory filled. */
  unreadBytes: number;
  /** A client that reads nothing for this long is closed. */
  drainTimeoutMs: number;
  /** Filters of one client. */
  subscriptions: number;
  /** Packets that one client may send in a second on average; who sends more waits. */
  messagesPerSecond: number;
  persistence: Partial<PersistenceLimits>;
}

const DEFAULT_LIMITS: BrokerLimits = {
  connections: 2_000,
  connectTimeoutMs: 10_000,
  packetBytes: MAX_ENVELOPE_BYTES + 1_024,
  connectPacketBytes: 16 * 1024,
  inflight: 100,
  unreadBytes: 4 * 1024 * 1024,
  drainTimeoutMs: 15_000,
  subscriptions: 1_000,
  messagesPerSecond: 20_000,
  persistence: {},
};

export interface Broker extends Component, Sessions {
  /** Retained messages and persistent sessions: what a snapshot takes of them. */
  readonly kept: Pick<BrokerPersistence, 'copyTo' | 'changes'>;
  /** Makes the master's own attachment work; nobody else can connect before `start`, so that the doors can be ready first. */
  open(): Promise<void>;
  /** Ports that are listened on, once started. */
  port(): number;
  websocketPort(): number | undefined;
  plainPort(): number | undefined;
  /** Ends the connections of sessions; they may come back with what they have then. */
  disconnect(matches: (session: Session) => boolean): void;
  /** The user is no more: nothing waits for its sessions any longer. */
  forgetUser(name: string): Promise<void>;
  /** For connections from now on; those that are open stay. */
  updateCertificate(certificate: BrokerCertificate): void;
}

export function createBroker(options: BrokerOptions): Broker {
  return new AedesBroker(options);
}

/** What of aedes is used beyond its types. */
interface InternalAedes {
  counter: number;
  clients: Record<string, Client & InternalClient>;
}

/** What of a connecting client is used beyond its types. */
interface ConnectingClient {
  _will?: { topic: string; retain?: boolean } | undefined;
  subscriptions: object;
}

class AedesBroker implements Broker {
  readonly #options: BrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #logger: Logger;
  readonly #emitter = new TopicEmitter<BrokerPacket>();
  readonly kept: BrokerPersistence;
  readonly #acceptance: Acceptance;
  readonly #aedes: Aedes & InternalAedes;
  readonly #transport: Transport;
  readonly #listeners: Listeners;
  readonly #quickPathOptions: QuickPathOptions;
  readonly #quick = new WeakMap<object, QuickPath>();
  readonly #plain = new WeakSet<object>();
  /** From the moment that the identity is known; ends with aedes' object for the connection. */
  readonly #identified = new WeakMap<Client, Session>();
  /** Sessions that have taken their client id, by it. */
  readonly #sessions = new Map<string, { client: Client; session: Session }>();
  readonly #sessionListeners = new Set<SessionListener>();
  #opened: Promise<void> | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#logger = options.logger.with({ component: 'broker' });
    this.kept = this.#createPersistence();
    this.#acceptance = new Acceptance({
      ...{ kept: this.kept, emitter: this.#emitter, nextCounter: () => this.#nextCounter() },
    });
    this.#aedes = this.#createAedes();
    this.#acceptance.install(this.#aedes as PublishingBroker);
    this.#transport = createInProcessTransport(this.#aedes);
    this.#quickPathOptions = this.#createQuickPathOptions();
    this.#listeners = new Listeners({
      ...{ host: options.host, port: options.port, tls: options.tls, websocketPort: options.websocketPort },
      ...{ plainPort: options.plainPort, limits: this.#limits, clock: options.clock, logger: this.#logger },
      onConnection: (connection, origin) => this.#handle(connection, origin),
    });
  }

  open(): Promise<void> {
    this.#opened ??= this.#aedes.listen();
    return this.#opened;
  }

  async start(): Promise<void> {
    await this.open();
    await this.#listeners.start();
  }

  /** What was confirmed is in the file first, however the closing of the connections goes. */
  async stop(): Promise<void> {
    this.kept.flush();
    await stopAll([
      { stop: () => this.kept.destroy() },
      this.#listeners,
      { stop: () => new Promise<void>((resolve) => this.#aedes.close(resolve)) },
    ]);
  }

  port(): number {
    return this.#listeners.port();
  }

  websocketPort(): number | undefined {
    return this.#listeners.websocketPort();
  }

  plainPort(): number | undefined {
    return this.#listeners.plainPort();
  }

  updateCertificate(certificate: BrokerCertificate): void {
    this.#listeners.updateCertificate(certificate);
  }

  transport(): Transport {
    return this.#transport;
  }

  onSession(listener: SessionListener): Unsubscribe {
    this.#sessionListeners.add(listener);
    for (const { session } of this.#sessions.values()) listener.connected(session);
    return () => this.#sessionListeners.delete(listener);
  }

  disconnect(matches: (session: Session) => boolean): void {
    for (const { client, session } of [...this.#sessions.values()]) if (matches(session)) client.close();
  }

  forgetUser(name: string): Promise<void> {
    this.disconnect(({ identity }) => identity.name === name);
    return this.kept.forgetOwner(name);
  }

  #createPersistence(): BrokerPersistence {
    const { persistencePath, clock = systemClock, isVolatile } = this.#options;
    return new BrokerPersistence({
      file:
        persistencePath === undefined
          ? undefined
          : openPersistenceFile(persistencePath, (aside) =>
              this.#logger.error('what the broker had kept is damaged', { aside }),
            ),
      clock,
      logger: this.#logger,
      isVolatile: (topic) => topic.startsWith(OWN_PREFIX) || topic.startsWith('$') || isVolatile?.(topic) === true,
      limits: this.#limits.persistence,
    });
  }

  #createAedes(): Aedes & InternalAedes {
    const aedes = new Aedes({
      mq: this.#emitter,
      persistence: this.kept,
      connectTimeout: this.#limits.connectTimeoutMs,
      drainTimeout: this.#limits.drainTimeoutMs,
      maxInflightInbound: this.#limits.inflight,
      maxClientsIdLength: MAX_CLIENT_ID_CHARS,
      preConnect: (client, packet, done) => {
        // Sessions of agents and programs end with their connection: nothing is queued for who may never come back.
        packet.clean = packet.clean === true || !isOfMqttUser(client, packet);
        done(null, true);
      },
      authenticate: (client, username, password, done) => {
        this.#authenticate(client, username, password?.toString('utf8')).then(
          () => done(null, true),
          (error) => done(refusal(error), false),
        );
      },
      authorizePublish: (client, packet, done) =>
        done(this.#checkPublish(client, packet) ?? this.#accept(client, packet)),
      authorizeSubscribe: (client, subscription, done) => done(null, this.#checkSubscribe(client, subscription)),
      authorizeForward: (client, packet) => (this.#mayReceive(client, packet.topic) ? packet : null),
    });
    // Before the CONNACK, so that nothing of the session arrives before `connected`.
    aedes.on('client', (client) => this.#connected(client));
    aedes.on('clientDisconnect', (client) => this.#disconnected(client));
    aedes.on('clientError', (client, error) => this.#logger.info('a session failed', { client: client.id, error }));
    aedes.on('connectionError', (_client, error) => this.#logger.debug('a connection failed', { error }));
    const emitter: EventEmitter = aedes; // its types leave `error` out
    emitter.on('error', (error) => this.#logger.error('the broker failed', { error }));
    return aedes as Aedes & InternalAedes;
  }

  #handle(connection: Duplex, { request, isPlain }: Origin): void {
    if (isPlain) this.#plain.add(connection);
    this.#quick.set(connection, QuickPath.before(connection, this.#quickPathOptions));
    this.#aedes.handle(connection, request);
  }

  /** The same for all connections. */
  #createQuickPathOptions(): QuickPathOptions {
    const { clock = systemClock, schedule = queueMicrotask } = this.#options;
    return {
      clock,
      schedule,
      emitter: this.#emitter,
      limits: this.#limits,
      nextCounter: () => this.#nextCounter(),
      mayPublish: (client, topic) =>
        this.#checkPublish(client, { topic, retain: false }) === null && isPublishable(topic),
      mayReceive: (client, topic) => this.#mayReceive(client, topic),
      isQueued: (topic) => this.kept.isQueued(topic),
    };
  }

  #nextCounter(): { brokerId: string; brokerCounter: number } {
    this.#aedes.counter += 1;
    return { brokerId: this.#aedes.id, brokerCounter: this.#aedes.counter };
  }

  async #authenticate(client: Client, username: string | undefined, password: string | undefined): Promise<void> {
    const { id: clientId, conn } = client;
    const shown = { username, password, isPlain: this.#plain.has(conn) };
    const identity = await this.#options.authenticate(readCredentials(client, shown));
    const owner = this.#ownerOf(clientId);
    if ((owner !== undefined && owner !== identity.name) || !mayUseClientId(identity, clientId)) {
      throw new SessionRefused('identifier-rejected', `${identity.name} may not use the client id ${clientId}`);
    }
    const { _will: will } = client as Client & ConnectingClient;
    const complaint = will && checkMessage({ clientId, identity }, will.topic, will.retain === true);
    if (complaint) throw new SessionRefused('not-authorized', complaint);
    if (!client.clean) await this.kept.claim(clientId, identity.name, (id) => this.#sessions.has(id));
    this.#identified.set(client, { clientId, identity });
    this.#quick.get(conn)?.identified(client as Client & InternalClient);
  }

  /** Who has the client id: connected now, or with a session that waits. */
  #ownerOf(clientId: string): string | undefined {
    const holder = this.#sessions.get(clientId);
    const connected = holder === undefined || holder.client.closed ? undefined : holder.session.identity.name;
    return connected ?? this.kept.ownerOf(clientId);
  }

  /** An error closes the connection: MQTT 3.1.1 has no other way to refuse a message (section 3.3.5). */
  #checkPublish(client: Client | null, { topic, retain }: Pick<PublishPacket, 'topic' | 'retain'>): Error | null {
    const session = client === null ? undefined : this.#identified.get(client);
    if (session === undefined) return new Error(`an unknown client may not publish to ${topic}`);
    const complaint = checkMessage(session, topic, retain);
    return complaint === undefined ? null : new Error(complaint);
  }

  /** Of what may be published: aedes confirms it next. */
  #accept(client: Client | null, packet: PublishPacket): Error | null {
    if (client === null || !isToBeConfirmed(packet)) return null;
    return this.#acceptance.accept(packet, client.id);
  }

  #checkSubscribe(client: Client, subscription: Subscription): Subscription | null {
    const session = this.#identified.get(client);
    const { subscriptions } = client as Client & ConnectingClient;
    const hasRoom = Object.keys(subscriptions).length < this.#limits.subscriptions;
    const allowed = session !== undefined && maySubscribe(session.identity, client.id, subscription.topic);
    if (allowed && hasRoom) return subscription;
    this.#logger.info('a subscription was refused', {
      client: client.id,
      user: session?.identity.name,
      filter: subscription.topic,
      why: allowed ? `it has ${this.#limits.subscriptions} already` : 'it has no right to the topic',
    });
    return null;
  }

  #mayReceive(client: Client, topic: string): boolean {
    const session = this.#identified.get(client);
    if (session === undefined || !mayReceive(session.identity, client.id, topic)) return false;
    const unread = this.#quick.get(client.conn)?.unreadBytes ?? 0;
    if (unread <= this.#limits.unreadBytes) return true;
    if (!client.conn.destroyed) client.conn.destroy(new Error('the client does not read'));
    return false;
  }

  #connected(client: Client): void {
    const session = this.#identified.get(client);
    if (session === undefined) return;
    this.#sessions.set(session.clientId, { client, session });
    for (const listener of [...this.#sessionListeners]) listener.connected(session);
  }

  #disconnected(client: Client): void {
    const held = this.#sessions.get(client.id);
    if (held === undefined || held.client !== client) return;
    this.#sessions.delete(client.id);
    this.kept.release(client.id);
    for (const listener of [...this.#sessionListeners]) listener.disconnected(held.session);
  }
}

/** What is wrong with publishing that. What may be retained of ours is a node's status; no envelope, no answer ever is. */
function checkMessage({ identity, clientId }: Session, topic: string, retain: boolean): string | undefined {
  if (!mayPublish(identity, clientId, topic)) return `${identity.name} may not publish to ${topic}`;
  const mayRetain = !topic.startsWith(OWN_PREFIX) || parseTopic(topic)?.leaf === 'status';
  return retain && !mayRetain ? `messages to ${topic} may not be retained` : undefined;
}

/** Levels that a topic may have: what aedes allows. */
const MAX_TOPIC_LEVELS = 100;

function isPublishable(topic: string): boolean {
  return topic !== '' && !/[+#\0]/.test(topic) && topic.split('/').length <= MAX_TOPIC_LEVELS;
}

function refusal(error: unknown): Error & { returnCode: number } {
  const refused = error instanceof SessionRefused ? error : new SessionRefused('unavailable', 'authentication failed');
  return Object.assign(new Error(refused.message), { returnCode: CONNACK_CODES[refused.reason] });
}
