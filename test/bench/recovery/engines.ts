/** Questions to the engines of the LAN's hosts, without a client process each. */
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import type { LanHost } from '../../support/lan/host.ts';

/** What the engine answers to a GET of its API; throws when that is no success. */
export function askEngine({ socketPath }: LanHost, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path }, (response) => {
      const { statusCode = 0 } = response;
      if (statusCode < 400) json(response).then(resolve, reject);
      else reject(new Error(`${path}: ${statusCode}`));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** Whether no engine has containers any more, also none that ended. */
export async function areEmpty(hosts: readonly LanHost[]): Promise<boolean> {
  const counts = await Promise.all(hosts.map((host) => askEngine(host, '/containers/json?all=true')));
  return counts.every((containers) => Array.isArray(containers) && containers.length === 0);
}
