/**
 * The MQTT broker in the master's process: aedes behind a TLS listener (adapter: sockets and aedes' own timers live here).
 * Invariants: an identity is fixed when a session connects; every publish and subscribe passes the topic rules; what a
 * session may send and may have unread is bounded. README.md tells how.
 */
import type { X509Certificate } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls';
import { Aedes, type Client, type PublishPacket } from 'aedes';
import { defined } from '../../shared/platform/assert.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { TIME_PROTOCOL } from '../../shared/protocol/join-token.ts';
import { MAX_ENVELOPE_BYTES } from '../../shared/protocol/limits.ts';
import { parseTopic } from '../../shared/protocol/topics.ts';
import type { Transport, Unsubscribe } from '../../shared/protocol/transport.ts';
import { createInProcessTransport } from './in-process-transport.ts';
import { PacketLimit } from './packet-limit.ts';
import { CONNACK_CODES, SessionRefused } from './session-refused.ts';
import type { Session, SessionIdentity, SessionListener, Sessions } from './sessions.ts';
import { MAX_CLIENT_ID_CHARS, mayPublish, maySubscribe, mayUseClientId } from './topic-rules.ts';

/** What a client shows of itself when it connects. */
export interface SessionCredentials {
  clientId: string;
  /** Signed by the cluster's CA; whoever shows another one is refused before. */
  certificate: X509Certificate | undefined;
  username: string | undefined;
  password: string | undefined;
  remoteAddress: string;
}

export interface BrokerCertificate {
  key: string;
  cert: string;
  /** Whose client certificates are believed. */
  ca: string;
}

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
  clock?: Pick<Clock, 'nowMs'>;
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
}

const DEFAULT_LIMITS: BrokerLimits = {
  connections: 2_000,
  connectTimeoutMs: 10_000,
  packetBytes: MAX_ENVELOPE_BYTES + 1_024,
  connectPacketBytes: 16 * 1024,
  inflight: 100,
  unreadBytes: 4 * 1024 * 1024,
  drainTimeoutMs: 15_000,
};

export interface Broker extends Component, Sessions {
  /** Makes the master's own attachment work; nobody else can connect before `start`, so that the doors can be ready first. */
  open(): Promise<void>;
  /** Port that is listened on, once started. */
  port(): number;
  /** For connections from now on; those that are open stay. */
  updateCertificate(certificate: BrokerCertificate): void;
}

export function createBroker(options: BrokerOptions): Broker {
  return new AedesBroker(options);
}

class AedesBroker implements Broker {
  readonly #options: BrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #logger: Logger;
  readonly #aedes: Aedes;
  readonly #transport: Transport;
  readonly #server: Server | TlsServer;
  readonly #sockets = new Set<Socket>();
  readonly #limitOf = new WeakMap<object, PacketLimit>();
  /** From the moment that the identity is known; ends with aedes' object for the connection. */
  readonly #identified = new WeakMap<Client, Session>();
  /** Sessions that have taken their client id, by it. */
  readonly #sessions = new Map<string, { client: Client; session: Session }>();
  readonly #listeners = new Set<SessionListener>();
  #opened: Promise<void> | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#logger = options.logger.with({ component: 'broker' });
    this.#aedes = this.#createAedes();
    this.#transport = createInProcessTransport(this.#aedes);
    this.#server = this.#createServer();
  }

  open(): Promise<void> {
    this.#opened ??= this.#aedes.listen();
    return this.#opened;
  }

  async start(): Promise<void> {
    const { host, port } = this.#options;
    await this.open();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#server.on('error', (error) => this.#logger.error('the MQTT listener failed', { error }));
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => void this.#server.close(resolve));
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  port(): number {
    const address = this.#server.address();
    return typeof address === 'object' ? defined(address, 'address of the started broker').port : 0;
  }

  updateCertificate({ key, cert, ca }: BrokerCertificate): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext({ key, cert, ca });
  }

  transport(): Transport {
    return this.#transport;
  }

  onSession(listener: SessionListener): Unsubscribe {
    this.#listeners.add(listener);
    for (const { session } of this.#sessions.values()) listener.connected(session);
    return () => this.#listeners.delete(listener);
  }

  #createAedes(): Aedes {
    const aedes = new Aedes({
      // No bound across clients: with one, a client that does not read would hold up all others. Each has its own below.
      concurrency: 0,
      connectTimeout: this.#limits.connectTimeoutMs,
      drainTimeout: this.#limits.drainTimeoutMs,
      maxInflightInbound: this.#limits.inflight,
      maxClientsIdLength: MAX_CLIENT_ID_CHARS,
      preConnect: (_client, packet, done) => {
        // Sessions end with their connection: nothing is queued in memory for clients that may never come back.
        packet.clean = true;
        done(null, true);
      },
      authenticate: (client, username, password, done) => {
        this.#authenticate(client, username, password?.toString('utf8')).then(
          () => done(null, true),
          (error) => done(refusal(error), false),
        );
      },
      authorizePublish: (client, packet, done) => done(this.#checkPublish(client, packet)),
      authorizeSubscribe: (client, subscription, done) => {
        const session = this.#identified.get(client);
        const allowed = session !== undefined && maySubscribe(session.identity, client.id, subscription.topic);
        if (!allowed)
          this.#logger.info('a subscription was refused', { client: client.id, filter: subscription.topic });
        done(null, allowed ? subscription : null);
      },
      authorizeForward: (client, packet) => (this.#hasRoom(client) ? packet : null),
    });
    // Before the CONNACK, so that nothing of the session arrives before `connected`.
    aedes.on('client', (client) => this.#connected(client));
    aedes.on('clientDisconnect', (client) => this.#disconnected(client));
    aedes.on('clientError', (client, error) => this.#logger.info('a session failed', { client: client.id, error }));
    aedes.on('connectionError', (_client, error) => this.#logger.debug('a connection failed', { error }));
    const emitter: EventEmitter = aedes; // its types leave `error` out
    emitter.on('error', (error) => this.#logger.error('the broker failed', { error }));
    return aedes;
  }

  #createServer(): Server | TlsServer {
    const server = this.#options.tls === 'plain' ? this.#createPlainServer() : this.#createTlsServer(this.#options.tls);
    server.maxConnections = this.#limits.connections;
    server.on('drop', () => this.#logger.warn('too many MQTT connections, one was refused', { ...this.#limits }));
    return server;
  }

  #createPlainServer(): Server {
    return createTcpServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  #createTlsServer(certificate: BrokerCertificate): TlsServer {
    const options: TlsOptions = {
      ...certificate,
      requestCert: true,
      // Judged in `authenticate`, where a client can be told why.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      handshakeTimeout: this.#limits.connectTimeoutMs,
      // Without TIME_PROTOCOL it is MQTT, whatever the client calls it.
      ALPNCallback: ({ protocols }) => protocols.find((name) => name === TIME_PROTOCOL) ?? protocols[0],
    };
    const server = createTlsServer(options, (socket) => {
      if (socket.alpnProtocol === TIME_PROTOCOL) this.#tellTime(socket);
      else this.#accept(socket.setNoDelay(true));
    });
    server.on('tlsClientError', (error) => this.#logger.debug('a TLS handshake failed', { error }));
    return server;
  }

  #tellTime(socket: TLSSocket): void {
    const { clock } = this.#options;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', (error) => this.#logger.debug('telling the time failed', { error }));
    socket.setTimeout(this.#limits.connectTimeoutMs, () => socket.destroy());
    socket.end(clock === undefined ? '' : `${new Date(clock.nowMs()).toISOString()}\n`);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const limit = new PacketLimit(this.#limits.connectPacketBytes);
    this.#limitOf.set(socket, limit);
    // aedes pulls bytes by `read`; this is the one place that sees them before they are buffered.
    const read = socket.read.bind(socket);
    socket.read = (size?: number): Buffer | null => {
      const bytes: Buffer | null = read(size);
      if (bytes === null || limit.accept(bytes)) return bytes;
      socket.destroy(new Error('the packet is larger than allowed'));
      return null;
    };
    this.#aedes.handle(socket);
  }

  async #authenticate(client: Client, username: string | undefined, password: string | undefined): Promise<void> {
    const { id: clientId, conn } = client;
    const certificate = conn instanceof TLSSocket ? peerCertificate(conn) : undefined;
    const remoteAddress = ('remoteAddress' in conn && conn.remoteAddress) || '';
    const identity = await this.#options.authenticate({ clientId, certificate, username, password, remoteAddress });
    const holder = this.#sessions.get(clientId);
    const taken = holder !== undefined && !holder.client.closed && holder.session.identity.name !== identity.name;
    if (taken || !mayUseClientId(identity, clientId)) {
      throw new SessionRefused('identifier-rejected', `${identity.name} may not use the client id ${clientId}`);
    }
    this.#limitOf.get(conn)?.raise(this.#limits.packetBytes);
    this.#identified.set(client, { clientId, identity });
  }

  /** An error closes the connection: MQTT 3.1.1 has no other way to refuse a message (section 3.3.5). */
  #checkPublish(client: Client | null, packet: PublishPacket): Error | null {
    const session = client === null ? undefined : this.#identified.get(client);
    const { topic, retain } = packet;
    if (session === undefined || !mayPublish(session.identity, session.clientId, topic)) {
      return new Error(`${session?.identity.name ?? 'an unknown client'} may not publish to ${topic}`);
    }
    const mayRetain = parseTopic(topic)?.leaf === 'status';
    return retain && !mayRetain ? new Error(`messages to ${topic} may not be retained`) : null;
  }

  #hasRoom(client: Client): boolean {
    if (client.conn.writableLength <= this.#limits.unreadBytes) return true;
    if (!client.conn.destroyed) client.conn.destroy(new Error('the client does not read'));
    return false;
  }

  #connected(client: Client): void {
    const session = this.#identified.get(client);
    if (session === undefined) return;
    this.#sessions.set(session.clientId, { client, session });
    for (const listener of [...this.#listeners]) listener.connected(session);
  }

  #disconnected(client: Client): void {
    const held = this.#sessions.get(client.id);
    if (held === undefined || held.client !== client) return;
    this.#sessions.delete(client.id);
    for (const listener of [...this.#listeners]) listener.disconnected(held.session);
  }
}

/** Undefined when none was shown; a certificate that is not believed is refused, never ignored. */
function peerCertificate(socket: TLSSocket): X509Certificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || socket.authorized) return certificate;
  const why = String(socket.authorizationError);
  throw new SessionRefused(
    'not-authorized',
    `the client certificate is not signed by this cluster's CA or expired: ${why}`,
  );
}

function refusal(error: unknown): Error & { returnCode: number } {
  const refused = error instanceof SessionRefused ? error : new SessionRefused('unavailable', 'authentication failed');
  return Object.assign(new Error(refused.message), { returnCode: CONNACK_CODES[refused.reason] });
}
