/**
 * A small server that takes what a webhook is sent and tells it: to the test that started it, or as lines on the standard output
 * where it runs as a program (`webhook-server.ts PORT`), in the network of a machine of the test LAN.
 */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Posted {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface WebhookServer {
  url: string;
  stop(): Promise<void>;
}

export async function startWebhookServer(onPost: (posted: Posted) => void, port = 0): Promise<WebhookServer> {
  const server = createServer(async (request, response) => {
    onPost({ path: request.url ?? '', headers: request.headers, body: await text(request) });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/alerts`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

if (import.meta.main) {
  await startWebhookServer(({ body }) => process.stdout.write(`${body}\n`), Number(process.argv[2]));
  // Ends with the test: its end of the pipe closes.
  process.stdin.resume().on('end', () => process.exit());
}
