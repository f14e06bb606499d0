/**
 * Where the master of a kubeconfig is when it does not answer where the kubeconfig says: DHCP may have given it another
 * address. The LAN is asked, and only a master with the cluster's own certificate counts.
 */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../shared/platform/clock.ts';
import { computeCaHash } from '../../shared/protocol/join-token.ts';
import { BRAMBLE_SERVICE, isMasterOf } from '../../shared/protocol/mdns/bramble-service.ts';
import { findService } from '../../shared/protocol/mdns/find-service.ts';
import type { Profile } from './kubeconfig.ts';

export type MasterPlace = Pick<Profile, 'mqttHost' | 'mqttPort'>;

/** A person waits for it. */
const SEARCH_MS = 2_000;

/** undefined: nobody on the LAN is this cluster's master, or it is where the kubeconfig says. */
export async function findMaster(
  clock: Clock,
  { caCertificate, mqttHost, mqttPort }: Profile,
  search: typeof findService = findService,
): Promise<MasterPlace | undefined> {
  const caHash = computeCaHash(new X509Certificate(caCertificate).raw);
  const accept = (found: Parameters<typeof isMasterOf>[0]): boolean => isMasterOf(found, caHash);
  const found = await search({ service: BRAMBLE_SERVICE, accept, timeoutMs: SEARCH_MS, clock });
  if (found === undefined || (found.host === mqttHost && found.port === mqttPort)) return undefined;
  return { mqttHost: found.host, mqttPort: found.port };
}
