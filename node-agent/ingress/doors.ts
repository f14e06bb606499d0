/**
 * The ports at which Ingresses are served (adapter: Node's HTTP and TLS servers). Certificates are chosen by the name that the
 * client asks for, anew for each connection, so that a new one counts at once. Bounded: connections, headers, idle time.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { SecureContext } from 'node:tls';
import type { IngressProxy } from './proxy.ts';

export interface DoorOptions {
  proxy: IngressProxy;
  /** Address to listen at; `::` stands for all. */
  address: string;
  port: number;
  /** Absent: without TLS. undefined for a name: nobody has a certificate for it. */
  certificateFor?(name: string): SecureContext | undefined;
}

export interface Door {
  readonly port: number;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 1_024;
const HEADERS_MS = 30_000;
const KEEP_ALIVE_MS = 65_000;

/** Rejects when the port cannot be had. */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const { proxy, certificateFor, port } = options;
  const server = certificateFor === undefined ? createServer() : createTls(certificateFor);
  const isTls = certificateFor !== undefined;
  server.on('request', (request, response) => proxy.handle(request, response, isTls));
  server.on('upgrade', (request, socket, head) => proxy.handleUpgrade(request, { socket, head }, isTls));
  server.maxConnections = MAX_CONNECTIONS;
  server.headersTimeout = HEADERS_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  // Uploads may take as long as they flow.
  server.requestTimeout = 0;
  await listen(server, options.address, port);
  server.on('error', () => undefined);
  const place = server.address();
  return {
    port: typeof place === 'object' && place !== null ? place.port : port,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A machine without IPv6 has no `::`. */
async function listen(server: Server, address: string, port: number): Promise<void> {
  try {
    server.listen({ port, host: address });
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (address !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
    server.listen({ port, host: '0.0.0.0' });
    await once(server, 'listening');
  }
}

function createTls(certificateFor: NonNullable<DoorOptions['certificateFor']>): Server {
  return createTlsServer({
    ALPNProtocols: ['http/1.1'],
    SNICallback(name, answer) {
      const context = certificateFor(name.toLowerCase());
      if (context === undefined) answer(new Error('no certificate for this name'));
      else answer(null, context);
    },
  });
}
