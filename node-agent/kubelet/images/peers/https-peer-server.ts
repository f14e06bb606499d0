/**
 * The door by which other nodes copy images from this one (adapter: TLS and HTTP). Only nodes of the cluster come in, by
 * their certificates; what they may have is decided by ImageSharing. A port that is taken is no reason not to run.
 */
import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../../../../shared/platform/clock.ts';
import type { Component } from '../../../../shared/platform/lifecycle.ts';
import type { Logger } from '../../../../shared/platform/logger.ts';
import type { ImageSharing } from './image-sharing.ts';
import { PeerError } from './peer-dialer.ts';
import { nodeOfCertificate, type PeerIdentity } from './peer-identity.ts';
import { HEADER, parseQuery, statusOf } from './peer-wire.ts';

export interface PeerServerOptions {
  host: string;
  port: number;
  /** Asked at each connection: certificates are renewed. */
  identity(): PeerIdentity;
  sharing: Pick<ImageSharing, 'open'>;
  clock: Clock;
  logger: Logger;
}

export interface PeerServer extends Component {
  /** 0 while it does not listen. */
  readonly port: number;
}

const MAX_CONNECTIONS = 16;

/** A copy that stands still is given up: the other side begins again where it stopped. */
const IDLE_TIMEOUT_MS = 60_000;

export function createPeerServer(options: PeerServerOptions): PeerServer {
  return new HttpsPeerServer(options);
}

class HttpsPeerServer implements PeerServer {
  readonly #options: PeerServerOptions;
  #server: Server | undefined;

  constructor(options: PeerServerOptions) {
    this.#options = options;
  }

  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async start(): Promise<void> {
    const { host, port, identity, logger } = this.#options;
    const { key, certificate, ca } = identity();
    const server = createServer(
      {
        ...{ key, cert: certificate, ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
        SNICallback: (_name, done) => done(null, this.#context()),
      },
      (request, response) => void this.#answer(request, response),
    );
    server.maxConnections = MAX_CONNECTIONS;
    server.setTimeout(IDLE_TIMEOUT_MS);
    server.on('tlsClientError', (error) => logger.debug('a connection for images was refused', { error }));
    const problem = await listen(server, host, port);
    if (problem === undefined) {
      this.#server = server;
      server.on('error', (error) => logger.warn('the door for images has a problem', { error }));
    } else {
      const remedy = 'choose another one with --peer-port, or 0 to hand out nothing';
      logger.warn('other nodes cannot copy images from here: the port is not free', { port, problem, remedy });
    }
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  #context() {
    const { key, certificate, ca } = this.#options.identity();
    return createSecureContext({ key, cert: certificate, ca, minVersion: 'TLSv1.3' });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { logger } = this.#options;
    const node = this.#nodeOf(request);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      if (node === undefined) throw new PeerError('refused', 'only nodes of this cluster are answered');
      await this.#send(request, response, gone.signal);
    } catch (error) {
      const reason = error instanceof PeerError ? error.reason : 'broken';
      logger.debug('an image was not handed out to the end', { node, reason, error });
      if (response.headersSent) response.destroy();
      else response.writeHead(statusOf(reason), { 'content-type': 'text/plain' }).end(String(error));
    }
  }

  #nodeOf({ socket }: IncomingMessage): string | undefined {
    const certificate: X509Certificate | undefined =
      socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
    const { identity, clock } = this.#options;
    return certificate && nodeOfCertificate(certificate, identity().ca, clock.nowMs());
  }

  async #send(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const query = parseQuery(request.url ?? '', request.headers);
    if (query === undefined || request.method !== 'GET')
      throw new PeerError('not-found', 'there is nothing of that name');
    const { version, offset, sizeBytes, chunks } = await this.#options.sharing.open({ ...query, signal });
    const isPacked = String(request.headers['accept-encoding'] ?? '').includes('zstd');
    response.writeHead(200, {
      [HEADER.version]: encodeURIComponent(version),
      [HEADER.offset]: offset,
      [HEADER.size]: sizeBytes,
      ...(isPacked ? { 'content-encoding': 'zstd' } : {}),
    });
    response.flushHeaders();
    const source = Readable.from(chunks);
    // Loaded when an image is copied.
    const { constants, createZstdCompress } = process.getBuiltinModule('node:zlib');
    // The fastest level: a board's cable is slower than its processor, but not by much.
    const packer = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    await (isPacked ? pipeline(source, packer, response) : pipeline(source, response));
  }
}

/** Why it does not listen; undefined: it does. */
function listen(server: Server, host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const onError = (error: Error): void => resolve(error.message);
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve(undefined);
    });
  });
}
