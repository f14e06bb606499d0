/**
 * Where connections come in: MQTT over TLS, and where that is asked for MQTT over WebSockets and MQTT without TLS, for devices
 * that have none (adapter: sockets live here).
 * Invariant: a connection is handed on before anything of it was read; every one is closed at the end.
 */
import type { IncomingMessage } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TlsOptions, type Server as TlsServer } from 'node:tls';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { defined } from '../../shared/platform/assert.ts';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import { TIME_PROTOCOL } from '../../shared/protocol/join-token.ts';

export interface BrokerCertificate {
  key: string;
  cert: string;
  /** Whose client certificates are believed. */
  ca: string;
}

export interface ListenersOptions {
  host: string;
  port: number;
  /** Undefined: no WebSockets. */
  websocketPort?: number | undefined;
  /** Undefined: nobody comes in without TLS. */
  plainPort?: number | undefined;
  tls: BrokerCertificate | 'plain';
  limits: { connections: number; connectTimeoutMs: number; packetBytes: number };
  clock: Pick<Clock, 'nowMs'> | undefined;
  logger: Logger;
  onConnection(connection: Duplex, origin: Origin): void;
}

/** How a connection came in. */
export interface Origin {
  /** By the port without TLS: who listens on the network has heard everything. */
  isPlain: boolean;
  /** Of a WebSocket. */
  request?: IncomingMessage;
}

/** What browsers ask for. Source: MQTT 3.1.1, section 6. */
const SUBPROTOCOL = 'mqtt';

export class Listeners implements Component {
  readonly #options: ListenersOptions;
  readonly #sockets = new Set<Duplex>();
  readonly #server: Server | TlsServer;
  readonly #webServer: Server | TlsServer | undefined;
  readonly #plainServer: Server | undefined;

  constructor(options: ListenersOptions) {
    this.#options = options;
    this.#server = options.tls === 'plain' ? this.#createTcp(false) : this.#createTls(options.tls);
    this.#webServer = options.websocketPort === undefined ? undefined : this.#createWeb();
    this.#plainServer = options.plainPort === undefined ? undefined : this.#createTcp(true);
    for (const server of this.#servers()) {
      server.maxConnections = options.limits.connections;
      server.on('drop', () => options.logger.warn('too many MQTT connections, one was refused', { ...options.limits }));
    }
  }

  async start(): Promise<void> {
    const { host, port, websocketPort = 0, plainPort = 0 } = this.#options;
    await this.#listen(this.#server, { host, port });
    if (this.#webServer !== undefined) await this.#listen(this.#webServer, { host, port: websocketPort });
    if (this.#plainServer !== undefined) await this.#listen(this.#plainServer, { host, port: plainPort });
  }

  /** Ends what is still open. */
  async stop(): Promise<void> {
    const closed = this.#servers().map((server) => new Promise((resolve) => void server.close(resolve)));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  port(): number {
    return portOf(this.#server);
  }

  websocketPort(): number | undefined {
    return this.#webServer && portOf(this.#webServer);
  }

  plainPort(): number | undefined {
    return this.#plainServer && portOf(this.#plainServer);
  }

  updateCertificate({ key, cert, ca }: BrokerCertificate): void {
    for (const server of this.#servers()) if ('setSecureContext' in server) server.setSecureContext({ key, cert, ca });
  }

  #servers(): (Server | TlsServer)[] {
    return [this.#server, this.#webServer, this.#plainServer].filter((server) => server !== undefined);
  }

  async #listen(server: Server, where: { host: string; port: number }): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (error) => this.#options.logger.error('the MQTT listener failed', { error }));
  }

  #createTcp(isPlain: boolean): Server {
    return createTcpServer({ noDelay: true }, (socket) => this.#accept(socket, isPlain));
  }

  #createTls(certificate: BrokerCertificate): TlsServer {
    const { limits, logger } = this.#options;
    const options: TlsOptions = {
      ...certificate,
      requestCert: true,
      // Judged in `authenticate`, where a client can be told why.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      handshakeTimeout: limits.connectTimeoutMs,
      // Without TIME_PROTOCOL it is MQTT, whatever the client calls it.
      ALPNCallback: ({ protocols }) => protocols.find((name) => name === TIME_PROTOCOL) ?? protocols[0],
    };
    const server = createTlsServer(options, (socket) => {
      if (socket.alpnProtocol === TIME_PROTOCOL) this.#tellTime(socket);
      else this.#accept(socket.setNoDelay(true), false);
    });
    server.on('tlsClientError', (error) => logger.debug('a TLS handshake failed', { error }));
    return server;
  }

  #createWeb(): Server | TlsServer {
    const { tls, limits, logger } = this.#options;
    const server =
      tls === 'plain'
        ? createHttpServer()
        : createHttpsServer({
            key: tls.key,
            cert: tls.cert,
            minVersion: 'TLSv1.2',
            handshakeTimeout: limits.connectTimeoutMs,
          });
    const web = new WebSocketServer({
      server,
      maxPayload: limits.packetBytes,
      perMessageDeflate: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    web.on('connection', (socket, request) => {
      const stream = createWebSocketStream(socket);
      this.#track(stream);
      this.#options.onConnection(stream, { isPlain: false, request });
    });
    web.on('wsClientError', (error) => logger.debug('a WebSocket handshake failed', { error }));
    server.on('request', (_request, response) => response.writeHead(426, { connection: 'close' }).end());
    server.on('connection', (socket: Socket) => this.#track(socket.setNoDelay(true)));
    return server;
  }

  #accept(socket: Socket, isPlain: boolean): void {
    this.#track(socket);
    this.#options.onConnection(socket, { isPlain });
  }

  #tellTime(socket: Socket): void {
    const { clock, limits, logger } = this.#options;
    this.#track(socket);
    socket.on('error', (error) => logger.debug('telling the time failed', { error }));
    socket.setTimeout(limits.connectTimeoutMs, () => socket.destroy());
    socket.end(clock === undefined ? '' : `${new Date(clock.nowMs()).toISOString()}\n`);
  }

  #track(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' ? defined(address, 'address of the started listener').port : 0;
}
