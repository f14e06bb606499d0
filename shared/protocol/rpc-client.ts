/**
 * The asking side of the wire contract: a Handler whose requests travel over a transport. Invariant: every call ends, with
 * its answer or with a StatusError, and every stream is a prefix of what was sent, then its end or an error.
 */
import { fromStatus, type Status, StatusError } from '../machinery/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { type Random, randomSuffix } from '../platform/random.ts';
import { type ClientFrame, encodeBase64, encodeFrame, type RequestFrame, type ServerFrame } from './envelope.ts';
import type { Handler, Request, Response } from './exchange.ts';
import { CALL_TIMEOUT_MS, MAX_ENVELOPE_BYTES, WINDOW_FRAMES } from './limits.ts';
import { parseServerFrame } from './parse-envelope.ts';
import { ClientStream } from './rpc-client-stream.ts';
import type { Transport, Unsubscribe } from './transport.ts';

export interface RpcClientOptions {
  transport: Transport;
  requestTopic: string;
  responseTopic: string;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Who answers, for error messages: `the master`, `node pi-3`. */
  peer?: string;
  callTimeoutMs?: number;
}

export interface RpcClient {
  /** Rejects with a StatusError: what the server answered, or ServiceUnavailable when it cannot be reached. */
  readonly call: Handler;
  /** Idempotent: everything under way fails with ServiceUnavailable. */
  stop(): void;
}

/** One request on its way; it turns from waiting into a stream at most once. */
interface Call {
  waiting: PromiseWithResolvers<Response>;
  stream: ClientStream | undefined;
  signal: AbortSignal;
  /** Ends the wait for the first frame. */
  disarm(): void;
  /** Lets go of the caller's signal. */
  forget(): void;
}

export function createRpcClient(options: RpcClientOptions): RpcClient {
  const client = new Client(options);
  return { call: (request) => client.call(request), stop: () => client.stop() };
}

class Client {
  readonly #options: RpcClientOptions;
  readonly #calls = new Map<string, Call>();
  readonly #idPrefix: string;
  readonly #unlink: Unsubscribe;
  #subscribed: Promise<Unsubscribe> | undefined;
  #nextId = 1;
  #up = false;
  #stopped = false;

  constructor(options: RpcClientOptions) {
    this.#options = options;
    this.#idPrefix = randomSuffix(options.random, 10);
    this.#unlink = options.transport.onLink((up) => this.#onLink(up));
  }

  async call(request: Request): Promise<Response> {
    request.signal.throwIfAborted();
    if (this.#stopped || !this.#up) throw this.#unavailable('is not connected');
    const id = `${this.#idPrefix}-${this.#nextId++}`;
    const payload = encodeRequest(id, request);
    const call = this.#register(id, request.signal);
    this.#transmit(id, payload).catch(() => this.#fail(id, this.#unavailable('cannot be reached')));
    return call.waiting.promise;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#unlink();
    this.#failAll('is not connected any more');
    this.#subscribed?.then((unsubscribe) => unsubscribe()).catch(() => undefined);
  }

  /** Answers can come only after the subscription is made; a failed attempt is made again by the next call. */
  async #transmit(id: string, payload: Uint8Array): Promise<void> {
    const { transport, requestTopic, responseTopic } = this.#options;
    this.#subscribed ??= transport.subscribe(responseTopic, (message) => this.#receive(message.payload));
    try {
      await this.#subscribed;
    } catch (error) {
      this.#subscribed = undefined;
      throw error;
    }
    if (this.#calls.has(id)) await transport.publish(requestTopic, payload);
  }

  #register(id: string, signal: AbortSignal): Call {
    const { clock, callTimeoutMs = CALL_TIMEOUT_MS } = this.#options;
    const timer = clock.after(callTimeoutMs, () => {
      this.#send({ type: 'cancel', id });
      this.#fail(id, this.#unavailable(`did not answer within ${callTimeoutMs / 1000} s`));
    });
    const onAbort = (): void => this.#abort(id);
    signal.addEventListener('abort', onAbort, { once: true });
    const call: Call = {
      waiting: Promise.withResolvers<Response>(),
      stream: undefined,
      signal,
      disarm: () => timer.cancel(),
      forget: () => signal.removeEventListener('abort', onAbort),
    };
    this.#calls.set(id, call);
    return call;
  }

  /** The caller went away: a wait is rejected with its reason, a stream simply ends. */
  #abort(id: string): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#send({ type: 'cancel', id });
    this.#close(id);
    call.stream?.end();
    call.waiting.reject(call.signal.reason);
  }

  #receive(payload: Uint8Array): void {
    let frame: ServerFrame;
    try {
      frame = parseServerFrame(payload);
    } catch (error) {
      this.#options.logger.warn('a frame that cannot be read was dropped', { error });
      return;
    }
    const call = this.#calls.get(frame.id);
    if (call === undefined) this.#receiveUnknown(frame);
    else if (call.stream !== undefined) call.stream.receive(frame);
    else this.#receiveFirst(call, frame);
  }

  /** Somebody still sends for a call that is over here: its stream is not wanted. */
  #receiveUnknown(frame: ServerFrame): void {
    const own = frame.id.startsWith(`${this.#idPrefix}-`);
    if (own && (frame.type === 'stream' || frame.type === 'item')) this.#send({ type: 'cancel', id: frame.id });
  }

  #receiveFirst(call: Call, frame: ServerFrame): void {
    switch (frame.type) {
      case 'response':
        this.#close(frame.id);
        this.#answer(call, frame.code, { type: 'object', ...head(frame), body: frame.body });
        return;
      case 'stream':
        call.disarm();
        call.stream = this.#openStream(frame);
        call.stream.response().then(
          (response) => this.#answer(call, response.code, response),
          (error) => call.waiting.reject(error),
        );
        return;
      case 'end':
        this.#fail(frame.id, frame.status ? fromStatus(frame.status) : this.#unavailable('ended the call'));
        return;
      default:
        // Items before the stream frame: that frame was lost.
        this.#send({ type: 'cancel', id: frame.id });
        this.#fail(frame.id, this.#unavailable('sent a stream whose beginning was lost'));
    }
  }

  #openStream(frame: ServerFrame & { type: 'stream' }): ClientStream {
    const { clock, peer = 'the server' } = this.#options;
    return new ClientStream({
      frame,
      clock,
      peer,
      transmit: (sent) => this.#publish(sent),
      onClose: () => this.#close(frame.id),
    });
  }

  /** Error answers reject, so that a remote handler behaves as one in this process. */
  #answer(call: Call, code: number, response: Response): void {
    if (code >= 400 && response.type === 'object' && isFailure(response.body)) {
      call.waiting.reject(fromStatus(response.body));
    } else {
      call.waiting.resolve(response);
    }
  }

  #onLink(up: boolean): void {
    this.#up = up;
    if (!up) this.#failAll('lost the connection');
  }

  #failAll(why: string): void {
    for (const id of [...this.#calls.keys()]) this.#fail(id, this.#unavailable(why));
  }

  #fail(id: string, error: Error): void {
    const call = this.#calls.get(id);
    this.#close(id);
    call?.stream?.end(error);
    call?.waiting.reject(error);
  }

  #close(id: string): void {
    const call = this.#calls.get(id);
    call?.disarm();
    call?.forget();
    this.#calls.delete(id);
  }

  #unavailable(what: string): StatusError {
    return new StatusError('ServiceUnavailable', `${this.#options.peer ?? 'the server'} ${what}`);
  }

  #send(frame: ClientFrame): void {
    this.#publish(frame).catch(() => undefined);
  }

  #publish(frame: ClientFrame): Promise<void> {
    if (!this.#up) return Promise.reject(this.#unavailable('is not connected'));
    return this.#options.transport.publish(this.#options.requestTopic, encodeFrame(frame));
  }
}

function encodeRequest(id: string, request: Request): Uint8Array {
  const { method, path, query, headers, body } = request;
  const frame: RequestFrame = {
    type: 'request',
    id,
    method,
    path,
    query: Object.fromEntries(Object.entries(query).map(([name, values]) => [name, [...values]])),
    headers: { ...headers },
    ...(body instanceof Uint8Array ? { bodyBase64: encodeBase64(body) } : { body }),
    window: WINDOW_FRAMES,
  };
  const payload = encodeFrame(frame);
  if (payload.byteLength > MAX_ENVELOPE_BYTES) {
    throw new StatusError('RequestEntityTooLarge', `the request has more than ${MAX_ENVELOPE_BYTES} bytes`);
  }
  return payload;
}

function head(frame: { code: number; contentType?: string; headers?: Record<string, string> }) {
  const { code, contentType, headers } = frame;
  return { code, ...(contentType ? { contentType } : {}), ...(headers ? { headers } : {}) };
}

function isFailure(body: unknown): body is Status {
  return typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Status';
}
