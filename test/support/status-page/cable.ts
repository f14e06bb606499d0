/** The network cable between a browser and the page: a relay that can be cut, so that a lost connection is a real one. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Cable {
  port: number;
  /** Ends every connection at once; new ones go through. */
  cut(): void;
  stop(): Promise<void>;
}

/** From `server`, on a port of its own unless it listens already, to `port`. */
export async function startCable(port: number, server = createServer()): Promise<Cable> {
  const sockets = new Set<Socket>();
  server.on('connection', (near) => {
    const far = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    async stop() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
