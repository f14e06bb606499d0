/**
 * The one connection of a node to its master, opened by the node: mutual TLS, a last will that tells the master when the
 * node is gone, and calls that wait for the link instead of failing while it is down.
 */
import { X509Certificate } from 'node:crypto';
import { type Clock, formatTime, sleep } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { type Random, randomSuffix } from '../../shared/platform/random.ts';
import type { Handler } from '../../shared/protocol/exchange.ts';
import { connectMqtt, type MqttFailure, type MqttTransport } from '../../shared/protocol/mqtt-transport.ts';
import { createRpcClient, type RpcClient } from '../../shared/protocol/rpc-client.ts';
import { createRpcServer, type RpcServer } from '../../shared/protocol/rpc-server.ts';
import { type NodeStatusMessage, nodeClientId, topics } from '../../shared/protocol/topics.ts';
import type { Transport } from '../../shared/protocol/transport.ts';
import type { MasterTrust } from './master-trust.ts';
import type { NodeIdentity } from './node-identity.ts';
import type { MasterAddress } from './presented-ca.ts';

export interface MasterLinkOptions {
  node: string;
  master: MasterAddress;
  trust: MasterTrust;
  /** Asked before each connection: certificates are renewed. */
  identity(): NodeIdentity;
  /** Answers the API server's requests to this node. */
  handler: Handler;
  /** The master does not accept the certificate: it may have ended. Once a kind of failure. */
  onRefused?(): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export interface MasterLink extends Component {
  /** Reaches the API server; waits for the link, within bounds. */
  readonly call: Handler;
  readonly transport: Transport;
  /** Connects anew, with the identity of now. */
  reconnect(): void;
}

/** How long a call waits for the link before it fails; its caller tries again anyway. */
const MAX_WAIT_MS = 30_000;

const FAREWELL_TIMEOUT_MS = 1_000;

export function createMasterLink(options: MasterLinkOptions): MasterLink {
  return new Link(options);
}

class Link implements MasterLink {
  readonly transport: MqttTransport;
  readonly #options: MasterLinkOptions;
  readonly #rpc: RpcClient;
  readonly #server: RpcServer;
  #session = '';
  #up = false;
  #lastFailure = '';
  #whenUp = Promise.withResolvers<void>();

  constructor(options: MasterLinkOptions) {
    this.#options = options;
    const { node, clock, random, logger } = options;
    const clientId = nodeClientId(node);
    const base = { clock, random, logger };
    this.transport = connectMqtt({
      ...base,
      clientId,
      connection: () => this.#connection(),
      will: () => this.#will(),
      onFailure: (failure) => void this.#onFailure(failure),
    });
    this.#rpc = createRpcClient({
      ...base,
      transport: this.transport,
      requestTopic: topics.apiRequest(clientId),
      responseTopic: topics.apiResponse(clientId),
      peer: 'the master',
    });
    this.#server = createRpcServer({
      ...base,
      transport: this.transport,
      requestFilter: topics.nodeRequest(node),
      handler: options.handler,
    });
    this.transport.onLink((up) => this.#onLink(up));
  }

  readonly call: Handler = async (request) => {
    await this.#waitForLink(request.signal);
    return this.#rpc.call(request);
  };

  /** Resolves at once: a node without its master has work to do. */
  async start(): Promise<void> {
    void this.#server.start().catch((error) => this.#options.logger.debug('the link is closed', { error }));
  }

  reconnect(): void {
    this.transport.reconnect();
  }

  async stop(): Promise<void> {
    const { clock } = this.#options;
    if (this.#up) {
      const told = new AbortController();
      const farewell = this.#tell(false).catch(() => undefined);
      const late = sleep(clock, FAREWELL_TIMEOUT_MS, told.signal).catch(() => undefined);
      await Promise.race([farewell, late]);
      told.abort();
    }
    await this.#server.stop();
    this.#rpc.stop();
    await this.transport.close();
  }

  #connection() {
    const { trust, identity } = this.#options;
    const { certificate, key } = identity();
    const { tls, ...connection } = trust.connection();
    return { ...connection, tls: { ...tls, cert: certificate, key } };
  }

  /** Each session has its own name, so that the late will of an old one does not speak for the present one. */
  #will() {
    this.#session = randomSuffix(this.#options.random, 10);
    return { topic: topics.nodeStatus(this.#options.node), payload: this.#message(false), retain: true };
  }

  #message(online: boolean): Uint8Array {
    const message: NodeStatusMessage = { online, session: this.#session };
    return Buffer.from(JSON.stringify(message));
  }

  #tell(online: boolean): Promise<void> {
    const topic = topics.nodeStatus(this.#options.node);
    return this.transport.publish(topic, this.#message(online), { qos: 1, retain: true });
  }

  #onLink(up: boolean): void {
    if (up === this.#up) return;
    this.#up = up;
    const { logger, master } = this.#options;
    if (!up) {
      this.#whenUp = Promise.withResolvers<void>();
      logger.warn('lost the master; pods run on');
      return;
    }
    this.#lastFailure = '';
    logger.info('connected to the master', { master: master.host });
    this.#tell(true).catch((error) => logger.debug('the link broke at once', { error }));
    this.#whenUp.resolve();
  }

  /** Told once a kind of failure: attempts go on for as long as it takes. */
  async #onFailure(failure: MqttFailure): Promise<void> {
    const { logger, master, trust, identity } = this.#options;
    if (await trust.overcomes(failure)) return;
    const { reason, message } = failure;
    if (reason === this.#lastFailure) return;
    this.#lastFailure = reason;
    if (reason === 'bad-credentials' || reason === 'not-authorized') this.#options.onRefused?.();
    const remedy = computeRemedy(reason, identity(), trust.nowMs());
    const where = `${master.host}:${master.port}`;
    logger.warn('cannot reach the master, will try again; pods run on', { master: where, why: message, remedy });
  }

  async #waitForLink(signal: AbortSignal): Promise<void> {
    if (this.#up) return;
    const late = new AbortController();
    const timeout = sleep(this.#options.clock, MAX_WAIT_MS, AbortSignal.any([signal, late.signal]));
    timeout.catch(() => undefined);
    try {
      await Promise.race([this.#whenUp.promise, timeout]);
    } finally {
      late.abort();
    }
  }
}

/** A master that refuses a certificate does not say why where nobody may listen; one that has ended explains it. */
function computeRemedy(reason: MqttFailure['reason'], { certificate }: NodeIdentity, nowMs: number): string {
  const { validToDate } = new X509Certificate(certificate);
  const isRefused = reason === 'bad-credentials' || reason === 'not-authorized';
  if (!isRefused || validToDate.getTime() > nowMs) return REMEDIES[reason];
  return `this node's certificate ended on ${formatTime(validToDate.getTime())}, as it was not connected in time to renew it: it asks for another one`;
}

const REMEDIES: Record<MqttFailure['reason'], string> = {
  unreachable: 'is the master running, and is --master its address?',
  untrusted: "the master's certificate does not count: is this board's clock right, and is it still the same cluster?",
  'bad-credentials': "the master does not accept this node's certificate: remove the identity folder and join anew",
  'not-authorized': "the master does not accept this node's certificate: remove the identity folder and join anew",
  'identifier-rejected': 'another node has this name: start with another --name',
};
