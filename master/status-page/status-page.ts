/**
 * The status page: static files over HTTP, live data over a WebSocket. Read-only. It looks at the cluster only while somebody
 * looks at it, and drops readers that do not keep up instead of buffering for them.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Client } from '../../shared/client/client.ts';
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import { Feed } from './feed.ts';
import { type Asset, isSameOrigin, isTrustedHost, loadAssets, SECURITY_HEADERS } from './http.ts';
import type { Delta } from './view.ts';

export interface StatusPageOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  host: string;
  port: number;
}

export interface StatusPage extends Component {
  /** Where it listens, once started; differs from the options when they said port 0. */
  readonly port: number;
}

const LIVE_PATH = '/live';

const MAX_READERS = 100;

/** What may wait for one reader before it is dropped; it comes back and gets everything anew. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** Readers send nothing that matters. */
const MAX_INCOMING_BYTES = 1024;

/** Also tells the page that its data is fresh when nothing changes. */
const HEARTBEAT_MS = 5_000;

/** The feed goes on for a while after the last reader left: people reload pages. */
const LINGER_MS = 30_000;

export function createStatusPage(options: StatusPageOptions): StatusPage {
  return new Page(options);
}

class Page implements StatusPage {
  readonly #options: StatusPageOptions;
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_INCOMING_BYTES,
    perMessageDeflate: false,
    clientTracking: true,
  });
  #assets: ReadonlyMap<string, Asset> = new Map();
  #feed: { feed: Feed; ready: Promise<void> } | undefined;
  #heartbeat: Timer | undefined;
  #linger: Timer | undefined;
  #stopped = false;

  constructor(options: StatusPageOptions) {
    this.#options = options;
    this.#http = createServer((request, response) => this.#answer(request, response));
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  get port(): number {
    const address = this.#http.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  async start(): Promise<void> {
    this.#assets = await loadAssets();
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject);
      this.#http.listen({ host, port }, () => {
        this.#http.off('error', reject);
        resolve();
      });
    });
    this.#beat();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#heartbeat?.cancel();
    this.#linger?.cancel();
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    if (this.#http.listening) await new Promise((resolve) => this.#http.close(resolve));
    await this.#dropFeed();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const asset = this.#assets.get((request.url ?? '').split('?')[0] ?? '');
    if (!isTrustedHost(request.headers.host)) refuse(response, 421, 'open this page by its address or local name\n');
    else if (request.method !== 'GET' && request.method !== 'HEAD') refuse(response, 405, 'only GET\n');
    else if (asset === undefined) refuse(response, 404, 'not found\n');
    else sendAsset(request, response, asset);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const allowed = request.url === LIVE_PATH && isTrustedHost(request.headers.host) && isSameOrigin(request.headers);
    if (!allowed || this.#stopped) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
    } else if (this.#sockets.clients.size >= MAX_READERS) {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 30\r\n\r\n');
    } else {
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#welcome(webSocket));
    }
  }

  #welcome(socket: WebSocket): void {
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.#onLeave());
    this.#linger?.cancel();
    this.#linger = undefined;
    this.#sendSnapshot(socket).catch((error: unknown) => {
      this.#options.logger.warn('the status page cannot read the cluster', { error });
      socket.terminate();
    });
  }

  /** Until its snapshot is sent a reader gets no deltas, which would mean nothing to it. */
  readonly #informed = new WeakSet<WebSocket>();

  async #sendSnapshot(socket: WebSocket): Promise<void> {
    const { feed, ready } = this.#ensureFeed();
    await ready;
    this.#informed.add(socket);
    this.#send(socket, { type: 'snapshot', nowMs: this.#options.clock.nowMs(), set: feed.snapshot() });
  }

  #ensureFeed(): { feed: Feed; ready: Promise<void> } {
    if (this.#feed !== undefined) return this.#feed;
    const { client, clock, random, logger } = this.#options;
    const feed = new Feed({ client, clock, random, logger, onDelta: (delta) => this.#tellAll(delta) });
    this.#feed = { feed, ready: feed.start() };
    return this.#feed;
  }

  async #dropFeed(): Promise<void> {
    const current = this.#feed;
    this.#feed = undefined;
    await current?.feed.stop();
  }

  #onLeave(): void {
    if (this.#stopped || this.#sockets.clients.size > 0 || this.#linger !== undefined) return;
    this.#linger = this.#options.clock.after(LINGER_MS, () => {
      this.#linger = undefined;
      if (this.#sockets.clients.size > 0) return;
      this.#dropFeed().catch((error: unknown) => this.#options.logger.warn('feed did not stop', { error }));
    });
  }

  #tellAll(delta: Delta): void {
    const message = { type: 'delta', nowMs: this.#options.clock.nowMs(), ...delta };
    for (const socket of this.#sockets.clients) if (this.#informed.has(socket)) this.#send(socket, message);
  }

  #beat(): void {
    this.#heartbeat = this.#options.clock.after(HEARTBEAT_MS, () => {
      this.#tellAll({ set: {}, remove: [] });
      this.#beat();
    });
  }

  #send(socket: WebSocket, message: object): void {
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
    else socket.send(JSON.stringify(message));
  }
}

function sendAsset(request: IncomingMessage, response: ServerResponse, asset: Asset): void {
  const headers = { ...SECURITY_HEADERS, 'cache-control': 'no-cache', etag: asset.etag };
  if (request.headers['if-none-match'] === asset.etag) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, { ...headers, 'content-type': asset.contentType, 'content-length': asset.bytes.length });
  response.end(request.method === 'HEAD' ? undefined : asset.bytes);
}

function refuse(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { ...SECURITY_HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end(text);
}
