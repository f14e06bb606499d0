/**
 * The HTTPS door: HTTP/2 and HTTP/1.1 on one port, WebSocket upgrades, client certificates and bearer tokens. It only
 * translates: every request becomes a request value, every answer is what the handler gave.
 */
import type { IncomingMessage } from 'node:http';
import { createSecureServer, type Http2SecureServer, type Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { StatusError } from '../../../shared/machinery/errors.ts';
import { defined } from '../../../shared/platform/assert.ts';
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Component } from '../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import type { Request, Response } from '../../../shared/protocol/exchange.ts';

import { anonymousUser, type UserInfo } from '../../apiserver/user-info.ts';
import type { Authenticator } from '../authentication/authenticator.ts';
import { unauthorized } from '../authentication/unauthorized.ts';
import type { RequestHandler } from '../request-handler.ts';
import { type HttpRequest, readHead, readRequest } from './read-request.ts';
import { bearerOfProtocols, createWebSocketDoor, type WebSocketDoor } from './websocket-door.ts';
import { type HttpResponse, writeError, writeResponse } from './write-response.ts';

/** Key, certificate and CA, PEM. */
export interface DoorCertificate {
  key: string;
  cert: string;
  /** Whose client certificates are believed. */
  ca: string;
}

export interface HttpsDoorOptions {
  host: string;
  /** 0: any free port, see `port()`. */
  port: number;
  certificate: DoorCertificate;
  apiServer: RequestHandler;
  authenticator: Pick<Authenticator, 'userOfCertificate' | 'userOfToken'>;
  clock: Clock;
  logger: Logger;
}

export interface HttpsDoor extends Component {
  port(): number;
  /** For connections from now on. */
  updateCertificate(certificate: DoorCertificate): void;
}

/** Connections at once; a kubectl uses one or two, a dashboard some more. */
const MAX_CONNECTIONS = 1_000;

/** Requests at once on one HTTP/2 connection; Kubernetes' own bound is 250. */
const MAX_STREAMS_PER_CONNECTION = 250;

const HANDSHAKE_TIMEOUT_MS = 10_000;

/** TCP asks a silent peer whether it is there after this long. */
const TCP_KEEPALIVE_MS = 30_000;

export function createHttpsDoor(options: HttpsDoorOptions): HttpsDoor {
  return new Door(options);
}

class Door implements HttpsDoor {
  readonly #options: HttpsDoorOptions;
  readonly #logger: Logger;
  readonly #server: Http2SecureServer;
  readonly #webSockets: WebSocketDoor;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<Http2Session>();
  /** Who a connection's certificate says it is: found out once. */
  readonly #users = new WeakMap<object, UserInfo>();

  constructor(options: HttpsDoorOptions) {
    this.#options = options;
    this.#logger = options.logger.with({ component: 'https-door' });
    this.#server = this.#createServer();
    this.#webSockets = createWebSocketDoor({
      clock: options.clock,
      logger: this.#logger,
      answer: (incoming, signal, query) => this.#answerUpgrade(incoming, signal, query),
    });
  }

  async start(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#server.on('error', (error) => this.#logger.error('the HTTPS listener failed', { error }));
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => void this.#server.close(resolve));
    this.#webSockets.close();
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  port(): number {
    const address = this.#server.address();
    return typeof address === 'object' ? defined(address, 'address of the started door').port : 0;
  }

  updateCertificate({ key, cert, ca }: DoorCertificate): void {
    this.#server.setSecureContext({ key, cert, ca });
  }

  #createServer(): Http2SecureServer {
    const server = createSecureServer({
      ...this.#options.certificate,
      allowHTTP1: true,
      requestCert: true,
      // Judged at each request, where a client can be told why.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      settings: { maxConcurrentStreams: MAX_STREAMS_PER_CONNECTION },
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (socket: Socket) => this.#track(socket));
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
    });
    server.on('request', (request, response) => void this.#serve(request, response));
    server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#webSockets.upgrade(incoming, socket, head),
    );
    server.on('tlsClientError', (error: Error) => this.#logger.debug('a TLS handshake failed', { error }));
    server.on('sessionError', (error: Error) => this.#logger.debug('an HTTP/2 session failed', { error }));
    return server;
  }

  #track(socket: Socket): void {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** Never rejects. */
  async #serve(request: HttpRequest, http: HttpResponse): Promise<void> {
    const abort = new AbortController();
    http.once('close', () => abort.abort());
    http.on('error', () => abort.abort());
    request.on('error', () => abort.abort());
    try {
      const user = await this.#userOf(request, bearerOfHeader(request));
      const response = await this.#options.apiServer.handle(await readRequest(request, abort.signal), user);
      const acceptEncoding = String(request.headers['accept-encoding'] ?? '');
      await writeResponse(http, response, { acceptEncoding, signal: abort.signal });
    } catch (error) {
      if (abort.signal.aborted) return;
      if (!(error instanceof StatusError)) this.#logger.error('a request failed', { path: request.url, error });
      writeError(http, error);
      // What is left of a body that was not read must not be waited for.
      request.resume();
    }
  }

  async #answerUpgrade(incoming: IncomingMessage, signal: AbortSignal, query?: Request['query']): Promise<Response> {
    const user = await this.#userOf(incoming, bearerOfHeader(incoming) ?? bearerOfProtocols(incoming));
    const head = readHead(incoming, signal);
    return this.#options.apiServer.handle(query === undefined ? head : { ...head, query }, user);
  }

  /** A certificate counts before a token; a bad one of either is refused, never ignored. */
  async #userOf(request: HttpRequest, token: string | undefined): Promise<UserInfo> {
    return (
      (await this.#userOfConnection(request.socket)) ?? (token === undefined ? anonymousUser : this.#userOfToken(token))
    );
  }

  #userOfToken(token: string): Promise<UserInfo> {
    return this.#options.authenticator.userOfToken(token);
  }

  async #userOfConnection(socket: object): Promise<UserInfo | undefined> {
    const known = this.#users.get(socket);
    if (known !== undefined || !(socket instanceof TLSSocket)) return known;
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return undefined;
    if (!socket.authorized) throw untrusted(String(socket.authorizationError));
    const user = await this.#options.authenticator.userOfCertificate(certificate);
    this.#users.set(socket, user);
    return user;
  }
}

function untrusted(code: string): StatusError {
  return unauthorized(
    code === 'CERT_HAS_EXPIRED'
      ? 'the client certificate has expired; copy admin.kubeconfig from the master again'
      : `the client certificate is not signed by this cluster's CA (${code}); is the kubeconfig of another cluster?`,
  );
}

function bearerOfHeader({ headers }: HttpRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}
