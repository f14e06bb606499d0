/** `bramble cordon` and `uncordon`. */
import type { Api } from '../api/api.ts';
import { withSession } from '../api/session.ts';
import type { Context } from '../context.ts';
import type { ClusterOptions } from '../options.ts';

export interface CordonOptions extends ClusterOptions {
  nodes: string[];
  cordon: boolean;
}

export async function setSchedulable(context: Context, options: CordonOptions): Promise<void> {
  await withSession(context, options, async ({ api }) => {
    for (const name of options.nodes) await writeSchedulable(context, api, { name, cordon: options.cordon });
  });
}

export async function writeSchedulable(
  context: Context,
  api: Api,
  { name, cordon }: { name: string; cordon: boolean },
): Promise<void> {
  await api.object({
    method: 'PATCH',
    path: `/api/v1/nodes/${encodeURIComponent(name)}`,
    contentType: 'application/merge-patch+json',
    body: { spec: { unschedulable: cordon ? true : null } },
  });
  context.stdout.write(`node/${name} ${cordon ? 'cordoned' : 'uncordoned'}\n`);
}
