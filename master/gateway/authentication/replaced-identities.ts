/**
 * Certificates of nodes that count no longer, because another board has been given the node's name: a certificate cannot be
 * taken back, so the master remembers since when those of a name count. Written by the certificate controller.
 */
import type { X509Certificate } from 'node:crypto';
import { ConfigMapKind } from '../../../shared/api/config-map.ts';
import { NODE_IDENTITIES } from '../../../shared/api/node-identities.ts';
import type { Client } from '../../../shared/client/client.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';
import { parseTime } from '../../../shared/platform/clock.ts';
import { unauthorized } from './unauthorized.ts';

const NODE_USER_PREFIX = 'system:node:';

/** Rejects with Unauthorized. */
export async function refuseReplaced(
  client: Pick<Client, 'get'>,
  user: string,
  certificate: X509Certificate,
): Promise<void> {
  if (!user.startsWith(NODE_USER_PREFIX)) return;
  const sinceMs = parseTime((await readIdentities(client))[user.slice(NODE_USER_PREFIX.length)]);
  if (sinceMs === undefined || certificate.validFromDate.getTime() >= sinceMs) return;
  throw unauthorized('another board has taken the place of this one, and its certificate counts no longer');
}

async function readIdentities(client: Pick<Client, 'get'>): Promise<Readonly<Record<string, string>>> {
  try {
    return (await client.get(ConfigMapKind, NODE_IDENTITIES)).data ?? {};
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return {};
    throw error;
  }
}
