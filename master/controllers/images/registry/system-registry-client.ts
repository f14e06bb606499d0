/** The registry client of a real master (adapter): real requests, and CAs from Docker's own folder, where people put them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../../shared/platform/clock.ts';
import { createHttpFetch } from './http-fetch.ts';
import { RegistryAuthorization } from './registry-authorization.ts';
import { createRegistryClient, type RegistryClient } from './registry-client.ts';

/** Docker Engine, "Verify repository client with certificates". */
const CERTIFICATES = '/etc/docker/certs.d';

export function createSystemRegistryClient(options: {
  clock: Clock;
  insecureHosts: readonly string[];
}): RegistryClient {
  const fetch = createHttpFetch(options.clock);
  return createRegistryClient({
    fetch,
    authorization: new RegistryAuthorization(fetch, options.clock),
    insecureHosts: new Set(options.insecureHosts),
    caOf: (host) => readFile(join(CERTIFICATES, host, 'ca.crt'), 'utf8').catch(() => undefined),
  });
}
