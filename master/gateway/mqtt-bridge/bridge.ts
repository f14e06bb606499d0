/**
 * One link to another broker: passes on what its filters say, both ways. Invariants: a message never goes back where it came
 * from; what is ours (`bramble/…`) never comes in, and only state and events of it go out. What cannot be sent while the
 * link is down waits for nobody, except that retained messages are told again when it is back.
 */
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Random } from '../../../shared/platform/random.ts';
import { randomSuffix } from '../../../shared/platform/random.ts';
import type { BridgeSettings } from '../../../shared/protocol/mqtt-bridge.ts';
import { connectMqtt, type MqttTransport } from '../../../shared/protocol/mqtt-transport.ts';
import { filterMatches } from '../../../shared/protocol/topic-filter.ts';
import { OWN_PREFIX, topics } from '../../../shared/protocol/topics.ts';
import type { Message, Transport, Unsubscribe } from '../../../shared/protocol/transport.ts';
import { EchoGuard } from './echo-guard.ts';

export interface BridgeOptions {
  name: string;
  settings: BridgeSettings;
  /** Of our own broker. */
  local: Transport;
  clock: Clock;
  random: Random;
  logger: Logger;
}

const KEEPALIVE_SECONDS = 30;

/** Messages on their way to the other broker, unconfirmed; beyond, what is new is left out. */
const MAX_UNCONFIRMED = 1_000;

export class Bridge implements Component {
  readonly #options: BridgeOptions;
  readonly #logger: Logger;
  readonly #origin: string;
  readonly #echoes: EchoGuard;
  #remote: MqttTransport | undefined;
  #unsubscribe: Unsubscribe[] = [];
  #unconfirmed = 0;
  #left = 0;
  #ended = false;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#logger = options.logger.with({ component: 'mqtt-bridge', bridge: options.name });
    // No client id holds a slash: nobody can pass for a bridge.
    this.#origin = `bridge/${options.name}`;
    this.#echoes = new EchoGuard(options.clock);
  }

  async start(): Promise<void> {
    const { settings, clock, random, logger, name } = this.#options;
    const { host, port, tls, username, password } = settings;
    const remote = connectMqtt({
      clientId: `bramble-${name}-${randomSuffix(random, 6)}`,
      connection: () => ({
        host,
        port,
        ...(tls && { tls }),
        ...(username && { username }),
        ...(password && { password }),
      }),
      keepaliveSeconds: KEEPALIVE_SECONDS,
      bridge: settings.bridgeProtocol,
      ...{ clock, random, logger },
      onFailure: (error) => this.#logger.warn('the other broker cannot be reached', { error }),
    });
    this.#remote = remote;
    for (const filter of settings.in) {
      remote
        .subscribe(filter, (message) => this.#receive(message))
        .catch((error: unknown) => this.#refused(filter, error));
    }
    this.#unsubscribe.push(remote.onLink((up) => void this.#onLink(up)));
  }

  async stop(): Promise<void> {
    this.#ended = true;
    this.#forgetLocal();
    await this.#remote?.close();
  }

  #forgetLocal(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  /** Each time anew: subscribing brings what is retained here. */
  async #onLink(up: boolean): Promise<void> {
    const [ofLink] = this.#unsubscribe;
    for (const unsubscribe of this.#unsubscribe.splice(1)) unsubscribe();
    if (!up || this.#ended || ofLink === undefined) return;
    this.#logger.info('the bridge is up', { left: this.#left });
    this.#left = 0;
    for (const filter of this.#options.settings.out) {
      this.#unsubscribe.push(await this.#options.local.subscribe(filter, (message) => this.#send(message)));
    }
  }

  #send({ topic, payload, clientId, retain, keep }: Message): void {
    if (clientId === this.#origin || !mayLeave(topic) || this.#remote === undefined) return;
    if (this.#unconfirmed >= MAX_UNCONFIRMED) {
      this.#left += 1;
      return;
    }
    this.#unconfirmed += 1;
    if (!this.#options.settings.bridgeProtocol) this.#echoes.sent(topic, payload);
    this.#remote
      .publish(topic, payload, { qos: 1, retain: retain === true || keep === true })
      .catch((error: unknown) => this.#logger.debug('a message was not sent', { topic, error }))
      .finally(() => {
        this.#unconfirmed -= 1;
      });
  }

  #receive({ topic, payload, retain }: Message): void {
    if (topic.startsWith(OWN_PREFIX) || topic.startsWith('$')) return;
    if (!this.#options.settings.bridgeProtocol && this.#echoes.isEcho(topic, payload)) return;
    this.#options.local
      .publish(topic, payload, { qos: 1, retain: retain === true, origin: this.#origin })
      .catch((error: unknown) => this.#logger.warn('a message was not taken over', { topic, error }));
  }

  #refused(filter: string, error: unknown): void {
    if (!this.#ended) this.#logger.warn('the other broker refuses a subscription', { filter, error });
  }
}

function mayLeave(topic: string): boolean {
  if (topic.startsWith('$')) return false;
  return !topic.startsWith(OWN_PREFIX) || [topics.allState, topics.allEvents].some((one) => filterMatches(one, topic));
}
