/** What carries SPDY: the messages of a WebSocket (kubectl 1.31 and newer), or the upgraded connection itself (older ones). */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { ByteTunnel } from './port-forward-session.ts';

/** Messages that may wait unread before the socket is paused. */
const MAX_UNREAD_MESSAGES = 32;

export function tunnelOver(socket: WebSocket): ByteTunnel {
  const unread: Buffer[] = [];
  let over = false;
  let news = Promise.withResolvers<void>();
  const wake = (): void => {
    news.resolve();
    news = Promise.withResolvers<void>();
  };
  socket.on('message', (data: Buffer) => {
    unread.push(data);
    if (unread.length >= MAX_UNREAD_MESSAGES) socket.pause();
    wake();
  });
  socket.on('close', () => {
    over = true;
    wake();
  });
  async function* read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      for (let message = unread.shift(); message !== undefined; message = unread.shift()) {
        if (unread.length < MAX_UNREAD_MESSAGES / 2) socket.resume();
        yield message;
      }
      if (over) return;
      await news.promise;
    }
  }
  return {
    incoming: read(),
    write: (bytes) =>
      new Promise((resolve, reject) =>
        socket.send(bytes, { binary: true }, (error) => (error ? reject(error) : resolve())),
      ),
    close: () => socket.close(1000),
  };
}

/** `socket` has been upgraded; `head` is what came with the request already. */
export function tunnelOn(socket: Duplex, head: Buffer): ByteTunnel {
  if (head.length > 0) socket.unshift(head);
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of socket) yield chunk;
    } catch {
      // The connection broke: the same end.
    }
  }
  return {
    incoming: read(),
    async write(bytes) {
      if (socket.destroyed) throw new Error('the client is gone');
      if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    },
    close: () => void socket.end(),
  };
}
