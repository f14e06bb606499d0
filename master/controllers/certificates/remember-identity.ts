/** Writes down since when certificates of a node's name count; see shared/api/node-identities.ts. */
import { ConfigMapKind } from '../../../shared/api/config-map.ts';
import { NODE_IDENTITIES } from '../../../shared/api/node-identities.ts';
import type { Client } from '../../../shared/client/client.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';

export async function rememberIdentity(client: Client, node: string, since: string): Promise<void> {
  const data = { [node]: since };
  try {
    await client.patch(ConfigMapKind, NODE_IDENTITIES, { type: 'merge', body: { data } });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
    // Somebody else may make it first: the next reconcile patches it.
    await client.create(ConfigMapKind, { metadata: { ...NODE_IDENTITIES }, data });
  }
}
