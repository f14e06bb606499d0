/** Asks once for the eviction of each pod of a board, so that disruption budgets hold; what they keep is said. */
import { type Pod, PodKind } from '../../../shared/api/pod.ts';
import type { Client } from '../../../shared/client/client.ts';
import { isStatusError } from '../../../shared/machinery/errors.ts';

/** Evictions asked for at once. */
const CONCURRENCY = 4;

type Outcome = 'leaves' | 'kept' | 'gone';

/** Pods of DaemonSets stay: they would come back at once. */
export async function drain(client: Client, node: string): Promise<string> {
  const { items } = await client.list(PodKind, { fieldSelector: `spec.nodeName=${node}` });
  const pods = items.filter((pod) => isToLeave(pod));
  const outcomes: Outcome[] = [];
  for (let start = 0; start < pods.length; start += CONCURRENCY) {
    outcomes.push(...(await Promise.all(pods.slice(start, start + CONCURRENCY).map((pod) => evict(client, pod)))));
  }
  const leaving = outcomes.filter((outcome) => outcome === 'leaves').length;
  const kept = outcomes.filter((outcome) => outcome === 'kept').length;
  const rest = kept === 0 ? '' : ` ${kept} are kept for now by a disruption budget: drain again when others are ready.`;
  return `${node} takes no new pods, ${leaving} ${leaving === 1 ? 'pod leaves' : 'pods leave'} it.${rest}`;
}

function isToLeave({ metadata, status }: Pod): boolean {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const isOver = status.phase === 'Succeeded' || status.phase === 'Failed';
  return !isOver && metadata.deletionTimestamp === undefined && owner?.kind !== 'DaemonSet' && owner?.kind !== 'Node';
}

async function evict(client: Client, { metadata: { namespace, name } }: Pod): Promise<Outcome> {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  try {
    await client.post(PodKind, { namespace, name }, 'eviction', body);
    return 'leaves';
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return 'gone';
    if (isStatusError(error, 'TooManyRequests')) return 'kept';
    throw error;
  }
}
