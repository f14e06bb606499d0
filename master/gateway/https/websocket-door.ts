/**
 * Upgrades: exec and attach as channels over WebSocket, watches as one message an event, kubectl's port-forward by a door of
 * its own. The answer is asked for before the handshake, so that an error is an ordinary HTTP answer with a Status that
 * kubectl can show.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { badRequest, toStatus } from '../../../shared/machinery/errors.ts';
import type { Clock, Timer } from '../../../shared/platform/clock.ts';
import type { Logger } from '../../../shared/platform/logger.ts';
import { CHANNEL, type Channels, type EventsResponse } from '../../../shared/protocol/exchange.ts';
import { type Answer, isPortForward, upgradePortForward } from './port-forward-door.ts';
import { readHead } from './read-request.ts';
import { CHANNEL_PROTOCOLS, type ChannelProtocol, channelsOver } from './websocket-channels.ts';
import { encodeBody, retryAfter } from './write-response.ts';

/** Largest message from a client. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** A peer that has not answered the ping before is gone. */
const PING_INTERVAL_MS = 30_000;

/** kubectl that was refused here asks again by SPDY, at once: then it is told the real reason, not that SPDY is unknown. */
const REFUSAL_MEMORY_MS = 10_000;
const MAX_REMEMBERED_REFUSALS = 100;

export interface WebSocketDoorOptions {
  clock: Clock;
  logger: Logger;
  /** Authenticates and answers; rejects with a StatusError. */
  answer: Answer;
}

export interface WebSocketDoor {
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Ends every open socket. */
  close(): void;
}

export function createWebSocketDoor(options: WebSocketDoorOptions): WebSocketDoor {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => chooseProtocol([...offered]) ?? false,
  });
  const refusals = new Refusals(options.clock);
  return {
    upgrade(incoming, socket, head) {
      // Until the handshake is made, a broken connection is reported here.
      socket.on('error', () => socket.destroy());
      serve({ ...options, server, incoming, socket, head }).catch((error) => {
        const reason = isWebSocket(incoming) ? error : (refusals.recall(incoming) ?? error);
        if (isWebSocket(incoming)) refusals.remember(incoming, error);
        refuse(socket, reason);
      });
    },
    close() {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

interface Upgrade extends WebSocketDoorOptions {
  server: WebSocketServer;
  incoming: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

async function serve(upgrade: Upgrade): Promise<void> {
  const { incoming, socket, answer, clock } = upgrade;
  if (isPortForward(incoming)) {
    const onWebSocket = (webSocket: WebSocket): void => keepAlive(webSocket, clock);
    return upgradePortForward({ ...upgrade, onWebSocket });
  }
  if (!isWebSocket(incoming)) {
    throw badRequest(`the upgrade to ${incoming.headers.upgrade} is not served; use WebSocket`);
  }
  const abort = new AbortController();
  socket.once('close', () => abort.abort());
  const response = await answer(incoming, abort.signal);
  if (abort.signal.aborted) return;
  if (response.type === 'channels') {
    const protocol = chooseProtocol(offeredProtocols(incoming));
    if (protocol === undefined) {
      abort.abort();
      throw badRequest(`offer one of the subprotocols ${CHANNEL_PROTOCOLS.join(', ')}`);
    }
    const webSocket = await handshake(upgrade);
    await serveChannels(webSocket, response.serve, { protocol, logger: upgrade.logger });
  } else if (response.type === 'events') {
    await serveEvents(await handshake(upgrade), response);
  } else {
    abort.abort();
    throw badRequest(`${readHead(incoming, abort.signal).path} does not speak WebSocket`);
  }
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/** Why which request was refused, for a moment. Keyed by who asks for what. */
class Refusals {
  readonly #clock: Clock;
  readonly #recent = new Map<string, { error: unknown; atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  remember(incoming: IncomingMessage, error: unknown): void {
    this.#recent.set(keyOf(incoming), { error, atMs: this.#clock.monotonicMs() });
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > MAX_REMEMBERED_REFUSALS && oldest !== undefined) this.#recent.delete(oldest);
  }

  recall(incoming: IncomingMessage): unknown {
    const refusal = this.#recent.get(keyOf(incoming));
    const isRecent = refusal !== undefined && this.#clock.monotonicMs() - refusal.atMs < REFUSAL_MEMORY_MS;
    return isRecent ? refusal.error : undefined;
  }
}

function keyOf({ socket, headers, url = '' }: IncomingMessage): string {
  return `${socket.remoteAddress} ${headers.authorization ?? ''} ${url}`;
}

function offeredProtocols({ headers }: IncomingMessage): string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
}

function chooseProtocol(offered: readonly string[]): ChannelProtocol | undefined {
  return CHANNEL_PROTOCOLS.find((protocol) => offered.includes(protocol));
}

/** Prefix of the subprotocol by which browsers, which cannot set headers, send a bearer token. */
const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/** Source: Kubernetes' apiserver, WebSocket bearer token authentication. */
export function bearerOfProtocols(incoming: IncomingMessage): string | undefined {
  const encoded = offeredProtocols(incoming).find((protocol) => protocol.startsWith(BEARER_PROTOCOL));
  return encoded === undefined
    ? undefined
    : Buffer.from(encoded.slice(BEARER_PROTOCOL.length), 'base64url').toString('utf8');
}

function handshake({ server, incoming, socket, head, clock }: Upgrade): Promise<WebSocket> {
  return new Promise((resolve) => {
    server.handleUpgrade(incoming, socket, head, (webSocket) => {
      keepAlive(webSocket, clock);
      resolve(webSocket);
    });
  });
}

function keepAlive(socket: WebSocket, clock: Clock): void {
  let isAlive = true;
  let timer: Timer;
  const arm = (): void => {
    timer = clock.after(PING_INTERVAL_MS, () => {
      if (!isAlive) {
        socket.terminate();
        return;
      }
      isAlive = false;
      socket.ping();
      arm();
    });
  };
  arm();
  socket.on('pong', () => {
    isAlive = true;
  });
  socket.on('error', () => undefined);
  socket.on('close', () => timer.cancel());
}

async function serveChannels(
  socket: WebSocket,
  serveOn: (channels: Channels) => Promise<void>,
  { protocol, logger }: { protocol: ChannelProtocol; logger: Logger },
): Promise<void> {
  const channels = channelsOver(socket, protocol);
  try {
    await serveOn(channels);
  } catch (error) {
    logger.debug('a channel stream failed', { error });
    // kubectl prints the message of a Failure on the error channel.
    await channels.send({ channel: CHANNEL.error, bytes: Buffer.from(JSON.stringify(toStatus(error))) }).catch(ignore);
  } finally {
    channels.close();
  }
}

async function serveEvents(socket: WebSocket, response: EventsResponse): Promise<void> {
  const send = (event: unknown): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.send(encodeBody(event), (error) => (error ? reject(error) : resolve()));
    });
  try {
    for await (const event of response.events) await send(event);
  } catch (error) {
    await send({ type: 'ERROR', object: toStatus(error) }).catch(ignore);
  } finally {
    socket.close(1000);
  }
}

function ignore(): void {}

/** An HTTP/1.1 answer by hand: before the handshake the socket is bare. */
function refuse(socket: Duplex, error: unknown): void {
  if (socket.destroyed) return;
  const status = toStatus(error);
  const body = encodeBody(status);
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...retryAfter(status),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status.code ?? 500} ${status.reason ?? 'InternalError'}\r\n${lines.join('')}\r\n${body}`);
}
