/** A TCP listener that hands each connection to a target (adapter: sockets). What it holds is bounded by number. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface RelayTarget {
  address: string;
  port: number;
}

export interface RelayOptions {
  /** Empty: all addresses. */
  address: string;
  port: number;
  /** Asked for each client; undefined: nobody is there. */
  choose(client: string): RelayTarget | undefined;
}

export interface Relay {
  /** Established connections go on. */
  close(): void;
}

/** Connections of one listener at a time; further ones wait in the kernel's queue. */
const MAX_CONNECTIONS = 1_024;

export async function openTcpRelay({ address, port, choose }: RelayOptions): Promise<Relay> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const target = choose(client.remoteAddress ?? '');
    if (target === undefined) client.resetAndDestroy();
    else join(client, connect({ host: target.address, port: target.port, allowHalfOpen: true }));
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, address, port);
  return { close: () => void server.close() };
}

/** An end that breaks breaks the other one; an end that is done says so to the other one and still listens. */
function join(client: Socket, target: Socket): void {
  const ends = [client, target] as const;
  for (const end of ends) {
    end.setNoDelay(true);
    end.on('error', () => {
      for (const each of ends) each.destroy();
    });
  }
  target.once('connect', () => {
    client.pipe(target);
    target.pipe(client);
  });
  client.once('close', () => target.destroy());
  target.once('close', () => client.destroy());
}

function listen(server: Server, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(address === '' ? {} : { host: address }) }, () => {
      server.on('error', () => undefined);
      resolve();
    });
  });
}
