/**
 * Transport over a real MQTT connection (adapter over mqtt.js: sockets and its timers live here). One MqttClient a
 * connection attempt; reconnecting, subscriptions and the link's state are kept here. Invariant: when the link is said to be
 * up, every subscription is in place.
 */
import { connect as connectTcp, isIP } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { MqttClient } from 'mqtt';
// Only the client: mqtt.js' entry also loads WebSockets and proxies, which cost a board some megabytes.
import mqttClientModule, { type IClientOptions } from 'mqtt/lib/client';
import { type BackoffPolicy, computeBackoffMs } from '../platform/backoff.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { filterMatches } from './topic-filter.ts';
import type { Message, PublishOptions, Transport, Unsubscribe } from './transport.ts';

/**
 * A master notices a silent cut after one and a half times this (MQTT 3.1.1, section 3.1.2.10): what follows from it has
 * the rest of ten seconds to reach every board, also on busy ones.
 */
export const KEEPALIVE_SECONDS = 4;

/** Resolving, TCP, TLS and CONNACK together. */
const CONNECT_TIMEOUT_MS = 10_000;

const CLOSE_TIMEOUT_MS = 2_000;

/** A master that is started again is back in seconds, and all that it does waits for its nodes: a refused attempt costs little. */
const EAGER: BackoffPolicy = { initialMs: 250, maxMs: 1_000, factor: 1.5, jitter: 0.5 };

/** About 20 s of them. */
const EAGER_ATTEMPTS = 30;

const RECONNECT: BackoffPolicy = { initialMs: 1_000, maxMs: 15_000, factor: 2, jitter: 0.5 };

/** A link that stayed up this long starts the back-off anew when it is lost. */
const STABLE_MS = 10_000;

export interface MqttConnection {
  host: string;
  port: number;
  username?: string;
  password?: string;
  /** Absent: plain TCP, for tests. `servername` and `ca` say whom to trust; `cert` and `key` who asks. */
  tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized' | 'checkServerIdentity'>;
  /** Judges the server in place of OpenSSL: the reason for which it is not to be trusted. Nothing is sent to it before. */
  verify?(socket: TLSSocket): Error | undefined;
}

export type MqttFailureReason =
  /** CONNACK 4: user name or password is wrong. */
  | 'bad-credentials'
  /** CONNACK 5: known, but not allowed; a certificate that the cluster's CA has not signed. */
  | 'not-authorized'
  /** CONNACK 2: the client id belongs to somebody else. */
  | 'identifier-rejected'
  /** The server's certificate is not to be trusted. */
  | 'untrusted'
  /** No answer, connection refused or lost. */
  | 'unreachable';

export class MqttFailure extends Error {
  override readonly name = 'MqttFailure';
  readonly reason: MqttFailureReason;
  /** What OpenSSL has against an untrusted server, such as CERT_HAS_EXPIRED. */
  readonly code: string | undefined;
  constructor(reason: MqttFailureReason, message: string, code?: string) {
    super(message);
    this.reason = reason;
    this.code = code;
  }
}

export interface MqttTransportOptions {
  clientId: string;
  /** Asked before each attempt: addresses change and certificates are renewed. */
  connection(): MqttConnection;
  /** Asked before each attempt too, so that each session can have its own. Published by the broker when the link is lost. */
  will?(): { topic: string; payload: Uint8Array; retain: boolean };
  clock: Clock;
  random: Random;
  logger: Logger;
  keepaliveSeconds?: number;
  /**
   * Another broker's peer: by MQTT 5, whose subscriptions can leave out what came from here (no local) and say what is
   * retained (retain as published; section 3.8.3.1).
   */
  bridge?: boolean;
  /** Hears why an attempt failed; attempts go on until `close`. */
  onFailure?(failure: MqttFailure): void;
}

export interface MqttTransport extends Transport {
  /** Says good-bye to the broker, so that the will is not published. Idempotent. */
  close(): Promise<void>;
  /** Ends the present connection, if any, and makes a new one without a long pause: with what `connection` says now. */
  reconnect(): void;
}

interface Subscription {
  filter: string;
  onMessage(message: Message): void;
  accepted: PromiseWithResolvers<void>;
}

/** Starts to connect at once. */
export function connectMqtt(options: MqttTransportOptions): MqttTransport {
  const session = new Session(options);
  session.connect();
  return session;
}

class Session implements MqttTransport {
  readonly #options: MqttTransportOptions;
  readonly #subscriptions = new Set<Subscription>();
  readonly #linkListeners = new Set<(up: boolean) => void>();
  #client: MqttClient | undefined;
  /** Subscribing and unsubscribing one after the other: a broker may handle them side by side, and mix them up. */
  #control: Promise<void> = Promise.resolve();
  #retry: Timer | undefined;
  #stable: Timer | undefined;
  #failures = 0;
  #up = false;
  #closed = false;

  constructor(options: MqttTransportOptions) {
    this.#options = options;
  }

  connect(): void {
    const client = new mqttClientModule.default(() => openSocket(this.#options.connection()), this.#clientOptions());
    this.#client = client;
    this.#control = Promise.resolve();
    client.on('message', (topic, payload, packet) => this.#onMessage({ topic, payload, retain: packet.retain }));
    client.on('connect', () => this.#onConnect(client));
    client.on('error', (error) => this.#onFailure(client, error));
    client.on('close', () => this.#onClose(client));
  }

  async publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Promise<void> {
    const client = this.#client;
    if (!this.#up || client === undefined) throw new MqttFailure('unreachable', 'the link to the broker is down');
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    await client.publishAsync(topic, bytes, { qos: options.qos ?? 0, retain: options.retain ?? false });
  }

  async subscribe(filter: string, onMessage: (message: Message) => void): Promise<Unsubscribe> {
    const subscription: Subscription = { filter, onMessage, accepted: Promise.withResolvers<void>() };
    subscription.accepted.promise.catch(() => undefined);
    this.#subscriptions.add(subscription);
    if (this.#up && this.#client !== undefined) await this.#sendSubscribe(this.#client, [subscription]);
    await subscription.accepted.promise;
    return () => this.#unsubscribe(subscription);
  }

  onLink(listener: (up: boolean) => void): Unsubscribe {
    this.#linkListeners.add(listener);
    listener(this.#up);
    return () => this.#linkListeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#retry?.cancel();
    this.#stable?.cancel();
    this.#setUp(false);
    for (const { accepted } of this.#subscriptions) accepted.reject(new MqttFailure('unreachable', 'closed'));
    if (this.#client !== undefined) await this.#sayGoodBye(this.#client);
  }

  reconnect(): void {
    if (this.#closed) return;
    this.#failures = 0;
    // The end of a connection makes the next one.
    if (this.#client !== undefined) void this.#sayGoodBye(this.#client);
    else {
      this.#retry?.cancel();
      this.connect();
    }
  }

  async #sayGoodBye(client: MqttClient): Promise<void> {
    // Over a silent link the good-bye would never arrive.
    const timer = this.#options.clock.after(CLOSE_TIMEOUT_MS, () => client.stream.destroy());
    // Without a connection there is nobody to say it to, and mqtt.js would wait for one.
    await client.endAsync(!client.connected);
    timer.cancel();
  }

  #clientOptions(): IClientOptions {
    const { clientId, keepaliveSeconds = KEEPALIVE_SECONDS } = this.#options;
    const { username, password } = this.#options.connection();
    const will = this.#options.will?.();
    return {
      clientId,
      keepalive: keepaliveSeconds,
      // 0: mqtt.js does not reconnect by itself, and what is unacknowledged fails when the link is lost.
      reconnectPeriod: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      clean: true,
      ...(this.#options.bridge === true ? { protocolVersion: 5 } : {}),
      resubscribe: false,
      queueQoSZero: false,
      reschedulePings: true,
      timerVariant: 'native',
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(will === undefined ? {} : { will: { ...will, payload: Buffer.from(will.payload), qos: 1 } }),
    };
  }

  async #onConnect(client: MqttClient): Promise<void> {
    const known = [...this.#subscriptions];
    await this.#sendSubscribe(client, known);
    if (client !== this.#client || this.#closed || !client.connected) return;
    const late = [...this.#subscriptions].filter((subscription) => !known.includes(subscription));
    this.#stable = this.#options.clock.after(STABLE_MS, () => {
      this.#failures = 0;
    });
    this.#setUp(true);
    await this.#sendSubscribe(client, late);
  }

  /** Never rejects: when the link is lost meanwhile, the next connection makes up for it. */
  #sendSubscribe(client: MqttClient, subscriptions: readonly Subscription[]): Promise<void> {
    if (subscriptions.length === 0) return Promise.resolve();
    this.#control = this.#control.then(() => this.#subscribeNow(client, subscriptions));
    return this.#control;
  }

  async #subscribeNow(client: MqttClient, subscriptions: readonly Subscription[]): Promise<void> {
    const filters = [...new Set(subscriptions.map(({ filter }) => filter))];
    try {
      await client.subscribeAsync(filters, {
        qos: 1,
        ...(this.#options.bridge === true ? { nl: true, rap: true } : {}),
      });
      for (const { accepted } of subscriptions) accepted.resolve();
    } catch (error) {
      if (!client.connected) return;
      this.#options.logger.warn('the broker refused a subscription', { filters, error });
      const refused = new MqttFailure('not-authorized', `the broker refused the subscription to ${filters.join(', ')}`);
      for (const { accepted } of subscriptions) accepted.reject(refused);
    }
  }

  #unsubscribe(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription)) return;
    this.#control = this.#control.then(async () => {
      const isWanted = [...this.#subscriptions].some(({ filter }) => filter === subscription.filter);
      if (!isWanted && this.#up) await this.#client?.unsubscribeAsync(subscription.filter).catch(() => undefined);
    });
  }

  #onMessage(message: Message): void {
    for (const { filter, onMessage } of [...this.#subscriptions]) {
      if (filterMatches(filter, message.topic)) onMessage(message);
    }
  }

  #onFailure(client: MqttClient, error: Error): void {
    if (client !== this.#client || this.#closed) return;
    const failure = classifyFailure(error);
    this.#options.logger.debug('the connection to the broker failed', { reason: failure.reason, error });
    this.#options.onFailure?.(failure);
  }

  #onClose(client: MqttClient): void {
    if (client !== this.#client || this.#closed) return;
    this.#client = undefined;
    client.removeAllListeners();
    // A socket that is torn down may still report an error; nobody is interested any more.
    client.on('error', () => undefined);
    client.end(true);
    this.#stable?.cancel();
    this.#setUp(false);
    const { clock, random } = this.#options;
    this.#retry = clock.after(computeReconnectMs(this.#failures, random), () => this.connect());
    this.#failures += 1;
  }

  #setUp(up: boolean): void {
    if (up === this.#up) return;
    this.#up = up;
    for (const listener of [...this.#linkListeners]) listener(up);
  }
}

/** Before attempt number `failures` since the link was last stable. */
export function computeReconnectMs(failures: number, random: Random): number {
  if (failures < EAGER_ATTEMPTS) return computeBackoffMs(EAGER, failures, random);
  return computeBackoffMs(RECONNECT, failures - EAGER_ATTEMPTS, random);
}

function openSocket({ host, port, tls, verify }: MqttConnection) {
  if (tls === undefined) return connectTcp({ host, port, noDelay: true });
  // RFC 6066, section 3: a literal address is no server name.
  const servername = tls.servername ?? (isIP(host) === 0 ? host : '');
  const socket = connectTls({ ...tls, host, port, servername, ...(verify && { rejectUnauthorized: false }) });
  socket.setNoDelay(true);
  if (verify !== undefined) {
    // What mqtt.js writes meanwhile, a password perhaps, waits here.
    socket.cork();
    socket.once('secureConnect', () => {
      const complaint = verify(socket);
      if (complaint === undefined) socket.uncork();
      else socket.destroy(complaint);
    });
  }
  return socket;
}

const CONNACK_REASONS: Readonly<Record<number, MqttFailureReason>> = {
  2: 'identifier-rejected',
  4: 'bad-credentials',
  5: 'not-authorized',
  // MQTT 5, section 3.2.2.2.
  134: 'bad-credentials',
  135: 'not-authorized',
};

/** Codes of OpenSSL's verification and of Node's own check of the server's name. */
const UNTRUSTED = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/;

function classifyFailure(error: Error & { code?: unknown }): MqttFailure {
  const { code, message } = error;
  if (typeof code === 'number') return new MqttFailure(CONNACK_REASONS[code] ?? 'unreachable', message);
  if (typeof code === 'string' && UNTRUSTED.test(code)) return new MqttFailure('untrusted', message, code);
  return new MqttFailure('unreachable', message);
}
