/** A port that answers every request with what is true at the moment (adapter: an HTTP server on all addresses). */
import { createServer, type Server } from 'node:http';
import type { HealthAnswer } from './health-check.ts';

export interface HealthServer {
  close(): void;
}

/** Who asks is answered at once or not at all. */
const TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 64;

/** Rejects when the port cannot be had. */
export async function openHealthServer(port: number, answer: () => HealthAnswer): Promise<HealthServer> {
  const server: Server = createServer(
    { requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS },
    (request, response) => {
      const { code, headers, body } = answer();
      request.resume();
      response.writeHead(code, { ...headers, connection: 'close' }).end(body);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port }, resolve);
  });
  server.on('error', () => undefined);
  return {
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
