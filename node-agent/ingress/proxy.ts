/**
 * Requests from outside, handed on to the backends (adapter: Node's own HTTP server and client). Bodies flow in both
 * directions as they come, at the pace of the slower side; nothing of them is kept. A request goes to another endpoint only
 * while nothing of it has been sent.
 */
import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Logger } from '../../shared/platform/logger.ts';
import type { Balancer } from './balancer.ts';
import type { Target } from './endpoints.ts';
import { type Arrival, computeRequestHeaders, computeResponseHeaders, hostOf, renderRedirect } from './headers.ts';
import type { Route } from './route-table.ts';

export interface ProxyOptions {
  findRoute(host: string, path: string): Route | undefined;
  findTargets(route: Route): Target[][];
  balancer: Balancer;
  /** Port of TLS as clients see it; 0: there is none. */
  httpsPort(): number;
  clock: Clock;
  logger: Logger;
}

/** One request on its way. */
interface Passage {
  request: IncomingMessage;
  arrival: Arrival;
  route: Route;
  /** Still to be tried. */
  targets: Target[];
}

/** Boards are near: who does not answer by then is away. */
const CONNECT_MS = 3_000;
/** Connections kept open to one endpoint, and how many there may be at once. */
const MAX_IDLE_CONNECTIONS = 8;
const MAX_CONNECTIONS = 256;
const IDLE_MS = 30_000;

/** Methods that may be sent again when the connection had been closed meanwhile: RFC 9110, section 9.2.2. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

export class IngressProxy {
  readonly #options: ProxyOptions;
  readonly #agent = new Agent({
    keepAlive: true,
    maxSockets: MAX_CONNECTIONS,
    maxFreeSockets: MAX_IDLE_CONNECTIONS,
    timeout: IDLE_MS,
  });

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#agent.destroy();
  }

  handle(request: IncomingMessage, response: ServerResponse, isTls: boolean): void {
    const passage = this.#admit(request, isTls);
    if (typeof passage === 'number') refuse(response, passage);
    else if (this.#mustRedirect(passage)) {
      const { headers, url = '/' } = request;
      response.writeHead(308, { location: renderRedirect(hostOf(headers.host), this.#options.httpsPort(), url) });
      response.end();
    } else this.#pass(passage, response);
  }

  /** WebSockets, and whatever else goes on in another protocol. */
  handleUpgrade(request: IncomingMessage, { socket, head }: { socket: Duplex; head: Buffer }, isTls: boolean): void {
    const passage = this.#admit(request, isTls);
    socket.on('error', () => socket.destroy());
    if (typeof passage === 'number')
      socket.end(`HTTP/1.1 ${passage} \r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    else this.#passUpgrade(passage, socket, head);
  }

  /** The code to refuse with, or what is needed to go on. */
  #admit(request: IncomingMessage, isTls: boolean): Passage | 404 | 503 {
    const { url = '/', headers, rawHeaders, socket } = request;
    const route = this.#options.findRoute(hostOf(headers.host), url.split('?')[0] ?? '/');
    if (route === undefined) return 404;
    const targets = this.#options.balancer.order(this.#options.findTargets(route));
    if (targets.length === 0) return 503;
    const clientAddress = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const arrival = { rawHeaders, headers, clientAddress, isTls, port: socket.localPort ?? 0 };
    return { request, arrival, route, targets };
  }

  #mustRedirect({ route, arrival }: Passage): boolean {
    return route.settings.redirectHttps && !arrival.isTls && this.#options.httpsPort() !== 0;
  }

  #pass(passage: Passage, response: ServerResponse): void {
    const { request } = passage;
    const outgoing = this.#dial(passage, {
      agent: this.#agent,
      headers: computeRequestHeaders(passage.arrival),
      onConnect: () => request.pipe(outgoing),
      onFailure: (code) => refuse(response, code),
      retry: (left) => this.#pass(left, response),
    });
    outgoing.once('response', (answer) => {
      const { statusCode = 502, statusMessage, rawHeaders, headers } = answer;
      response.writeHead(statusCode, statusMessage, computeResponseHeaders(rawHeaders, headers.connection));
      // What is cut off there is cut off here: the client must not take it for whole.
      pipeline(answer, response, (error) => {
        if (error) response.destroy();
      });
    });
    response.once('close', () => {
      if (!response.writableFinished) outgoing.destroy();
    });
  }

  #passUpgrade(passage: Passage, socket: Duplex, head: Buffer): void {
    const { request } = passage;
    const outgoing = this.#dial(passage, {
      headers: computeRequestHeaders(passage.arrival, request.headers.upgrade ?? ''),
      onConnect: () => outgoing.end(),
      onFailure: (code) => socket.end(`HTTP/1.1 ${code} \r\nConnection: close\r\nContent-Length: 0\r\n\r\n`),
      retry: (left) => this.#passUpgrade(left, socket, head),
    });
    outgoing.once('upgrade', (answer, backend, backendHead) => {
      backend.on('error', () => backend.destroy());
      socket.write(renderHead(answer, ['Connection', 'Upgrade', 'Upgrade', answer.headers.upgrade ?? '']));
      socket.write(backendHead);
      backend.write(head);
      if ('setTimeout' in backend && typeof backend.setTimeout === 'function') backend.setTimeout(0);
      // Silence is fine here; a peer that is gone is not.
      for (const side of [socket, backend]) keepAlive(side);
      pipeline(socket, backend, socket, () => {
        socket.destroy();
        backend.destroy();
      });
    });
    outgoing.once('response', (answer) => {
      socket.write(renderHead(answer, ['Connection', 'close']));
      pipeline(answer, socket, () => socket.destroy());
    });
    socket.once('close', () => outgoing.destroy());
  }

  #dial(passage: Passage, { agent, headers, onConnect, onFailure, retry }: Dial) {
    const { request, targets, route } = passage;
    const [target = { address: '', port: 0 }, ...left] = targets;
    const { clock, balancer, logger } = this.#options;
    const { address: host, port } = target;
    const { method = 'GET', url: path = '/' } = request;
    const outgoing = httpRequest({ host, port, method, path, headers, ...(agent ? { agent } : { agent: false }) });
    let isConnected = false;
    let isAnswered = false;
    outgoing.once('response', () => {
      isAnswered = true;
    });
    const timer = clock.after(CONNECT_MS, () => outgoing.destroy(new Error('no connection in time')));
    const connected = (): void => {
      isConnected = true;
      timer.cancel();
      // Until the answer begins, and between any two pieces of it.
      outgoing.setTimeout(route.settings.timeoutMs, () => outgoing.destroy(new BackendTimeout()));
      onConnect();
    };
    outgoing.once('socket', (socket: Socket) => {
      if (socket.connecting) socket.once('connect', connected);
      else connected();
    });
    outgoing.on('error', (error) => {
      timer.cancel();
      if (request.socket.destroyed) return;
      logger.debug('a backend does not answer', { ingress: route.ingress, host, port, error });
      const wasClosed = outgoing.reusedSocket && REPEATABLE.has(method) && !(error instanceof BackendTimeout);
      if (!isConnected) balancer.avoid(target);
      if (!isConnected && left.length > 0) retry({ ...passage, targets: left });
      else if (wasClosed && !isAnswered) retry({ ...passage, targets });
      else onFailure(error instanceof BackendTimeout ? 504 : 502);
    });
    return outgoing;
  }
}

interface Dial {
  agent?: Agent;
  headers: string[];
  /** The way is open: what there is to be sent may go. */
  onConnect(): void;
  onFailure(code: 502 | 504): void;
  /** The same with what is left. */
  retry(passage: Passage): void;
}

class BackendTimeout extends Error {
  override readonly name = 'BackendTimeout';
}

const REASONS: Readonly<Record<number, string>> = {
  404: 'no Ingress leads from this host and path to a service',
  502: 'the service closed the connection',
  503: 'the service has no endpoints that are ready',
  504: 'the service did not answer in time',
};

/** After the first byte of an answer only its end can say that something is wrong. */
function refuse(response: ServerResponse, code: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${code} ${REASONS[code] ?? ''}\n`);
}

function renderHead({ statusCode, statusMessage, rawHeaders, headers }: IncomingMessage, more: string[]): string {
  const pairs = [...computeResponseHeaders(rawHeaders, headers.connection), ...more];
  const lines = pairs.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${pairs[index + 1]}`] : []));
  return [`HTTP/1.1 ${statusCode} ${statusMessage}`, ...lines, '', ''].join('\r\n');
}

function keepAlive(side: Duplex): void {
  if ('setKeepAlive' in side && typeof side.setKeepAlive === 'function') side.setKeepAlive(true, IDLE_MS);
}
