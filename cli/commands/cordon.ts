/** `bramble cordon` and `uncordon`. */
import type { Api } from '../api/api.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import type { ClusterOptions } from '../options.ts';
import { type ResultOptions, writeResult } from '../print/result.ts';

export interface CordonOptions extends ClusterOptions {
  nodes: string[];
  cordon: boolean;
}

export async function setSchedulable(context: Context, options: CordonOptions): Promise<void> {
  await withSession(context, options, async ({ api }) => {
    for (const name of options.nodes) await writeSchedulable(context, api, { ...options, name });
  });
}

export async function writeSchedulable(
  context: Context,
  api: Api,
  { name, cordon, ...options }: { name: string; cordon: boolean } & ResultOptions,
): Promise<void> {
  await api.object({
    method: 'PATCH',
    path: `/api/v1/nodes/${encodeURIComponent(name)}`,
    contentType: 'application/merge-patch+json',
    body: { spec: { unschedulable: cordon ? true : null } },
  });
  writeResult(context, options, { object: `node/${name}`, result: cordon ? 'cordoned' : 'uncordoned' });
}
