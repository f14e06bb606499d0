/** The typed client over a cluster's HTTPS door, as the administrator, for tests: plain requests, no watches. */
import { Agent, request as httpsRequest } from 'node:https';
import { json } from 'node:stream/consumers';
import type { Profile } from '../../cli/api/kubeconfig.ts';
import type { Client } from '../../shared/client/client.ts';
import { createClient } from '../../shared/client/create-client.ts';
import { objectResponse, type Request, type Response } from '../../shared/protocol/exchange.ts';

export interface HttpsClient {
  client: Client;
  close(): void;
}

export function createHttpsClient(profile: Profile): HttpsClient {
  const { caCertificate: ca, clientCertificate: cert, clientKey: key } = profile;
  const agent = new Agent({ keepAlive: true, ca, cert, key });
  return { client: createClient((request) => send(profile.server, agent, request)), close: () => agent.destroy() };
}

function send(server: string, agent: Agent, { method, path, query, headers, body }: Request): Promise<Response> {
  const url = new URL(path, server);
  for (const [name, values] of Object.entries(query)) for (const value of values) url.searchParams.append(name, value);
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  // Without its length Node sends the body of a DELETE as if it were another request.
  const length = bytes === undefined ? {} : { 'content-length': bytes.length };
  return new Promise((resolve, reject) => {
    const asked = httpsRequest(url, { agent, method, headers: { ...headers, ...length } }, (response) => {
      json(response).then((value) => resolve(objectResponse(value, response.statusCode)), reject);
    });
    asked.on('error', reject);
    asked.end(bytes);
  });
}
