/**
 * The MQTT door: requests that sessions publish on their own API topic, answered with the identity that the session has had
 * since it connected. Invariant: a request is handled only while its session lasts, and never as somebody else.
 */
import { StatusError } from '../../shared/machinery/errors.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Request, Response } from '../../shared/protocol/exchange.ts';
import { createRpcServer, type RpcServer } from '../../shared/protocol/rpc-server.ts';
import { topics } from '../../shared/protocol/topics.ts';
import type { Unsubscribe } from '../../shared/protocol/transport.ts';
import type { SessionIdentity, Sessions } from '../broker/sessions.ts';
import type { RequestHandler } from './request-handler.ts';

export interface MqttDoorOptions {
  sessions: Sessions;
  apiServer: RequestHandler;
  clock: Clock;
  logger: Logger;
}

export function createMqttDoor(options: MqttDoorOptions): Component {
  return new Door(options);
}

class Door implements Component {
  readonly #options: MqttDoorOptions;
  readonly #server: RpcServer;
  /** By client id. */
  readonly #identities = new Map<string, SessionIdentity>();
  #unsubscribe: Unsubscribe | undefined;

  constructor(options: MqttDoorOptions) {
    this.#options = options;
    this.#server = createRpcServer({
      transport: options.sessions.transport(),
      requestFilter: topics.apiRequest('+'),
      accepts: (clientId) => this.#identities.has(clientId),
      handler: (request, clientId) => this.#handle(request, clientId),
      clock: options.clock,
      logger: options.logger.with({ component: 'mqtt-door' }),
    });
  }

  async start(): Promise<void> {
    this.#unsubscribe = this.#options.sessions.onSession({
      connected: ({ clientId, identity }) => {
        // What an earlier session of the same client id left behind is not the new one's.
        this.#server.clientGone(clientId);
        this.#identities.set(clientId, identity);
      },
      disconnected: ({ clientId }) => {
        this.#identities.delete(clientId);
        this.#server.clientGone(clientId);
      },
    });
    await this.#server.start();
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    await this.#server.stop();
  }

  async #handle(request: Request, clientId: string): Promise<Response> {
    const identity = this.#identities.get(clientId);
    if (identity === undefined) throw new StatusError('Unauthorized', 'the session is over');
    return this.#options.apiServer.handle(request, identity);
  }
}
