/**
 * Upgrades of kubectl's port-forward: asked for once before the handshake, so that a refusal is an ordinary answer, and once
 * for each connection to a port, so that rights that were taken away end what is new.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { badRequest } from '../../../shared/machinery/errors.ts';
import type { Response } from '../../../shared/protocol/exchange.ts';
import { servePortForward } from './spdy/port-forward-session.ts';
import { tunnelOn, tunnelOver } from './spdy/tunnels.ts';

/** SPDY inside a WebSocket. Its slash is no character of a subprotocol's name, so that `ws` would refuse it. */
export const SPDY_TUNNEL_PROTOCOL = 'SPDY/3.1+portforward.k8s.io';

const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io';

export type Answer = (
  incoming: IncomingMessage,
  signal: AbortSignal,
  query?: Readonly<Record<string, readonly string[]>>,
) => Promise<Response>;

export interface PortForwardUpgrade {
  answer: Answer;
  server: WebSocketServer;
  incoming: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  /** What is done to every WebSocket that was opened. */
  onWebSocket(socket: WebSocket): void;
}

export function isPortForward(incoming: IncomingMessage): boolean {
  return /\/portforward(?:\?|$)/.test(incoming.url ?? '') && (isTunnel(incoming) || isBareSpdy(incoming));
}

function isTunnel({ headers }: IncomingMessage): boolean {
  return (headers['sec-websocket-protocol'] ?? '').split(',').some((name) => name.trim() === SPDY_TUNNEL_PROTOCOL);
}

function isBareSpdy({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'spdy/3.1';
}

/** Rejects with a StatusError as long as nothing is upgraded. */
export async function upgradePortForward(upgrade: PortForwardUpgrade): Promise<void> {
  const { answer, incoming, socket } = upgrade;
  const abort = new AbortController();
  socket.once('close', () => abort.abort());
  const first = await answer(incoming, abort.signal);
  if (first.type !== 'channels') throw badRequest('this path does not forward ports');
  if (abort.signal.aborted) return;
  const tunnel = isTunnel(incoming) ? tunnelOver(await openWebSocket(upgrade)) : openBare(upgrade);
  await servePortForward({
    tunnel,
    async open(port, signal) {
      const response = await answer(incoming, signal, { ports: [String(port)] });
      if (response.type !== 'channels') throw badRequest('this path does not forward ports');
      return response;
    },
    // Nothing can be answered any more: a client that does not speak SPDY is let go.
  }).catch(() => tunnel.close());
}

function openWebSocket({ server, incoming, socket, head, onWebSocket }: PortForwardUpgrade): Promise<WebSocket> {
  delete incoming.headers['sec-websocket-protocol'];
  const name = (headers: string[], request: IncomingMessage): void => {
    if (request === incoming) headers.push(`Sec-WebSocket-Protocol: ${SPDY_TUNNEL_PROTOCOL}`);
  };
  server.on('headers', name);
  return new Promise((resolve) => {
    server.handleUpgrade(incoming, socket, head, (webSocket) => {
      onWebSocket(webSocket);
      resolve(webSocket);
    });
    server.off('headers', name);
  });
}

function openBare({ incoming, socket, head }: PortForwardUpgrade) {
  const asked = String(incoming.headers['x-stream-protocol-version'] ?? '');
  if (!asked.split(',').some((name) => name.trim() === PORT_FORWARD_PROTOCOL)) {
    throw badRequest(`offer X-Stream-Protocol-Version: ${PORT_FORWARD_PROTOCOL}`);
  }
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1'];
  socket.write(`${[...lines, `X-Stream-Protocol-Version: ${PORT_FORWARD_PROTOCOL}`].join('\r\n')}\r\n\r\n`);
  return tunnelOn(socket, head);
}
