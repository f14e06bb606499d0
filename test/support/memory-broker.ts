/**
 * A small MQTT broker in memory, driven by a Clock and a Random, with faults: messages that are late, lost or doubled, links
 * that are cut or silent, processes that die. What TCP guarantees is kept: within one connection nothing is reordered, and
 * what a short silence held up arrives afterwards.
 */
import type { Session, SessionIdentity, SessionListener, Sessions } from '../../master/broker/sessions.ts';
import { type Clock, systemClock } from '../../shared/platform/clock.ts';
import { nextFloat, type Random, seededRandom } from '../../shared/platform/random.ts';
import { filterMatches } from '../../shared/protocol/topic-filter.ts';
import type { Message, PublishOptions, Transport, Unsubscribe } from '../../shared/protocol/transport.ts';

export interface Faults {
  /** Share of QoS 0 messages that vanish, 0…1. */
  lossRate: number;
  /** Share of messages that arrive twice, 0…1. */
  duplicateRate: number;
  /** Each message takes a time between these. */
  minDelayMs: number;
  maxDelayMs: number;
}

export interface MemoryBrokerOptions {
  clock?: Clock;
  random?: Random;
  faults?: Partial<Faults>;
  /** A silent session ends after one and a half times this. */
  keepaliveMs?: number;
  /** A lost session tries again after this. */
  reconnectMs?: number;
}

export interface MemorySessionOptions {
  clientId: string;
  identity?: SessionIdentity;
  /** Asked at each connection. */
  will?(): { topic: string; payload: Uint8Array; retain: boolean };
}

export interface MemorySession extends Transport {
  /** Says good-bye: no will. */
  close(): Promise<void>;
  /** The process dies: the broker sees the connection end at once and publishes the will; nothing comes back. */
  kill(): void;
  /** The connection is reset; the session comes back by itself. */
  cut(): void;
  /** Nothing gets through in either direction until `heal`; both sides notice only by the keep-alive. */
  partition(): void;
  heal(): void;
}

export interface MemoryBroker extends Sessions {
  /** May be changed at any time. */
  readonly faults: Faults;
  connect(options: MemorySessionOptions): MemorySession;
  /** The master restarts: every session is lost, retained messages are gone. */
  restart(): void;
  /** The master's process dies: as a restart, and nobody gets in until `accept`. The master's own attachments are void. */
  die(): void;
  accept(): void;
}

const NO_FAULTS: Faults = { lossRate: 0, duplicateRate: 0, minDelayMs: 0, maxDelayMs: 0 };

/** A client in nobody's group; tests that need rights say so. */
function identityOf(clientId: string): SessionIdentity {
  return { name: clientId, uid: '', groups: ['system:authenticated'], extra: {} };
}

interface Subscriber {
  filter: string;
  deliver(message: Message, qos: 0 | 1): void;
}

/** The broker's own half: topics, retained messages, sessions. */
class Core {
  readonly retained = new Map<string, Message>();
  readonly subscribers = new Set<Subscriber>();
  readonly sessions = new Map<string, Session>();
  readonly listeners = new Set<SessionListener>();

  publish(message: Message, qos: 0 | 1): void {
    if (message.retain && message.payload.byteLength === 0) this.retained.delete(message.topic);
    else if (message.retain) this.retained.set(message.topic, { ...message, retain: true });
    const live = { topic: message.topic, payload: message.payload, retain: false };
    for (const { filter, deliver } of [...this.subscribers]) if (filterMatches(filter, live.topic)) deliver(live, qos);
  }

  subscribe(subscriber: Subscriber): void {
    this.subscribers.add(subscriber);
    for (const message of this.retained.values()) {
      if (filterMatches(subscriber.filter, message.topic)) subscriber.deliver(message, 1);
    }
  }

  connected(session: Session): void {
    this.sessions.set(session.clientId, session);
    for (const listener of [...this.listeners]) listener.connected(session);
  }

  disconnected(session: Session): void {
    this.sessions.delete(session.clientId);
    for (const listener of [...this.listeners]) listener.disconnected(session);
  }
}

export function createMemoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const core = new Core();
  const environment: Environment = {
    core,
    clock: options.clock ?? systemClock,
    random: options.random ?? seededRandom(1),
    faults: { ...NO_FAULTS, ...options.faults },
    keepaliveMs: options.keepaliveMs ?? 5_000,
    reconnectMs: options.reconnectMs ?? 500,
    live: new Map(),
    accepting: true,
  };
  const restart = (): void => {
    core.retained.clear();
    for (const session of [...environment.live.values()]) session.cut();
  };
  return {
    faults: environment.faults,
    connect: (sessionOptions) => new ClientSession(environment, sessionOptions),
    restart,
    die() {
      environment.accepting = false;
      core.listeners.clear();
      core.subscribers.clear();
      restart();
    },
    accept() {
      environment.accepting = true;
    },
    transport: () => inProcess(core),
    onSession(listener) {
      core.listeners.add(listener);
      for (const session of core.sessions.values()) listener.connected(session);
      return () => core.listeners.delete(listener);
    },
  };
}

function inProcess(core: Core): Transport {
  return {
    async publish(topic, payload, { qos = 0, retain = false } = {}) {
      core.publish({ topic, payload, retain }, qos);
    },
    async subscribe(filter, onMessage) {
      const subscriber = { filter, deliver: (message: Message) => queueMicrotask(() => alive && onMessage(message)) };
      let alive = true;
      core.subscribe(subscriber);
      return () => {
        alive = false;
        core.subscribers.delete(subscriber);
      };
    },
    onLink(listener) {
      listener(true);
      return () => undefined;
    },
  };
}

interface Environment {
  core: Core;
  clock: Clock;
  random: Random;
  faults: Faults;
  keepaliveMs: number;
  reconnectMs: number;
  live: Map<string, ClientSession>;
  /** Whether there is a master to connect to. */
  accepting: boolean;
}

/** One direction of one connection: keeps order, adds faults, holds messages back while silent. */
class Wire {
  readonly #environment: Environment;
  #held: (() => void)[] = [];
  #lastDueMs = 0;
  silent = false;
  closed = false;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  carry(qos: 0 | 1, arrive: () => void): void {
    const { random, faults } = this.#environment;
    if (qos === 0 && nextFloat(random) < faults.lossRate) return;
    const times = nextFloat(random) < faults.duplicateRate ? 2 : 1;
    for (let time = 0; time < times; time += 1) this.#schedule(arrive);
  }

  #schedule(arrive: () => void): void {
    const { clock, random, faults } = this.#environment;
    const delayMs = faults.minDelayMs + (faults.maxDelayMs - faults.minDelayMs) * nextFloat(random);
    const nowMs = clock.monotonicMs();
    this.#lastDueMs = Math.max(this.#lastDueMs, nowMs + delayMs);
    const run = (): void => this.#arrive(arrive);
    if (this.#lastDueMs <= nowMs) queueMicrotask(run);
    else clock.after(this.#lastDueMs - nowMs, run);
  }

  #arrive(arrive: () => void): void {
    if (this.closed) return;
    if (this.silent) this.#held.push(arrive);
    else arrive();
  }

  heal(): void {
    this.silent = false;
    for (const arrive of this.#held.splice(0)) this.#arrive(arrive);
  }
}

/** One TCP connection with its MQTT session at the broker. */
interface Connection {
  session: Session;
  up: Wire;
  down: Wire;
  subscribers: Subscriber[];
  will: { topic: string; payload: Uint8Array; retain: boolean } | undefined;
  /** QoS 1 publishes that are not acknowledged yet. */
  unacknowledged: Set<PromiseWithResolvers<void>>;
}

interface Subscription {
  filter: string;
  onMessage(message: Message): void;
  accepted: PromiseWithResolvers<void>;
}

class ClientSession implements MemorySession {
  readonly #environment: Environment;
  readonly #options: MemorySessionOptions;
  readonly #subscriptions = new Set<Subscription>();
  readonly #linkListeners = new Set<(up: boolean) => void>();
  #connection: Connection | undefined;
  #silent = false;
  #over = false;

  constructor(environment: Environment, options: MemorySessionOptions) {
    this.#environment = environment;
    this.#options = options;
    if (environment.accepting) this.#connect();
    else this.#retry();
  }

  async publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Promise<void> {
    const { qos = 0, retain = false } = options;
    const connection = this.#connection;
    if (connection === undefined) throw new Error('the link is down');
    const { core } = this.#environment;
    const acknowledged = Promise.withResolvers<void>();
    if (qos === 1) connection.unacknowledged.add(acknowledged);
    else acknowledged.resolve();
    connection.up.carry(qos, () => {
      core.publish({ topic, payload, retain }, qos);
      connection.down.carry(1, () => {
        connection.unacknowledged.delete(acknowledged);
        acknowledged.resolve();
      });
    });
    await acknowledged.promise;
  }

  async subscribe(filter: string, onMessage: (message: Message) => void): Promise<Unsubscribe> {
    const subscription: Subscription = { filter, onMessage, accepted: Promise.withResolvers<void>() };
    this.#subscriptions.add(subscription);
    if (this.#connection !== undefined) this.#attach(this.#connection, subscription);
    await subscription.accepted.promise;
    return () => this.#subscriptions.delete(subscription);
  }

  onLink(listener: (up: boolean) => void): Unsubscribe {
    this.#linkListeners.add(listener);
    listener(this.#connection !== undefined);
    return () => this.#linkListeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#over = true;
    this.#drop({ will: false });
  }

  kill(): void {
    this.#over = true;
    this.#linkListeners.clear();
    this.#drop({ will: true });
  }

  cut(): void {
    this.#drop({ will: true });
    this.#retry();
  }

  partition(): void {
    const { clock, keepaliveMs } = this.#environment;
    const connection = this.#connection;
    this.#silent = true;
    if (connection === undefined) return;
    connection.up.silent = true;
    connection.down.silent = true;
    clock.after(keepaliveMs * 1.5, () => {
      if (this.#silent && this.#connection === connection) this.cut();
    });
  }

  heal(): void {
    this.#silent = false;
    this.#connection?.up.heal();
    this.#connection?.down.heal();
  }

  #connect(): void {
    const { core, live } = this.#environment;
    const { clientId, identity, will } = this.#options;
    // MQTT 3.1.4: a second session with the same client id ends the first.
    live.get(clientId)?.cut();
    live.set(clientId, this);
    const connection: Connection = {
      session: { clientId, identity: identity ?? identityOf(clientId) },
      up: new Wire(this.#environment),
      down: new Wire(this.#environment),
      subscribers: [],
      will: will?.(),
      unacknowledged: new Set(),
    };
    this.#connection = connection;
    core.connected(connection.session);
    for (const subscription of this.#subscriptions) this.#attach(connection, subscription);
    for (const listener of [...this.#linkListeners]) listener(true);
  }

  #attach(connection: Connection, subscription: Subscription): void {
    const { core } = this.#environment;
    const deliver = (message: Message, qos: 0 | 1): void =>
      connection.down.carry(qos, () => {
        if (this.#subscriptions.has(subscription)) subscription.onMessage(message);
      });
    const subscriber: Subscriber = { filter: subscription.filter, deliver };
    connection.subscribers.push(subscriber);
    core.subscribe(subscriber);
    subscription.accepted.resolve();
  }

  #drop({ will }: { will: boolean }): void {
    const { core, live } = this.#environment;
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    if (live.get(connection.session.clientId) === this) live.delete(connection.session.clientId);
    connection.up.closed = true;
    connection.down.closed = true;
    for (const subscriber of connection.subscribers) core.subscribers.delete(subscriber);
    core.disconnected(connection.session);
    if (will && connection.will !== undefined) core.publish(connection.will, 1);
    for (const { reject } of connection.unacknowledged) reject(new Error('the link was lost'));
    for (const listener of [...this.#linkListeners]) listener(false);
  }

  #retry(): void {
    const { clock, random, reconnectMs } = this.#environment;
    if (this.#over) return;
    clock.after(reconnectMs * (0.5 + nextFloat(random)), () => {
      if (this.#over || this.#connection !== undefined) return;
      if (this.#silent || !this.#environment.accepting) this.#retry();
      else this.#connect();
    });
  }
}
