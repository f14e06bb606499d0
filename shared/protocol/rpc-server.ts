/**
 * The answering side of the wire contract: hands requests from a topic to a Handler and sends back what it answers.
 * Invariants: a request id is handled once however often it arrives; nothing is sent to a client after `clientGone`;
 * every client has bounds on what it may have under way.
 */
import { badRequest, StatusError, toStatus } from '../machinery/errors.ts';
import { assert } from '../platform/assert.ts';
import type { Clock } from '../platform/clock.ts';
import type { Component } from '../platform/lifecycle.ts';
import type { Logger } from '../platform/logger.ts';
import { type ClientFrame, decodeBase64, EnvelopeError, encodeFrame, type RequestFrame } from './envelope.ts';
import type { Request, Response } from './exchange.ts';
import {
  MAX_CALLS_PER_CLIENT,
  MAX_ENVELOPE_BYTES,
  MAX_PLAIN_ANSWER_BYTES,
  MAX_STREAMS_PER_CLIENT,
  RECENT_IDS_PER_CLIENT,
} from './limits.ts';
import { parseClientFrame } from './parse-envelope.ts';
import { ServerStream } from './rpc-server-stream.ts';
import { parseTopic, topics } from './topics.ts';
import type { Message, Transport, Unsubscribe } from './transport.ts';

export interface RpcServerOptions {
  transport: Transport;
  /** `topics.apiRequest('+')` or one node's `topics.nodeRequest(name)`; answers go to the sibling `response`. */
  requestFilter: string;
  /** `clientId` is the topic's owner: who may publish there is the broker's business. */
  handler(request: Request, clientId: string): Promise<Response>;
  /** Frames of other clients are dropped: such as those that arrive after the end of their session. */
  accepts?(clientId: string): boolean;
  clock: Clock;
  logger: Logger;
  limits?: Partial<RpcServerLimits>;
}

export interface RpcServerLimits {
  callsPerClient: number;
  streamsPerClient: number;
  recentIdsPerClient: number;
}

export interface RpcServer extends Component {
  /** The client's session is over: its requests are aborted, its streams end, nothing is sent to it any more. */
  clientGone(clientId: string): void;
}

interface Call {
  abort: AbortController;
  stream: ServerStream | undefined;
}

/** What is remembered of a client while its session lasts. */
interface ClientState {
  responseTopic: string;
  calls: Map<string, Call>;
  streams: number;
  /** In order of arrival; the oldest is forgotten first. */
  recentIds: Set<string>;
}

export function createRpcServer(options: RpcServerOptions): RpcServer {
  return new Server(options);
}

class Server implements RpcServer {
  readonly #options: RpcServerOptions;
  readonly #limits: RpcServerLimits;
  readonly #clients = new Map<string, ClientState>();
  #unsubscribe: Unsubscribe[] = [];

  constructor(options: RpcServerOptions) {
    this.#options = options;
    this.#limits = {
      callsPerClient: MAX_CALLS_PER_CLIENT,
      streamsPerClient: MAX_STREAMS_PER_CLIENT,
      recentIdsPerClient: RECENT_IDS_PER_CLIENT,
      ...options.limits,
    };
  }

  async start(): Promise<void> {
    const { transport, requestFilter } = this.#options;
    this.#unsubscribe.push(transport.onLink((up) => (up ? undefined : this.#allGone())));
    this.#unsubscribe.push(await transport.subscribe(requestFilter, (message) => this.#receive(message)));
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#allGone();
  }

  clientGone(clientId: string): void {
    const client = this.#clients.get(clientId);
    this.#clients.delete(clientId);
    for (const call of client?.calls.values() ?? []) {
      call.stream?.close();
      call.abort.abort();
    }
  }

  #allGone(): void {
    for (const clientId of [...this.#clients.keys()]) this.clientGone(clientId);
  }

  #receive({ topic, payload }: Message): void {
    const owner = parseTopic(topic);
    if (owner === undefined || this.#options.accepts?.(owner.owner) === false) return;
    const client = this.#clientOf(owner.owner, topic);
    try {
      this.#dispatch(owner.owner, client, parseClientFrame(payload));
    } catch (error) {
      assert(error instanceof EnvelopeError, 'only reading a frame may fail here');
      this.#options.logger.info('a frame that cannot be read was dropped', { client: owner.owner, error });
      if (error.id !== undefined) this.#sendError(client, error.id, badRequest(error.message));
    }
  }

  #clientOf(clientId: string, requestTopic: string): ClientState {
    const known = this.#clients.get(clientId);
    if (known !== undefined) return known;
    const responseTopic = requestTopic.startsWith(topics.nodeRequest(clientId))
      ? topics.nodeResponse(clientId)
      : topics.apiResponse(clientId);
    const client: ClientState = { responseTopic, calls: new Map(), streams: 0, recentIds: new Set() };
    this.#clients.set(clientId, client);
    return client;
  }

  #dispatch(clientId: string, client: ClientState, frame: ClientFrame): void {
    if (frame.type === 'request') {
      this.#request(clientId, client, frame);
      return;
    }
    const call = client.calls.get(frame.id);
    if (frame.type === 'cancel') {
      call?.stream?.close();
      call?.abort.abort();
      client.calls.delete(frame.id);
    } else if (call?.stream !== undefined) {
      call.stream.receive(frame);
    } else if (call === undefined) {
      // The reader of a stream that is not known here must not wait for it.
      const { status } = new StatusError('ServiceUnavailable', 'the stream is not known here any more');
      this.#send(client, { type: 'end', id: frame.id, status }).catch(() => undefined);
    }
  }

  #request(clientId: string, client: ClientState, frame: RequestFrame): void {
    if (client.recentIds.has(frame.id) || client.calls.has(frame.id)) return;
    this.#remember(client, frame.id);
    if (client.calls.size >= this.#limits.callsPerClient) {
      const { callsPerClient } = this.#limits;
      this.#sendError(client, frame.id, tooMany(`more than ${callsPerClient} requests at once`));
      return;
    }
    const call: Call = { abort: new AbortController(), stream: undefined };
    client.calls.set(frame.id, call);
    this.#run(clientId, client, { frame, call })
      .catch((error) => this.#sendError(client, frame.id, error, call))
      .finally(() => {
        if (client.calls.get(frame.id) === call) client.calls.delete(frame.id);
      });
  }

  #remember(client: ClientState, id: string): void {
    client.recentIds.add(id);
    if (client.recentIds.size <= this.#limits.recentIdsPerClient) return;
    for (const oldest of client.recentIds) {
      client.recentIds.delete(oldest);
      return;
    }
  }

  async #run(clientId: string, client: ClientState, work: { frame: RequestFrame; call: Call }): Promise<void> {
    const { frame, call } = work;
    const response = await this.#options.handler(toRequest(frame, call.abort.signal), clientId);
    if (call.abort.signal.aborted) return;
    const payload = encodePlainAnswer(frame.id, response);
    if (payload !== undefined) {
      await this.#publish(client, payload);
    } else if (client.streams < this.#limits.streamsPerClient) {
      await this.#stream(client, work, response);
    } else {
      this.#sendError(client, frame.id, tooMany(`more than ${this.#limits.streamsPerClient} streams at once`));
      call.abort.abort();
    }
  }

  async #stream(client: ClientState, work: { frame: RequestFrame; call: Call }, response: Response): Promise<void> {
    const { frame, call } = work;
    client.streams += 1;
    const stream = new ServerStream({
      id: frame.id,
      window: frame.window,
      clock: this.#options.clock,
      logger: this.#options.logger,
      transmit: (sent) => this.#send(client, sent),
      onClose: () => call.abort.abort(),
    });
    call.stream = stream;
    try {
      await stream.serve(response);
    } finally {
      client.streams -= 1;
    }
  }

  /** An error after the client cancelled, or after it went away, is nobody's business any more. */
  #sendError(client: ClientState, id: string, error: unknown, call?: Call): void {
    if (call?.abort.signal.aborted) return;
    if (!(error instanceof StatusError)) this.#options.logger.error('a request failed', { error });
    const status = toStatus(error);
    this.#send(client, { type: 'response', id, code: status.code ?? 500, body: status }).catch(() => undefined);
  }

  #send(client: ClientState, frame: Parameters<typeof encodeFrame>[0]): Promise<void> {
    return this.#publish(client, encodeFrame(frame));
  }

  async #publish(client: ClientState, payload: Uint8Array): Promise<void> {
    if (!this.#isPresent(client)) throw new StatusError('ServiceUnavailable', 'the client is gone');
    if (payload.byteLength > MAX_ENVELOPE_BYTES) {
      throw new StatusError(
        'RequestEntityTooLarge',
        `one item of the answer has more than ${MAX_ENVELOPE_BYTES} bytes`,
      );
    }
    await this.#options.transport.publish(client.responseTopic, payload);
  }

  #isPresent(client: ClientState): boolean {
    const clientId = parseTopic(client.responseTopic)?.owner ?? '';
    return this.#clients.get(clientId) === client;
  }
}

/** One frame, when the answer is one object and not too large for it. */
function encodePlainAnswer(id: string, response: Response): Uint8Array | undefined {
  if (response.type !== 'object') return undefined;
  const { code, contentType, headers, body } = response;
  const payload = encodeFrame({
    type: 'response',
    id,
    code,
    ...(contentType === undefined ? {} : { contentType }),
    ...(headers === undefined ? {} : { headers: { ...headers } }),
    body,
  });
  return payload.byteLength <= MAX_PLAIN_ANSWER_BYTES ? payload : undefined;
}

function toRequest(frame: RequestFrame, signal: AbortSignal): Request {
  const { method, path, query, headers, body, bodyBase64 } = frame;
  const bytes = bodyBase64 === undefined ? body : decodeBase64(bodyBase64);
  return { method, path, query, headers, ...(bytes === undefined ? {} : { body: bytes }), signal };
}

function tooMany(what: string): StatusError {
  return new StatusError('TooManyRequests', `${what}; try again later`, { retryAfterSeconds: 1 });
}
