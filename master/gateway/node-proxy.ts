/** Requests to the agents of nodes: logs, exec, attach. One RPC client a node, as long as its link is up. */
import { StatusError } from '../../shared/machinery/errors.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { Request, Response } from '../../shared/protocol/exchange.ts';
import { createRpcClient, type RpcClient } from '../../shared/protocol/rpc-client.ts';
import { topics } from '../../shared/protocol/topics.ts';
import type { Unsubscribe } from '../../shared/protocol/transport.ts';
import type { Sessions } from '../broker/sessions.ts';
import type { NodeLinks } from './node-links.ts';

export interface NodeProxyOptions {
  sessions: Sessions;
  links: Pick<NodeLinks, 'isUp' | 'onChange'>;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export interface NodeProxies extends Component {
  /** The API server's NodeProxy. Rejects with ServiceUnavailable when the node's link is down, or goes down meanwhile. */
  call(node: string, request: Request): Promise<Response>;
}

export function createNodeProxies(options: NodeProxyOptions): NodeProxies {
  return new Proxies(options);
}

class Proxies implements NodeProxies {
  readonly #options: NodeProxyOptions;
  readonly #clients = new Map<string, RpcClient>();
  #unsubscribe: Unsubscribe | undefined;

  constructor(options: NodeProxyOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#unsubscribe = this.#options.links.onChange((node, up) => (up ? undefined : this.#drop(node)));
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    for (const node of [...this.#clients.keys()]) this.#drop(node);
  }

  async call(node: string, request: Request): Promise<Response> {
    if (!this.#options.links.isUp(node)) {
      throw new StatusError(
        'ServiceUnavailable',
        `node ${node} is not connected to the master: its agent must be online`,
      );
    }
    return this.#clientOf(node).call(request);
  }

  #clientOf(node: string): RpcClient {
    const known = this.#clients.get(node);
    if (known !== undefined) return known;
    const { sessions, clock, random, logger } = this.#options;
    const client = createRpcClient({
      transport: sessions.transport(),
      requestTopic: topics.nodeRequest(node),
      responseTopic: topics.nodeResponse(node),
      clock,
      random,
      logger: logger.with({ component: 'node-proxy', node }),
      peer: `node ${node}`,
    });
    this.#clients.set(node, client);
    return client;
  }

  #drop(node: string): void {
    this.#clients.get(node)?.stop();
    this.#clients.delete(node);
  }
}
