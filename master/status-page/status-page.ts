/**
 * The status page: static files and small requests over HTTP, live data and logs over WebSockets. It looks at the cluster as
 * a client like everybody; whoever wants to change something signs in, and the API server decides as for that person.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { createClient } from '../../shared/client/create-client.ts';
import { isStatusError, StatusError } from '../../shared/machinery/errors.ts';
import type { Clock, Timer } from '../../shared/platform/clock.ts';
import { type Component, startAll, stopAll } from '../../shared/platform/lifecycle.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Random } from '../../shared/platform/random.ts';
import type { Handler } from '../../shared/protocol/exchange.ts';
import { type Access, PageApi } from './door/api.ts';
import { type Asset, loadAssets, unpackAsset } from './door/assets.ts';
import { isSameOrigin, isTrustedHost, SECURITY_HEADERS } from './door/http.ts';
import { parseLogQuery, streamLog } from './door/log-stream.ts';
import { Sessions, type SignIn } from './door/sessions.ts';
import { History } from './history/history.ts';
import { Recorder } from './history/recorder.ts';
import { Audience } from './live/audience.ts';
import type { Position } from './live/reader.ts';

export interface StatusPageOptions {
  /** The API as the status page itself, which may read everything. */
  handler: Handler;
  signIn: SignIn;
  access: Access;
  clock: Clock;
  random: Random;
  logger: Logger;
  host: string;
  port: number;
  /** Where cli/build-page.ts has put the page. */
  folder: string;
  /** What is known of the boards already. */
  history?: History;
}

export interface StatusPage extends Component {
  /** Where it listens, once started; differs from the options when they said port 0. */
  readonly port: number;
}

const MAX_READERS = 100;
const MAX_LOGS = 20;

/** Of the port; a page has one for its data, one for a log, and a few while it loads. */
const MAX_CONNECTIONS = 500;

/** How often an open connection is asked whether its person may still look. */
const GUARD_INTERVAL_MS = 15_000;

/** Pages send nothing over their WebSockets. */
const MAX_INCOMING_BYTES = 1024;

export function createStatusPage(options: StatusPageOptions): StatusPage {
  return new Page(options);
}

class Page implements StatusPage {
  readonly #options: StatusPageOptions;
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_INCOMING_BYTES, perMessageDeflate: false });
  readonly #api: PageApi;
  readonly #recorder: Recorder;
  readonly #audience: Audience;
  #assets: ReadonlyMap<string, Asset> = new Map();
  #logs = 0;
  #stopped = false;

  constructor(options: StatusPageOptions) {
    this.#options = options;
    const { handler, signIn, clock, random, logger, access, history = new History() } = options;
    const environment = { client: createClient(handler), clock, random, logger };
    this.#api = new PageApi({ access, handler, clock, history, sessions: new Sessions(signIn, clock) });
    this.#recorder = new Recorder({ ...environment, history, onBoard: (name) => this.#audience.noteBoard(name) });
    this.#audience = new Audience({ ...environment, history, recorder: this.#recorder });
    this.#http = createServer((request, response) => void this.#answer(request, response));
    this.#http.maxConnections = MAX_CONNECTIONS;
    this.#http.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
  }

  get port(): number {
    const address = this.#http.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  async start(): Promise<void> {
    const { host, port, folder } = this.#options;
    this.#assets = await loadAssets(folder);
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject);
      this.#http.listen({ host, port }, () => {
        this.#http.off('error', reject);
        resolve();
      });
    });
    await startAll([this.#recorder, this.#audience]);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    if (this.#http.listening) await new Promise((resolve) => this.#http.close(resolve));
    await stopAll([this.#recorder, this.#audience]);
  }

  /** Never rejects. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = readUrl(request);
      if (url.pathname.startsWith('/api/')) await this.#answerApi(request, response, url);
      else await this.#sendAsset(request, response, url.pathname);
    } catch (error) {
      if (!isStatusError(error)) this.#options.logger.warn('a request of the status page failed', { error });
      const known = isStatusError(error) ? error : new StatusError('InternalError', 'that went wrong');
      sendJson(response, known.status.code ?? 500, { error: known.message });
    }
  }

  async #answerApi(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { code, body, cookie } = await this.#api.answer(request, url);
    if (cookie !== undefined) response.setHeader('set-cookie', cookie);
    sendJson(response, code, body);
  }

  async #sendAsset(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const asset = this.#assets.get(path);
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new StatusError('MethodNotAllowed', 'only GET');
    if (asset === undefined) throw new StatusError('NotFound', 'not found');
    const headers = { ...SECURITY_HEADERS, 'cache-control': 'no-cache', vary: 'accept-encoding', etag: asset.etag };
    if (request.headers['if-none-match'] === asset.etag) {
      response.writeHead(304, headers).end();
      return;
    }
    const takesGzip = /\bgzip\b/.test(request.headers['accept-encoding']?.toString() ?? '');
    const bytes = takesGzip ? asset.gzipped : await unpackAsset(asset);
    response.writeHead(200, {
      ...headers,
      'content-type': asset.contentType,
      'content-length': bytes.length,
      ...(takesGzip ? { 'content-encoding': 'gzip' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  /** Never rejects. */
  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const url = readUrl(request);
      if (!isSameOrigin(request.headers)) throw new StatusError('Forbidden', 'only for this page itself');
      const viewer = await this.#api.viewer(request);
      if (viewer === undefined) throw new StatusError('Unauthorized', 'sign in first');
      const serve = this.#serverOf(url, viewer.handler);
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('error', () => webSocket.terminate());
        this.#guard(webSocket, request);
        serve(webSocket);
      });
    } catch (error) {
      const code = isStatusError(error) ? (error.status.code ?? 500) : 500;
      socket.end(`HTTP/1.1 ${code} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    }
  }

  /** Whose token has run out meanwhile sees no more. */
  #guard(socket: WebSocket, request: IncomingMessage): void {
    let timer: Timer | undefined;
    const check = (): void => {
      timer = this.#options.clock.after(GUARD_INTERVAL_MS, () => {
        this.#api.viewer(request).then(
          (viewer) => {
            if (viewer === undefined) socket.terminate();
            else if (socket.readyState === socket.OPEN) check();
          },
          () => socket.terminate(),
        );
      });
    };
    if (this.#options.access === 'sign-in') check();
    socket.on('close', () => timer?.cancel());
  }

  #serverOf(url: URL, handler: Handler): (socket: WebSocket) => void {
    if (this.#stopped) throw new StatusError('ServiceUnavailable', 'the master ends');
    if (url.pathname === '/live') {
      if (this.#audience.size >= MAX_READERS) throw new StatusError('ServiceUnavailable', 'too many pages are open');
      return (socket) => this.#audience.welcome(socket, readPosition(url));
    }
    const query = url.pathname === '/logs' ? parseLogQuery(url) : undefined;
    if (query === undefined) throw new StatusError('NotFound', 'not found');
    if (this.#logs >= MAX_LOGS) throw new StatusError('ServiceUnavailable', 'too many logs are open');
    return (socket) => {
      this.#logs += 1;
      socket.on('close', () => {
        this.#logs -= 1;
      });
      void streamLog(socket, handler, { query, clock: this.#options.clock });
    };
  }
}

/** Throws for names under which only a foreign page would ask. */
function readUrl(request: IncomingMessage): URL {
  if (!isTrustedHost(request.headers.host)) {
    throw new StatusError('Forbidden', 'open this page by its address or local name');
  }
  try {
    return new URL(request.url ?? '/', 'http://page');
  } catch {
    throw new StatusError('BadRequest', 'not an address');
  }
}

function readPosition(url: URL): Position | undefined {
  const [epoch = '', sequence = ''] = (url.searchParams.get('since') ?? '').split('.');
  return /^\d{1,15}$/.test(sequence) ? { epoch, sequence: Number(sequence) } : undefined;
}

function sendJson(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, {
    ...SECURITY_HEADERS,
    'cache-control': 'no-store',
    'content-type': 'application/json; charset=utf-8',
  });
  response.end(JSON.stringify(body));
}
