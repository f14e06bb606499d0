/**
 * The API of a master on the LAN, asked from outside of it: a few lines of forwarding in the host lead from a socket file to
 * its HTTPS port, so that the bench needs no route into the LAN and no client process a question.
 */
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Profile, parseProfile } from '../../../cli/api/kubeconfig.ts';
import type { JsonObject } from '../../../shared/machinery/json.ts';
import type { LanHost } from '../../support/lan/host.ts';
import { waitFor } from '../../support/wait.ts';

const FORWARDER = `
const net = require('node:net');
net.createServer((client) => {
  const server = net.connect(6443, '127.0.0.1');
  client.pipe(server).pipe(client);
  client.on('error', () => server.destroy());
  server.on('error', () => client.destroy());
}).listen('/run/api.sock');
`;

export interface LanApi {
  start(): Promise<void>;
  /** Throws when the answer is no success. */
  call<T = JsonObject>(method: string, path: string, body?: object): Promise<T>;
  /** The body of an answer that goes on; ends or fails with the connection. */
  stream(path: string): Promise<IncomingMessage>;
  stop(): Promise<void>;
}

export function openLanApi(host: LanHost): LanApi {
  let forwarder: ChildProcess | undefined;
  let profile: Profile | undefined;
  const agent = new Agent({ keepAlive: true });
  const send = async (method: string, path: string, body?: object): Promise<IncomingMessage> => {
    const { caCertificate: ca, clientCertificate: cert, clientKey: key } = profile ?? (await openProfile(host));
    const contentType = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
    const headers = { 'content-type': contentType, accept: 'application/json' };
    const options = { socketPath: join(host.folder, 'run/api.sock'), servername: 'bramble-master', agent };
    return new Promise((resolve, reject) => {
      const asked = request({ ...options, ca, cert, key, method, path, headers }, resolve);
      asked.on('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  };
  return {
    async start() {
      forwarder = host.start('forwarder', [process.execPath, '-e', FORWARDER]);
      profile = await openProfile(host);
      await waitFor('the API answers', async () => (await send('GET', '/version')).resume().statusCode === 200);
    },
    async call<T>(method: string, path: string, body?: object) {
      const response = await send(method, path, body);
      const answer = await text(response);
      const { statusCode = 0 } = response;
      if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${answer.slice(0, 300)}`);
      return JSON.parse(answer) as T;
    },
    stream: (path) => send('GET', path),
    async stop() {
      agent.destroy();
      forwarder?.kill('SIGKILL');
    },
  };
}

async function openProfile(host: LanHost): Promise<Profile> {
  const path = join(host.folder, 'lib-bramble/admin.kubeconfig');
  return parseProfile(await readFile(path, 'utf8'), path);
}
